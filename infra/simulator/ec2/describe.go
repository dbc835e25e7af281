package ec2

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
)

// describeNetworkInterfaces lists the account's interfaces, those that others own
// in its subnets, and, if hidden, the managed ones only on request.
func (s service) describeNetworkInterfaces(c *api.Call) (any, *api.Error) {
	rows := s.InterfaceStore.table.asOf(s.loop.Now().Add(-c.Fault.Stale))
	found, next, err := page(s, c, interfaceListing, rows, func(eni Interface) bool { return !s.hidden(c, eni.Operator) })
	answer := describeNetworkInterfacesResponse{NextToken: next}
	for _, eni := range found {
		answer.Interfaces = append(answer.Interfaces, interfaceToXML(eni))
	}
	return answer, err
}

// appearsWithin is how soon after its launch every listing has an instance, however old the
// listing is otherwise. Assumed: EC2 documents no bound (EC2 Developer Guide, "Eventual
// consistency"). ReleaseUntagged rests on it (docs/rule.md).
const appearsWithin = time.Minute

// describeInstances lists the account's own instances; terminated ones until they vanish.
func (s service) describeInstances(c *api.Call) (any, *api.Error) {
	rows := s.InstanceStore.table.asOf(s.loop.Now().Add(-c.Fault.Stale))
	if c.Fault.Stale > appearsWithin {
		recent := maps.Clone(s.InstanceStore.table.asOf(s.loop.Now().Add(-appearsWithin)))
		maps.Copy(recent, rows)
		rows = recent
	}
	found, next, err := page(s, c, instanceListing, rows, func(i Instance) bool {
		return i.Owner == s.account.ID && !s.hidden(c, i.Operator) && (!i.Hidden || c.Caller == i.ID)
	})
	answer := describeInstancesResponse{NextToken: next}
	for _, i := range found {
		answer.Reservations = append(answer.Reservations, reservationXML{ID: "r" + i.ID[1:], Owner: i.Owner, Instances: []instanceXML{instanceToXML(i)}})
	}
	return answer, err
}

func (s service) describeSubnets(c *api.Call) (any, *api.Error) {
	found, next, err := page(s, c, subnetListing, s.Network.subnets, func(*subnet) bool { return true })
	answer := describeSubnetsResponse{NextToken: next}
	for _, n := range found {
		answer.Subnets = append(answer.Subnets, *n) // as it is now: the answer is written outside of the loop
	}
	return answer, err
}

// hidden holds if the account setting hides a managed resource from the call. Named by its ID it
// is shown (EC2 API Reference, DescribeNetworkInterfaces: IncludeManagedResources).
func (s service) hidden(c *api.Call, operator string) bool {
	named := c.Form.Has("NetworkInterfaceId.1") || c.Form.Has("InstanceId.1")
	return operator != "" && s.settings.HideManaged && !named && c.Form.Get("IncludeManagedResources") != "true"
}

// The bounds of MaxResults (EC2 API Reference, DescribeNetworkInterfaces).
const minPage, maxPage = 5, 1000

// page answers a listing: all of the rows shown that match, those of the IDs, or one page.
func page[T any](s service, c *api.Call, l listing[T], rows map[string]T, shown func(T) bool) (found []T, next string, err *api.Error) {
	if err := c.Permit(iam.Everything); err != nil {
		return nil, "", err
	}
	filters, err := l.filters(c)
	if err != nil {
		return nil, "", err
	}
	size, after, err := l.bounds(c)
	if err != nil {
		return nil, "", err
	}
	wanted := c.List(l.parameter)
	if size == 0 && len(wanted) == 0 && s.settings.PagesOnly {
		// The reference documents that such calls fail, not the code.
		return nil, "", api.NewError(400, "OperationNotPermitted", "This account has too many resources for an unpaginated call. Specify MaxResults.")
	}
	for _, id := range wanted {
		if row, ok := rows[id]; !ok || !shown(row) {
			return nil, "", l.unknown(id)
		}
	}
	last := after
	if size > 0 && (c.Fault.EmptyPage || s.loop.Chance(s.settings.EmptyPages)) {
		size = -1
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		fails := func(passes func(T) bool) bool { return !passes(rows[id]) }
		if id <= after || len(wanted) > 0 && !slices.Contains(wanted, id) || !shown(rows[id]) || slices.ContainsFunc(filters, fails) {
			continue
		}
		if size < 0 || size > 0 && len(found) == size {
			return found, c.Token(last), nil
		}
		found, last = append(found, rows[id]), id
	}
	return found, "", nil
}

// bounds returns the page's size, 0 for no pages, and the ID that it starts after.
func (l listing[T]) bounds(c *api.Call) (size int, after string, err *api.Error) {
	if raw := c.Form.Get("MaxResults"); raw != "" {
		n, parse := strconv.Atoi(raw)
		if parse != nil || n < minPage || n > maxPage {
			return 0, "", api.NewError(400, "InvalidParameterValue", fmt.Sprintf("Value ( %s ) for parameter maxResults is invalid. Expecting a value from %d to %d.", raw, minPage, maxPage))
		}
		size = n
	}
	if c.Form.Get("NextToken") != "" && size == 0 {
		size = maxPage
	}
	if size > 0 && c.Form.Has(l.parameter+".1") {
		return 0, "", api.NewError(400, "InvalidParameterCombination", "The parameter "+l.parameter+" cannot be used with the parameter MaxResults")
	}
	after, err = c.Resume()
	return size, after, err
}

// An idKind is how one kind of resource is named.
type idKind struct {
	parameter string // of calls that name a resource by its ID
	prefix    string // of the ID
	notFound  string // the code about one that does not exist
	malformed string // the code about one that cannot exist
	noun      string // in messages
}

// The kinds, with their codes of the EC2 API Reference, "Error codes", letter case included.
var (
	interfaceID = idKind{"NetworkInterfaceId", "eni", "InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterfaceId.Malformed", "networkInterface"}
	instanceID  = idKind{"InstanceId", "i", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed", "instance"}
	subnetID    = idKind{"SubnetId", "subnet", "InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed", "subnet"}
)

// unknown refuses an ID that does not exist. One that has not the prefix and 8 or 17
// hex digits is malformed (EC2 User Guide, "Resource IDs").
func (k idKind) unknown(id string) *api.Error {
	digits, ok := strings.CutPrefix(id, k.prefix+"-")
	if !ok || len(digits) != 8 && len(digits) != 17 || strings.Trim(digits, "0123456789abcdef") != "" {
		return api.NewError(400, k.malformed, fmt.Sprintf("Invalid id: %q", id))
	}
	return api.NewError(400, k.notFound, fmt.Sprintf("The %s ID '%s' does not exist", k.noun, id))
}
