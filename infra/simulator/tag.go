package simulator

import (
	"fmt"
	"maps"
)

// createTags tags every interface that the call names. Other kinds of resources
// have no need of it here.
func (w *World) createTags(c *Call, _ Fault) (any, *Error) {
	ids := list(c.Form, "ResourceId")
	for _, id := range ids {
		eni, ok := w.interfaces.rows[id]
		if !ok {
			return nil, interfaceKind.unknown(id)
		}
		if err := w.permit(c, w.resourceOf(eni)); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		w.change(id, func(eni *Interface) { maps.Copy(eni.Tags, tagsOf(c, "Tag")) })
	}
	return done{true}, nil
}

// tagsOf reads a list of tags from a call.
func tagsOf(c *Call, name string) map[string]string {
	tags := map[string]string{}
	for n := 1; c.Form.Has(fmt.Sprintf("%s.%d.Key", name, n)); n++ {
		tags[c.Form.Get(fmt.Sprintf("%s.%d.Key", name, n))] = c.Form.Get(fmt.Sprintf("%s.%d.Value", name, n))
	}
	return tags
}
