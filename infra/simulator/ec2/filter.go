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

// A filter is satisfied by a resource with any of its values.
type filter struct {
	name     string
	exact    map[string]bool // the values without wildcards: there may be 200, for thousands of resources
	patterns []string        // the others
}

func newFilter(name string, values []string) filter {
	f := filter{name: name, exact: map[string]bool{}}
	for _, value := range values {
		if strings.ContainsAny(value, `*?\`) {
			f.patterns = append(f.patterns, value)
		} else {
			f.exact[value] = true
		}
	}
	return f
}

func (f filter) admits(have string) bool { return f.exact[have] || iam.AnyLike(f.patterns, have) }

// The filters that have a use here. EC2 has more; a name that is not here is refused
// as EC2 refuses an unknown one.
var interfaceListing = listing[Interface]{idKind: interfaceID, tags: func(e Interface) map[string]string { return e.Tags }, named: map[string]func(Interface) []string{
	"status":                 func(e Interface) []string { return []string{e.Status} },
	"description":            func(e Interface) []string { return []string{e.Description} },
	"subnet-id":              func(e Interface) []string { return []string{e.Subnet} },
	"vpc-id":                 func(e Interface) []string { return []string{e.VPC} },
	"network-interface-id":   func(e Interface) []string { return []string{e.ID} },
	"owner-id":               func(e Interface) []string { return []string{e.Owner} },
	"interface-type":         func(e Interface) []string { return []string{e.Type} },
	"requester-managed":      func(e Interface) []string { return []string{strconv.FormatBool(e.RequesterManaged)} },
	"operator.managed":       func(e Interface) []string { return []string{strconv.FormatBool(e.Operator != "")} },
	"attachment.status":      attachmentField(func(a *Attachment) string { return a.Status }),
	"attachment.instance-id": attachmentField(func(a *Attachment) string { return a.Instance }),
}}

var instanceListing = listing[Instance]{idKind: instanceID, tags: func(i Instance) map[string]string { return i.Tags }, named: map[string]func(Instance) []string{
	"instance-id":         func(i Instance) []string { return []string{i.ID} },
	"instance-state-name": func(i Instance) []string { return []string{i.State} },
	"subnet-id":           func(i Instance) []string { return present(i.Subnet) },
	"vpc-id":              func(i Instance) []string { return present(i.VPC) },
}}

var subnetListing = listing[*subnet]{idKind: subnetID, named: map[string]func(*subnet) []string{
	"subnet-id": func(s *subnet) []string { return []string{s.id} },
	"vpc-id":    func(s *subnet) []string { return []string{s.vpc} },
}}

// filtersOf reads a call's filters and refuses what EC2 refuses.
func filtersOf[T any](c *api.Call, known listing[T]) ([]filter, *api.Error) {
	var filters []filter
	total := 0
	for n := 1; c.Form.Has(fmt.Sprintf("Filter.%d.Name", n)); n++ {
		name, values := c.Form.Get(fmt.Sprintf("Filter.%d.Name", n)), c.List(fmt.Sprintf("Filter.%d.Value", n))
		if known.named[name] == nil && !(known.tags != nil && isTagFilter(name)) {
			return nil, api.NewError(400, "InvalidParameterValue", "The filter '"+name+"' is invalid")
		}
		if len(values) == 0 {
			return nil, api.NewError(400, "InvalidParameterValue", "The filter '"+name+"' has no value")
		}
		if slices.ContainsFunc(values, func(v string) bool { return len(v) > maxFilterLength }) {
			return nil, api.NewError(400, "InvalidParameterValue", fmt.Sprintf("A value of the filter '%s' is longer than %d characters", name, maxFilterLength))
		}
		filters, total = append(filters, newFilter(name, values)), total+len(values)
	}
	if len(filters) > maxFilters {
		return nil, api.NewError(400, "FilterLimitExceeded", fmt.Sprintf("The maximum number of filters specified on a single call is %d", maxFilters))
	}
	if total > maxFilterValues {
		return nil, api.NewError(400, "FilterLimitExceeded", fmt.Sprintf("The maximum number of filter values specified on a single call is %d", maxFilterValues))
	}
	return filters, nil
}

// matches holds if the resource satisfies every filter.
func (l listing[T]) matches(resource T, filters []filter) bool {
	for _, f := range filters {
		if !slices.ContainsFunc(l.of(resource, f.name), f.admits) {
			return false
		}
	}
	return true
}

// of returns the values that the resource has for a filter.
func (l listing[T]) of(resource T, name string) []string {
	if field := l.named[name]; field != nil {
		return field(resource)
	}
	tags := l.tags(resource)
	if name == "tag-key" {
		return slices.Collect(maps.Keys(tags))
	}
	if value, ok := tags[strings.TrimPrefix(name, "tag:")]; ok {
		return []string{value}
	}
	return nil
}

func isTagFilter(name string) bool { return name == "tag-key" || strings.HasPrefix(name, "tag:") }

func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

func attachmentField(of func(*Attachment) string) func(Interface) []string {
	return func(e Interface) []string {
		if e.Attachment == nil {
			return nil
		}
		return present(of(e.Attachment))
	}
}
