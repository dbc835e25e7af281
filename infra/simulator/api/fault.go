package api

import (
	"cmp"
	"context"
	"strings"
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

type faultKey struct{}

// WithFault makes the request with this context meet the fault, and no other one.
func WithFault(ctx context.Context, f Fault) context.Context {
	return context.WithValue(ctx, faultKey{}, f)
}

// Inject makes the action's next n calls meet a fault, exempt callers' left out.
func (f *Front) Inject(action string, n int, fault Fault) {
	for range n {
		f.injected[action] = append(f.injected[action], fault)
	}
}

// OnCall makes every call, exempt callers' too, meet the fault that decide returns.
// It runs inside the loop. Of a fault of [Front.Call] only Code, Status, Message,
// EmptyPage and Stale count.
func (f *Front) OnCall(decide func(Call) Fault) { f.onCall = decide }

func (f *Front) faultOf(ctx context.Context, c Call) Fault {
	if brought, ok := ctx.Value(faultKey{}).(Fault); ok {
		return brought
	}
	if next := f.injected[c.Action]; len(next) > 0 && !f.exempt(c.Caller) {
		f.injected[c.Action] = next[1:]
		return next[0]
	}
	if f.onCall != nil {
		return f.onCall(c)
	}
	return Fault{}
}

// statuses are HTTP statuses of error codes other than 400 (EC2 API Reference, "Error codes").
var statuses = map[string]int{
	"AuthFailure": 401, "UnauthorizedOperation": 403, "DryRunOperation": 412, "RequestLimitExceeded": 503,
	"InternalError": 500, "InternalFailure": 500, "Unavailable": 503, "ServiceUnavailable": 503, "InsufficientInstanceCapacity": 500,
}

func (f Fault) error() *Error {
	return NewError(cmp.Or(f.Status, statuses[f.Code], 400), f.Code, cmp.Or(f.Message, "injected: "+f.Code))
}

// A Bucket allows Size calls at once and Refill a second after that.
type Bucket struct {
	Size, Refill float64
}

type bucket struct {
	Bucket
	tokens float64
	at     time.Time
}

// throttle takes a token from the call's bucket, which is made on first use, and is false if there is none.
func (f *Front) throttle(service Service, c *Call) bool {
	names, now := service.BucketOf(c), f.loop.Now()
	id := strings.Join(names, "/")
	b := f.buckets[id]
	if b == nil {
		var size Bucket
		for _, numbers := range []map[string]Bucket{service.Buckets, f.numbers} {
			for _, name := range names {
				size = cmp.Or(numbers[name], size)
			}
		}
		b = &bucket{size, size.Size, now}
		f.buckets[id] = b
	}
	b.tokens = min(b.Size, b.tokens+now.Sub(b.at).Seconds()*b.Refill)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
