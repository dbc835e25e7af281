package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
)

// A Call is one API call, as operations get it and as the record keeps it.
type Call struct {
	At      time.Time
	Caller  string // the access key ID; a CNI's calls have its instance's ID
	Service string // "ec2" or "autoscaling"
	Action  string
	Number  int        // this was the Number-th call of this action
	Form    url.Values // the parameters
	DryRun  bool
	Status  int    // of the answer; 0 if the connection was cut instead
	Code    string // the answer's error code; "" for a success
	Fault   Fault  // that it met

	front *Front
}

// An Operation does an action's own part, inside the loop.
type Operation func(*Call) (any, *Error)

// An Error is an answer that is not a success.
type Error struct {
	Status  int
	Code    string
	Message string
}

// NewError returns an error answer.
func NewError(status int, code, message string) *Error { return &Error{status, code, message} }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Calls returns the record: all calls so far, in the order of their answers; to read only.
func (f *Front) Calls() []Call { return slices.Clip(f.calls) }

// Call makes a call from inside the loop, by the account's means: its buckets, its record.
func (f *Front) Call(service, action, caller string, form url.Values) (any, *Error) {
	return f.answer(f.arrive(service, action, caller, form, context.Background()))
}

// Permit judges the call on a resource by the caller's policy. A caller without one
// may do everything. A dry run ends here.
func (c *Call) Permit(r iam.Resource) *Error {
	f := c.front
	if p, limited := f.policies[c.Caller]; limited {
		keys := map[string]string{"aws:requestedregion": f.account.Region}
		maps.Copy(keys, r.Keys)
		if !p.Allows(c.Service+":"+c.Action, iam.Resource{ARN: r.ARN, Keys: keys}) {
			return NewError(403, f.services[c.Service].Denied, fmt.Sprintf("You are not authorized to perform this operation. The caller %s is not authorized to perform: %s:%s on resource: %s", c.Caller, c.Service, c.Action, r.ARN))
		}
	}
	if c.DryRun {
		return NewError(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	return nil
}

// List reads a list parameter: name.1, name.2, ...
func (c *Call) List(name string) []string {
	var values []string
	for n := 1; c.Form.Has(fmt.Sprintf("%s.%d", name, n)); n++ {
		values = append(values, c.Form.Get(fmt.Sprintf("%s.%d", name, n)))
	}
	return values
}

// Allow gives a caller a policy: from then on it may do what that allows.
func (f *Front) Allow(accessKey string, p iam.Policy) { f.policies[accessKey] = p }

// arrive numbers a call and decides what it meets.
func (f *Front) arrive(service, action, caller string, form url.Values, ctx context.Context) *Call {
	f.counts[action]++
	c := &Call{
		At: f.loop.Now(), Caller: caller, Service: service, Action: action, Number: f.counts[action],
		Form: maps.Clone(form), DryRun: form.Get("DryRun") == "true", front: f,
	}
	c.Fault = f.faultOf(ctx, *c)
	return c
}

// answer does what a call requests, unless something stands against it, and writes
// it to the record.
func (f *Front) answer(c *Call) (any, *Error) {
	result, err := f.attempt(c)
	c.At, c.Status = f.loop.Now(), http.StatusOK
	if err != nil {
		c.Status, c.Code = err.Status, err.Code
	}
	f.calls = append(f.calls, *c)
	return result, err
}

// attempt throttles before everything else: a call that would fail anyway costs a token, too.
func (f *Front) attempt(c *Call) (any, *Error) {
	service := f.services[c.Service]
	if c.Fault.Code != "" {
		return nil, c.Fault.error()
	}
	do, ok := service.Operations[c.Action]
	if !ok {
		return nil, NewError(400, "InvalidAction", "The action "+c.Action+" is not valid for this web service.")
	}
	if !f.throttle(service, c) {
		return nil, service.Throttled
	}
	return do(c)
}

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
		return "", NewError(400, c.front.services[c.Service].BadToken, "The token is not valid for this request.")
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
