package simulator

import (
	"cmp"
	"time"
)

// A Fault is what a call meets on the way to its answer. The zero value is none.
type Fault struct {
	Code    string // the error to answer, without any effect
	Status  int    // default: the one that goes with Code
	Message string

	Latency    time.Duration // before the call has its effect
	Reset      bool          // the connection is cut before the call has its effect
	LoseAnswer bool          // the connection is cut after it
	EmptyPage  bool          // a listing's page is empty, and more follows
	Stale      time.Duration // a listing is this old, ten minutes at most (eventual consistency)
}

// Inject has the action's next n calls meet a fault. The CNIs' calls are left alone.
func (w *World) Inject(action string, n int, f Fault) {
	defer w.enter()()
	for range n {
		w.injected[action] = append(w.injected[action], f)
	}
}

// OnCall has every call, the CNIs' too, meet the fault that decide returns for it.
// decide is called with the world locked and must not call it. Of a CNI's fault
// only Code, Status and Message count.
func (w *World) OnCall(decide func(Call) Fault) {
	defer w.enter()()
	w.onCall = decide
}

func (w *World) faultOf(c Call) Fault {
	if next := w.injected[c.Action]; len(next) > 0 && w.nodes[c.Caller] == nil {
		w.injected[c.Action] = next[1:]
		return next[0]
	}
	if w.onCall != nil {
		return w.onCall(c)
	}
	return Fault{}
}

// statuses are HTTP statuses of error codes other than 400 (EC2 API Reference, "Error codes").
var statuses = map[string]int{
	"AuthFailure": 401, "UnauthorizedOperation": 403, "DryRunOperation": 412, "RequestLimitExceeded": 503,
	"InternalError": 500, "InternalFailure": 500, "Unavailable": 503, "ServiceUnavailable": 503, "InsufficientInstanceCapacity": 500,
}

func (f Fault) error() *Error {
	return &Error{cmp.Or(f.Status, statuses[f.Code], 400), f.Code, cmp.Or(f.Message, "injected: "+f.Code)}
}
