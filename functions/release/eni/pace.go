package eni

import (
	"context"
	"errors"
	"time"
)

// ErrPaceSpent is the answer to a call that has no turn left in its run.
var ErrPaceSpent = errors.New("no delete may start any more in this run: its share of calls is spent, or its deadline is less than 5 seconds away")

// lastDeleteBefore is how long before the deadline the last delete may start: a
// slow delete (seconds, with the SDK's retries) must end, and the report be made.
const lastDeleteBefore = 5 * time.Second

// Pace is one run's share of an account's DeleteNetworkInterface calls. EC2 lets
// an account and region make 100 at once and 5 a second after that, shared with
// every CNI in it (EC2 API Reference, "Request throttling"). At the default of 60
// a minute a run makes 15 at once, then one a second: the three runs that can
// overlap leave a CNI half of what EC2 allows at once and 2 a second.
type Pace struct {
	start time.Time
	end   time.Time // no call starts after it; zero: no end
	limit int       // calls in all
	burst int       // calls at once
	every time.Duration
	calls int
}

// NewPace makes the pace of a run that begins now. PerMinute is at least 1; a
// zero deadline is none.
func NewPace(perMinute int, deadline time.Time) *Pace {
	pace := &Pace{
		start: time.Now(),
		limit: perMinute,
		burst: max(1, perMinute/4),
		every: time.Minute / time.Duration(perMinute),
	}
	if !deadline.IsZero() {
		pace.end = deadline.Add(-lastDeleteBefore)
	}
	return pace
}

// Wait returns when the next call may be made, or with ErrPaceSpent where the run
// has no turn left before its end.
func (p *Pace) Wait(ctx context.Context) error {
	due := p.start.Add(time.Duration(max(0, p.calls+1-p.burst)) * p.every)
	if p.calls == p.limit || p.over(due) {
		return ErrPaceSpent
	}
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	if ctx.Err() != nil || p.over(time.Now()) {
		return ErrPaceSpent
	}
	p.calls++
	return nil
}

func (p *Pace) over(at time.Time) bool {
	return !p.end.IsZero() && at.After(p.end)
}
