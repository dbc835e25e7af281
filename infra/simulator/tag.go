package simulator

import (
	"fmt"
	"maps"
)

func (w *World) createTags(c *Call, _ Fault) (any, *Error) {
	return w.tag(c, func(tags map[string]string) { maps.Copy(tags, tagsOf(c, "Tag")) })
}

func (w *World) deleteTags(c *Call, _ Fault) (any, *Error) {
	return w.tag(c, func(tags map[string]string) {
		for key := range tagsOf(c, "Tag") {
			delete(tags, key)
		}
	})
}

// tag changes the tags of every interface that the call names. Other kinds of
// resources have no need of it here.
func (w *World) tag(c *Call, change func(map[string]string)) (any, *Error) {
	ids := list(c.Form, "ResourceId")
	for _, id := range ids {
		eni, ok := w.interfaces.get(id)
		if !ok {
			return nil, &Error{400, "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '" + id + "' does not exist"}
		}
		if err := w.permit(c, w.resourceOf(eni)); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		w.change(id, func(eni *Interface) { change(eni.Tags) })
	}
	return tagsResponse{Return: true}, nil
}

// tagsOf reads a list of tags from a call.
func tagsOf(c *Call, name string) map[string]string {
	tags := map[string]string{}
	for n := 1; c.Form.Has(fmt.Sprintf("%s.%d.Key", name, n)); n++ {
		tags[c.Form.Get(fmt.Sprintf("%s.%d.Key", name, n))] = c.Form.Get(fmt.Sprintf("%s.%d.Value", name, n))
	}
	return tags
}
