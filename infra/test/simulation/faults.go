package simulation

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
)

// Faults are what the calls of the function, and now and then those of nodes, meet.
type Faults struct {
	*Recorder
	scenario    Scenario
	outages     []outage
	undeletable map[string]refusal // by interface
	quietSince  time.Time          // without faults but these refusals; zero: not yet
}

// faults are what a call of the function can meet. The codes of throttles and of transient
// errors are those of EC2 and Auto Scaling (EC2 API Reference, "Error codes"; Amazon EC2
// Auto Scaling API Reference, "Common errors").
var faults = []struct {
	name  string
	on    string // how the actions begin that can meet it
	fault func(*rand.Rand) api.Fault
}{
	{"throttle", "", func(r *rand.Rand) api.Fault { return api.Fault{Code: pick(r, throttles...), Status: pick(r, 400, 503)} }},
	{"server error", "", func(r *rand.Rand) api.Fault {
		return api.Fault{Code: pick(r, "InternalError", "InternalFailure", "Unavailable", "ServiceUnavailable"), Status: pick(r, 500, 503)}
	}},
	{"reset", "", func(*rand.Rand) api.Fault { return api.Fault{Reset: true} }},
	{"lost answer", "", func(*rand.Rand) api.Fault { return api.Fault{LoseAnswer: true} }},
	{"slow", "", func(r *rand.Rand) api.Fault { return api.Fault{Latency: within(r, time.Second, 20*time.Second)} }},
	{"hang", "", func(*rand.Rand) api.Fault { return api.Fault{Latency: 10 * time.Minute} }},
	{"stale", "Describe", func(r *rand.Rand) api.Fault { return api.Fault{Stale: within(r, 0, stalest)} }},
	{"empty page", "Describe", func(*rand.Rand) api.Fault { return api.Fault{EmptyPage: true} }},
	{"not authorized", "", func(*rand.Rand) api.Fault { return api.Fault{Code: "UnauthorizedOperation"} }},
	{"bad credentials", "", func(*rand.Rand) api.Fault { return api.Fault{Code: "AuthFailure", Status: 401} }},
	{"unknown error", "", func(*rand.Rand) api.Fault { return api.Fault{Code: "SomethingNew"} }},
}

var throttles = []string{"RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled", "EC2ThrottledException", "RateExceeded"}

// stalest is the largest age of a listing. EC2 documents no bound (EC2 Developer Guide,
// "Eventual consistency"); terraform-provider-aws waits for 3 minutes until a new interface is
// listed, and for 5 until other resources are.
const stalest = 5 * time.Minute

// An outage is a time in which every call meets the same fault.
type outage struct {
	kind  string
	on    string    // how the actions begin that meet it
	fault api.Fault // none: a throttle
	until time.Time
}

var forbidden = outage{kind: "no permission to delete", on: "Delete", fault: api.Fault{Code: "UnauthorizedOperation"}}

var outages = []outage{
	{kind: "throttled"},
	{kind: "deletes throttled", on: "Delete"},
	{kind: "unreachable", fault: api.Fault{Reset: true}},
	forbidden,
	{kind: "no permission at all", fault: api.Fault{Code: "UnauthorizedOperation"}},
	{kind: "bad credentials", fault: api.Fault{Code: "AuthFailure", Status: 401}},
}

func (f *Faults) startOutage(r *rand.Rand, o outage) {
	o.until = time.Now().Add(within(r, time.Minute, 2*time.Hour))
	if throttle := pick(r, throttles...); o.fault == (api.Fault{}) {
		o.fault.Code = throttle
	}
	f.trace("%s until %s", o.kind, o.until.Format(time.TimeOnly))
	f.outages = append(f.outages, o)
}

// A refusal is how EC2 answers each delete of an undeletable interface.
type refusal struct {
	name  string
	fault api.Fault
}

var refusals = []refusal{
	{"in use, says EC2", api.Fault{Code: "InvalidParameterValue", Message: "Network interface is currently in use."}},
	{"in use, by code", api.Fault{Code: "InvalidNetworkInterface.InUse"}},
	{"not permitted", api.Fault{Code: "OperationNotPermitted"}},
	{"not this account's", api.Fault{Code: "AuthFailure", Message: "You do not have permission to access the specified resource.", Status: 400}},
	{"not this account's, 403", api.Fault{Code: "AuthFailure", Status: 403}},
	{"not authorized", api.Fault{Code: "UnauthorizedOperation"}},
	{"internal error", api.Fault{Code: "InternalError"}},
	{"unknown code", api.Fault{Code: "SomethingNew"}},
}

// quiescentAt reports whether a time is after the last fault.
func (f *Faults) quiescentAt(t time.Time) bool {
	return !f.quietSince.IsZero() && !t.Before(f.quietSince)
}

// killAt draws the moment at which a run's process is killed: twice the number of a call,
// plus one if that is after the call; 0 for never.
func (f *Faults) killAt(r *rand.Rand) int {
	if r.Float64() < f.scenario.kills && !f.quiescentAt(time.Now()) {
		return 2 + r.IntN(14)
	}
	return 0
}

// draw returns what a run's call meets.
func (f *Faults) draw(r *Run, action, id string) api.Fault {
	if r.inspection {
		return api.Fault{}
	}
	fault, quick := api.Fault{}, within(r.random, 5*time.Millisecond, 60*time.Millisecond)
	if !f.quiescentAt(time.Now()) {
		fault = f.passing(r.random, action)
	}
	if how, undeletable := f.undeletable[id]; undeletable && action == "DeleteNetworkInterface" && fault == (api.Fault{}) {
		f.count("undeletable/" + how.name)
		fault = how.fault
	}
	fault.Latency = max(fault.Latency, quick)
	return fault
}

// passing returns a fault that passes: one of its own, or that of an outage.
func (f *Faults) passing(r *rand.Rand, action string) api.Fault {
	if r.Float64() < f.scenario.faults {
		if row := pick(r, faults...); strings.HasPrefix(action, row.on) {
			f.count("fault/" + row.name)
			return row.fault(r)
		}
		return api.Fault{}
	}
	for _, o := range f.outages {
		if strings.HasPrefix(action, o.on) && time.Now().Before(o.until) {
			f.count("outage/" + o.kind)
			return o.fault
		}
	}
	return api.Fault{}
}

// ofNode returns what a node's call meets: now and then a fault that its SDK gets over.
func (f *Faults) ofNode(c api.Call) api.Fault {
	if strings.HasPrefix(c.Caller, "i-") && c.Number%7 == 0 && f.scenario.faults > 0.05 && !f.quiescentAt(time.Now()) {
		return api.Fault{Code: "Unavailable"}
	}
	return api.Fault{}
}
