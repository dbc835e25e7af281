package simulator

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// A Call is one API call, as the journal keeps it.
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
}

// An Error is an answer of EC2 or Auto Scaling that is not a success.
type Error struct {
	Status  int
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Calls are all calls so far, in the order of their answers.
func (w *World) Calls() []Call {
	defer w.enter()()
	return slices.Clone(w.calls)
}

// An operation is one action of an API. It sees the call and the fault that the call met.
type operation func(*World, *Call, Fault) (any, *Error)

// operations are the actions that the world understands, by service. Each does its
// part with the world locked.
var operations = map[string]map[string]operation{
	"ec2": {
		"DescribeNetworkInterfaces":       (*World).describeNetworkInterfaces,
		"DescribeInstances":               (*World).describeInstances,
		"DescribeSubnets":                 (*World).describeSubnets,
		"CreateNetworkInterface":          (*World).createNetworkInterface,
		"AttachNetworkInterface":          (*World).attachNetworkInterface,
		"ModifyNetworkInterfaceAttribute": (*World).modifyNetworkInterfaceAttribute,
		"DetachNetworkInterface":          (*World).detachNetworkInterface,
		"DeleteNetworkInterface":          (*World).deleteNetworkInterface,
		"CreateTags":                      (*World).createTags,
	},
	"autoscaling": {
		"DescribeAutoScalingGroups": (*World).describeAutoScalingGroups,
	},
}

// arrive numbers a call and says what it meets.
func (w *World) arrive(service, action, caller string, form url.Values) (*Call, Fault) {
	w.counts[action]++
	c := &Call{At: w.now, Caller: caller, Service: service, Action: action, Number: w.counts[action], Form: maps.Clone(form), DryRun: form.Get("DryRun") == "true"}
	return c, w.faultOf(*c)
}

// answer does what a call asks for, unless something stands against it, and
// writes it to the journal. Throttling comes before everything else: a call that
// would fail anyway costs a token, too.
func (w *World) answer(c *Call, f Fault) (any, *Error) {
	result, err := w.attempt(c, f)
	c.At, c.Status = w.now, http.StatusOK
	if err != nil {
		c.Status, c.Code = err.Status, err.Code
	}
	w.calls = append(w.calls, *c)
	return result, err
}

func (w *World) attempt(c *Call, f Fault) (any, *Error) {
	if f.Code != "" {
		return nil, f.error()
	}
	if w.revoked[c.Caller] {
		return nil, badCredentials(c.Service)
	}
	do, ok := operations[c.Service][c.Action]
	if !ok {
		return nil, &Error{400, "InvalidAction", "The action " + c.Action + " is not valid for this web service."}
	}
	if err := w.spend(c); err != nil {
		return nil, err
	}
	return do(w, c, f)
}

// RevokeKey makes an access key invalid.
func (w *World) RevokeKey(accessKey string) {
	defer w.enter()()
	w.revoked[accessKey] = true
}

// badCredentials is the answer to an access key that does not exist (EC2 API
// Reference, "Error codes"; Amazon EC2 Auto Scaling API Reference, "Common errors").
func badCredentials(service string) *Error {
	if service == "autoscaling" {
		return &Error{403, "InvalidClientTokenId", "The security token included in the request is invalid."}
	}
	return &Error{401, "AuthFailure", "AWS was not able to validate the provided access credentials"}
}
