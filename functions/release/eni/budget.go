package eni

import (
	"context"
	"errors"
	"time"
)

// ErrBudgetSpent is the answer to a delete call that gets no token before its run ends.
var ErrBudgetSpent = errors.New("no delete may start any more in this run: its delete budget is spent, or its deadline is less than 5 seconds away")

// lastDeleteBefore is how long before the deadline the last delete may start: a
// slow delete (seconds, with the SDK's retries) must end, and the report be made.
const lastDeleteBefore = 5 * time.Second

// A budget is one run's share of an account's DeleteNetworkInterface calls. EC2 lets
// an account and region make 100 at once and 5 a second after that, shared with
// every CNI in it (EC2 API Reference, "Request throttling"). At the default of 60
// a minute a run makes 15 at once, then one a second: three runs that overlap
// leave a CNI half of what EC2 allows at once and 2 a second.
type budget struct {
	limiter Limiter
	left    int       // calls that the run may still make
	burst   int       // calls at once
	end     time.Time // no call starts after it; zero: no end
}

// budget returns the budget of a run that begins now; a zero deadline is none.
func (r *Releaser) budget(deadline time.Time) *budget {
	b := &budget{left: r.DeletesPerMinute, burst: max(1, r.DeletesPerMinute/4)}
	b.limiter = r.NewLimiter(float64(r.DeletesPerMinute)/60, b.burst)
	if !deadline.IsZero() {
		b.end = deadline.Add(-lastDeleteBefore)
	}
	return b
}

// Wait returns when the next call may be made, or ErrBudgetSpent where the run
// has no token left before its end.
func (b *budget) Wait(ctx context.Context) error {
	if !b.end.IsZero() {
		// A nanosecond more, so that the context does not end at the instant of the last token.
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, b.end.Add(1))
		defer cancel()
	}
	if b.left == 0 || b.limiter.Wait(ctx) != nil || b.over() {
		return ErrBudgetSpent
	}
	b.left--
	return nil
}

// over reports whether no call may start any more.
func (b *budget) over() bool { return !b.end.IsZero() && time.Now().After(b.end) }
