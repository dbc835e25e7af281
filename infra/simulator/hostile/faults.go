package hostile

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// faults are what a call of the function meets. The throttle codes and the transient
// ones are those of EC2 and of Auto Scaling (EC2 API Reference, "Error codes";
// Amazon EC2 Auto Scaling API Reference, "Common errors").
var faults = []struct {
	name  string
	on    string // the actions that it can meet, by their beginning
	fault func(*rand.Rand) simulator.Fault
}{
	{"throttle", "", func(r *rand.Rand) simulator.Fault {
		return simulator.Fault{Code: pick(r, throttles...), Status: []int{400, 503}[r.IntN(2)]}
	}},
	{"server error", "", func(r *rand.Rand) simulator.Fault {
		return simulator.Fault{Code: pick(r, "InternalError", "InternalFailure", "Unavailable", "ServiceUnavailable"), Status: []int{500, 503}[r.IntN(2)]}
	}},
	{"reset", "", func(*rand.Rand) simulator.Fault { return simulator.Fault{Reset: true} }},
	{"lost answer", "", func(*rand.Rand) simulator.Fault { return simulator.Fault{LoseAnswer: true} }},
	{"slow", "", func(r *rand.Rand) simulator.Fault {
		return simulator.Fault{Latency: within(r, time.Second, 20*time.Second)}
	}},
	{"hang", "", func(*rand.Rand) simulator.Fault { return simulator.Fault{Latency: 10 * time.Minute} }},
	{"stale", "Describe", func(r *rand.Rand) simulator.Fault { return simulator.Fault{Stale: within(r, 0, stalest)} }},
	{"empty page", "Describe", func(*rand.Rand) simulator.Fault { return simulator.Fault{EmptyPage: true} }},
	{"not authorized", "", func(*rand.Rand) simulator.Fault { return simulator.Fault{Code: "UnauthorizedOperation"} }},
	{"bad credentials", "", func(*rand.Rand) simulator.Fault { return simulator.Fault{Code: "AuthFailure", Status: 401} }},
	{"unknown error", "", func(*rand.Rand) simulator.Fault { return simulator.Fault{Code: "SomethingNew"} }},
}

var throttles = []string{"RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled", "EC2ThrottledException", "RateExceeded"}

// stalest is how old a listing can be. "Seconds" are spoken of, a bound is not
// documented (EC2 Developer Guide, "Eventual consistency").
const stalest = 2 * time.Minute

// A spell is a time in which one kind of trouble meets every call.
type spell struct {
	kind  string
	until time.Time
	code  string // of its throttles
}

var spellKinds = []string{"throttled", "deletes throttled", "unreachable", "no permission to delete", "no permission at all", "bad credentials"}

func (s spell) fault(action string) (simulator.Fault, bool) {
	deletes := strings.HasPrefix(action, "Delete")
	switch s.kind {
	case "throttled":
		return simulator.Fault{Code: s.code}, true
	case "deletes throttled":
		return simulator.Fault{Code: s.code}, deletes
	case "unreachable":
		return simulator.Fault{Reset: true}, true
	case "no permission to delete":
		return simulator.Fault{Code: "UnauthorizedOperation"}, deletes
	case "no permission at all":
		return simulator.Fault{Code: "UnauthorizedOperation"}, true
	default:
		return simulator.Fault{Code: "AuthFailure", Status: 401}, true
	}
}

// trouble starts a spell.
func (h *History) trouble() {
	s := spell{spellKinds[h.rand.IntN(len(spellKinds))], time.Now().Add(h.between(time.Minute, 2*time.Hour)), throttles[h.rand.IntN(len(throttles))]}
	h.note("%s until %s", s.kind, s.until.Format(time.TimeOnly))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spells = append(h.spells, s)
}

// draw is what a run's call meets. Stuck interfaces are stuck even in a calm.
func (h *History) draw(r *run, action, id string) (fault simulator.Fault) {
	h.mu.Lock()
	calm, spells := h.calm, h.spells
	how, stuck := h.stuck[id]
	h.mu.Unlock()
	quick := within(r.random, 5*time.Millisecond, 60*time.Millisecond)
	switch {
	case r.inspection:
		return simulator.Fault{}
	case calm:
	case r.random.Float64() < h.traits.faults:
		f := faults[r.random.IntN(len(faults))]
		if strings.HasPrefix(action, f.on) {
			h.count("fault/" + f.name)
			fault = f.fault(r.random)
			fault.Latency = max(fault.Latency, quick)
			return fault
		}
	default:
		for _, s := range spells {
			if f, hit := s.fault(action); hit && time.Now().Before(s.until) {
				h.count("spell/" + s.kind)
				f.Latency = quick
				return f
			}
		}
	}
	fault.Latency = quick
	if stuck && action == "DeleteNetworkInterface" {
		h.count("stuck/" + how.name)
		fault.Code, fault.Message, fault.Status = how.code, how.message, how.status
	}
	return fault
}

// meets is what the world has a call meet: the function's what was drawn for it, a
// node's now and then a fault that its SDK gets over.
func (h *History) meets(c simulator.Call) simulator.Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	if strings.HasPrefix(c.Caller, key) {
		fault := h.pending[c.Caller]
		delete(h.pending, c.Caller)
		return fault
	}
	if !h.calm && strings.HasPrefix(c.Caller, "i-") && h.traits.faults > 0.05 && c.Number%7 == 0 {
		return simulator.Fault{Code: "Unavailable"}
	}
	return simulator.Fault{}
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

func within(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}
