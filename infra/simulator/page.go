package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The bounds of MaxResults (facts 4; EC2 API Reference, DescribeNetworkInterfaces).
const minPage, maxPage = 5, 1000

// A listing says how one kind of resource is listed.
type listing[T any] struct {
	fields   fields[T]
	ids      string // the parameter that lists IDs
	prefix   string // of such an ID
	malform  string // the code for an ID of another form
	notFound string // the code for an unknown one
	noun     string // in messages
}

// A token is what an opaque NextToken hides: the last ID seen, and the query it
// belongs to. No two are alike, not even after two empty pages: boto3 takes a
// token that comes again for a loop.
type token struct {
	After, Query string
	Nonce        uint64
}

// page answers a listing: all of the rows that match, those of the IDs, or one page.
func page[T any](w *World, c *Call, f Fault, l listing[T], rows map[string]T) (found []T, next string, err *Error) {
	filters, err := filtersOf(c.Form, l.fields)
	if err != nil {
		return nil, "", err
	}
	size, after, err := l.bounds(c)
	if err != nil {
		return nil, "", err
	}
	wanted := list(c.Form, l.ids)
	if size == 0 && len(wanted) == 0 && w.options.PagesOnly {
		// The code is not documented, only that such calls fail (facts 4).
		return nil, "", &Error{400, "OperationNotPermitted", "This account has too many resources for an unpaginated call. Specify MaxResults."}
	}
	if err := l.check(wanted, rows); err != nil {
		return nil, "", err
	}
	last := after
	if size > 0 && (f.EmptyPage || w.chance(w.options.EmptyPages)) {
		size = -1
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if id <= after || len(wanted) > 0 && !slices.Contains(wanted, id) || !l.fields.matches(rows[id], filters) {
			continue
		}
		if size < 0 || size > 0 && len(found) == size {
			return found, token{last, query(c.Form), w.rand.Uint64()}.String(), nil
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
	if raw := c.Form.Get("NextToken"); raw != "" {
		t, ok := parseToken(raw)
		if !ok || t.Query != query(c.Form) {
			return 0, "", &Error{400, "InvalidNextToken", "The token is not valid for this request."}
		}
		after = t.After
		if size == 0 {
			size = maxPage
		}
	}
	if size > 0 && c.Form.Has(l.ids+".1") {
		return 0, "", &Error{400, "InvalidParameterCombination", "The parameter " + l.ids + " cannot be used with the parameter MaxResults"}
	}
	return size, after, nil
}

// check refuses IDs that are not IDs, and, all of them, if one is unknown (facts 4).
func (l listing[T]) check(wanted []string, rows map[string]T) *Error {
	for _, id := range wanted {
		if !isID(l.prefix, id) {
			return &Error{400, l.malform, fmt.Sprintf("Invalid id: %q", id)}
		}
		if _, ok := rows[id]; !ok {
			return &Error{400, l.notFound, fmt.Sprintf("The %s ID '%s' does not exist", l.noun, id)}
		}
	}
	return nil
}

// isID tells whether s is the prefix and 8 or 17 hex digits.
func isID(prefix, s string) bool {
	digits, ok := strings.CutPrefix(s, prefix+"-")
	return ok && (len(digits) == 8 || len(digits) == 17) && strings.Trim(digits, "0123456789abcdef") == ""
}

// isListing tells whether an action is one that EC2 throttles as a listing.
func isListing(action string) bool { return strings.HasPrefix(action, "Describe") }

// hasIDs tells whether a listing asks for named resources.
func hasIDs(c *Call) bool {
	return c.Form.Has("NetworkInterfaceId.1") || c.Form.Has("InstanceId.1") || c.Form.Has("SubnetId.1")
}

// query is what a token holds on to: the call without its place in the pages.
func query(form url.Values) string {
	rest := url.Values{}
	for name, values := range form {
		if name != "NextToken" && name != "MaxResults" {
			rest[name] = values
		}
	}
	return rest.Encode()
}

func (t token) String() string {
	raw, err := json.Marshal(t)
	if err != nil {
		panic(err) // two strings
	}
	return base64.URLEncoding.EncodeToString(raw)
}

func parseToken(s string) (t token, ok bool) {
	raw, err := base64.URLEncoding.DecodeString(s)
	return t, err == nil && json.Unmarshal(raw, &t) == nil
}
