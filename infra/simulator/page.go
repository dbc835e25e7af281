package simulator

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The bounds of MaxResults (EC2 API Reference, DescribeNetworkInterfaces).
const minPage, maxPage = 5, 1000

// page answers a listing: all of the rows shown that match, those of the IDs, or one page.
func page[T any](w *World, c *Call, f Fault, l listing[T], rows map[string]T, shown func(T) bool) (found []T, next string, err *Error) {
	if err := w.permit(c, everything); err != nil {
		return nil, "", err
	}
	filters, err := filtersOf(c.Form, l)
	if err != nil {
		return nil, "", err
	}
	size, after, err := l.bounds(c)
	if err != nil {
		return nil, "", err
	}
	wanted := list(c.Form, l.parameter)
	if size == 0 && len(wanted) == 0 && w.options.PagesOnly {
		// The reference says only that such calls fail. The code is not documented.
		return nil, "", &Error{400, "OperationNotPermitted", "This account has too many resources for an unpaginated call. Specify MaxResults."}
	}
	for _, id := range wanted {
		if row, ok := rows[id]; !ok || !shown(row) {
			return nil, "", l.unknown(id)
		}
	}
	last := after
	if size > 0 && (f.EmptyPage || w.chance(w.options.EmptyPages)) {
		size = -1
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if id <= after || len(wanted) > 0 && !slices.Contains(wanted, id) || !shown(rows[id]) || !l.matches(rows[id], filters) {
			continue
		}
		if size < 0 || size > 0 && len(found) == size {
			return found, w.token(c, last), nil
		}
		found, last = append(found, rows[id]), id
	}
	return found, "", nil
}

// bounds are the page's size, 0 for no pages, and the ID that it starts after.
func (l listing[T]) bounds(c *Call) (size int, after string, err *Error) {
	if raw := c.Form.Get("MaxResults"); raw != "" {
		n, parse := strconv.Atoi(raw)
		if parse != nil || n < minPage || n > maxPage {
			return 0, "", &Error{400, "InvalidParameterValue", fmt.Sprintf("Value ( %s ) for parameter maxResults is invalid. Expecting a value from %d to %d.", raw, minPage, maxPage)}
		}
		size = n
	}
	if c.Form.Get("NextToken") != "" && size == 0 {
		size = maxPage
	}
	if size > 0 && c.Form.Has(l.parameter+".1") {
		return 0, "", &Error{400, "InvalidParameterCombination", "The parameter " + l.parameter + " cannot be used with the parameter MaxResults"}
	}
	after, err = resume(c)
	return size, after, err
}

// token is an opaque NextToken: the last ID or name seen, and the query that it
// belongs to. No two are alike, not even after two empty pages: boto3 takes a
// token that comes again for a loop.
func (w *World) token(c *Call, after string) string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%016x %s %s", w.rand.Uint64(), after, query(c.Form)))
}

// resume reads a call's NextToken: where the listing goes on, "" for its start.
func resume(c *Call) (after string, err *Error) {
	given := c.Form.Get("NextToken")
	if given == "" {
		return "", nil
	}
	raw, undecodable := base64.URLEncoding.DecodeString(given)
	parts := strings.SplitN(string(raw), " ", 3)
	if undecodable != nil || len(parts) != 3 || parts[2] != query(c.Form) {
		return "", &Error{400, "InvalidNextToken", "The token is not valid for this request."}
	}
	return parts[1], nil
}

// query is what a token holds on to: the call without its place in the pages.
func query(form url.Values) string {
	rest := maps.Clone(form)
	for _, place := range []string{"NextToken", "MaxResults", "MaxRecords"} {
		rest.Del(place)
	}
	return rest.Encode()
}
