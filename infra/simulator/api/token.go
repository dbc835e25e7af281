package api

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"strings"
)

// Token returns an opaque NextToken: the last ID or name seen, and the query that it
// belongs to. No two are alike, not even after two empty pages, because boto3 takes
// a token that comes again for a loop.
func (c *Call) Token(after string) string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%016x %s %s", c.front.loop.Uint64(), after, query(c.Form)))
}

// Resume reads the call's NextToken: where the listing goes on, "" for its start.
func (c *Call) Resume() (after string, err *Error) {
	given := c.Form.Get("NextToken")
	if given == "" {
		return "", nil
	}
	raw, undecodable := base64.URLEncoding.DecodeString(given)
	parts := strings.SplitN(string(raw), " ", 3)
	if undecodable != nil || len(parts) != 3 || parts[2] != query(c.Form) {
		return "", NewError(400, "InvalidNextToken", "The token is not valid for this request.")
	}
	return parts[1], nil
}

// query returns what a token is bound to: the call without its place in the pages.
func query(form url.Values) string {
	rest := maps.Clone(form)
	for _, place := range []string{"NextToken", "MaxResults", "MaxRecords"} {
		rest.Del(place)
	}
	return rest.Encode()
}
