package eni

import (
	"context"
	"errors"
	"time"
)

// ErrBudgetSpent is the error of a delete call that gets no token before its run ends.
var ErrBudgetSpent = errors.New("no delete may start any more in this run: its delete budget is spent, or its deadline is less than 5 seconds away")

// lastDeleteBefore is the time before the deadline in which no delete starts: a slow one
// (seconds, with the SDK's retries) must end, and the report be written.
const lastDeleteBefore = 5 * time.Second

// budget limits one run's delete calls: all CNIs of the account share EC2's 100 at once and 5 a second
// (EC2 API Reference, "Request throttling"). By default three runs use half at once, then 3 a second.
type budget struct {
	limiter Limiter
	left    int       // calls that the run may still make
	burst   int       // calls at once
	end     time.Time // no call starts after it
}

// budget returns the budget of a run that begins now.
func (r *Releaser) budget(deadline time.Time) *budget {
	b := &budget{left: r.DeletesPerMinute, burst: max(1, r.DeletesPerMinute/4), end: deadline.Add(-lastDeleteBefore)}
	b.limiter = r.NewLimiter(float64(r.DeletesPerMinute)/60, b.burst)
	return b
}

// Wait returns when the next call may be made, or ErrBudgetSpent where the run has no
// token left before its end.
func (b *budget) Wait(ctx context.Context) error {
	ctx, cancel := context.WithDeadline(ctx, b.end.Add(1)) // a nanosecond after the last token
	defer cancel()
	if b.left == 0 || b.limiter.Wait(ctx) != nil || b.over() {
		return ErrBudgetSpent
	}
	b.left--
	return nil
}

// over reports whether no call may start any more.
func (b *budget) over() bool { return time.Now().After(b.end) }
