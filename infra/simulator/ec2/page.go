package ec2

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
)

// The bounds of MaxResults (EC2 API Reference, DescribeNetworkInterfaces).
const minPage, maxPage = 5, 1000

// page answers a listing: all of the rows shown that match, those of the IDs, or one page.
func page[T any](s service, c *api.Call, l listing[T], rows map[string]T, shown func(T) bool) (found []T, next string, err *api.Error) {
	if err := c.Permit(iam.Everything); err != nil {
		return nil, "", err
	}
	filters, err := filtersOf(c, l)
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
		if id <= after || len(wanted) > 0 && !slices.Contains(wanted, id) || !shown(rows[id]) || !l.matches(rows[id], filters) {
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
