package ec2

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
)

// The limits of a call's filters (EC2 User Guide, "Find your Amazon EC2 resources").
// The guide allows 200 values for each filter; EC2's error allows as many for all
// filters of a call (observed).
const (
	maxFilters      = 50
	maxFilterValues = 200
	maxFilterLength = 255
)

// A listing is how one kind of resource is listed, and what it can be filtered by:
// the filters' names, each with the values that a resource has for it, and its tags.
type listing[T any] struct {
	idKind
	named map[string]func(T) []string
	tags  func(T) map[string]string // nil for a kind without tag filters
}

// The filters that have a use here. EC2 has more; a name that is not here is refused
// as EC2 refuses an unknown one.
var interfaceListing = listing[Interface]{idKind: interfaceID, tags: func(e Interface) map[string]string { return e.Tags }, named: map[string]func(Interface) []string{
	"status":               func(e Interface) []string { return []string{e.Status} },
	"description":          func(e Interface) []string { return []string{e.Description} },
	"subnet-id":            func(e Interface) []string { return []string{e.Subnet} },
	"vpc-id":               func(e Interface) []string { return []string{e.VPC} },
	"network-interface-id": func(e Interface) []string { return []string{e.ID} },
	"operator.managed":     func(e Interface) []string { return []string{strconv.FormatBool(e.Operator != "")} },
}}

var instanceListing = listing[Instance]{idKind: instanceID, tags: func(i Instance) map[string]string { return i.Tags }, named: map[string]func(Instance) []string{
	"instance-id": func(i Instance) []string { return []string{i.ID} },
	"subnet-id":   func(i Instance) []string { return present(i.shown().Subnet) },
	"vpc-id":      func(i Instance) []string { return present(i.shown().VPC) },
}}

var subnetListing = listing[*subnet]{idKind: subnetID, named: map[string]func(*subnet) []string{
	"subnet-id": func(s *subnet) []string { return []string{s.ID} },
	"vpc-id":    func(s *subnet) []string { return []string{s.VPC} },
}}

// filters returns a call's filters, all of which a resource must pass, and refuses what EC2 refuses.
func (l listing[T]) filters(c *api.Call) (filters []func(T) bool, err *api.Error) {
	total := 0
	for n := 1; c.Form.Has(fmt.Sprintf("Filter.%d.Name", n)); n++ {
		name, values := c.Form.Get(fmt.Sprintf("Filter.%d.Name", n)), c.List(fmt.Sprintf("Filter.%d.Value", n))
		field, admits := l.field(name), admits(values)
		switch {
		case field == nil:
			return nil, api.NewError(400, "InvalidParameterValue", "The filter '"+name+"' is invalid")
		case len(values) == 0:
			return nil, api.NewError(400, "InvalidParameterValue", "The filter '"+name+"' has no value")
		case slices.ContainsFunc(values, func(v string) bool { return len(v) > maxFilterLength }):
			return nil, api.NewError(400, "InvalidParameterValue", fmt.Sprintf("A value of the filter '%s' is longer than %d characters", name, maxFilterLength))
		}
		filters = append(filters, func(row T) bool { return slices.ContainsFunc(field(row), admits) })
		total += len(values)
	}
	if len(filters) > maxFilters {
		return nil, api.NewError(400, "FilterLimitExceeded", fmt.Sprintf("The maximum number of filters specified on a single call is %d", maxFilters))
	}
	if total > maxFilterValues {
		return nil, api.NewError(400, "FilterLimitExceeded", fmt.Sprintf("The maximum number of filter values specified on a single call is %d", maxFilterValues))
	}
	return filters, nil
}

// field returns what reads the values that a resource has for a filter; nil for an unknown one.
func (l listing[T]) field(name string) func(T) []string {
	key, byTag := strings.CutPrefix(name, "tag:")
	switch {
	case l.tags != nil && byTag:
		return func(row T) []string {
			if value, ok := l.tags(row)[key]; ok {
				return []string{value}
			}
			return nil
		}
	case l.tags != nil && name == "tag-key":
		return func(row T) []string { return slices.Collect(maps.Keys(l.tags(row))) }
	}
	return l.named[name]
}

// admits returns what holds for any of a filter's values. There may be 200, for thousands of
// resources, so those without wildcards are looked up.
func admits(values []string) func(have string) bool {
	exact, patterns := map[string]bool{}, []string{}
	for _, value := range values {
		if strings.ContainsAny(value, `*?\`) {
			patterns = append(patterns, value)
		} else {
			exact[value] = true
		}
	}
	return func(have string) bool { return exact[have] || iam.AnyLike(patterns, have) }
}

func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
