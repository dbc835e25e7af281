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
// a minute a run makes 15 at once, then one a second: three runs that overlap
// leave a CNI half of what EC2 allows at once and 2 a second.
//
// It is a bucket of burst turns that fills by one in every interval, and never
// beyond: turns that a slow EC2 made a run miss do not pile up.
type Pace struct {
	end   time.Time // no call starts after it; zero: no end
	left  int       // calls that the run may still make
	burst int       // calls at once
	every time.Duration
	next  time.Time // when the next turn is due; in the past while turns are saved up
}

// NewPace makes the pace of a run that begins now. PerMinute is at least 1; a
// zero deadline is none.
func NewPace(perMinute int, deadline time.Time) *Pace {
	pace := &Pace{
		left:  perMinute,
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
	full := time.Now().Add(-time.Duration(p.burst-1) * p.every)
	if p.next.Before(full) {
		p.next = full
	}
	if p.left == 0 || p.over(p.next) {
		return ErrPaceSpent
	}
	timer := time.NewTimer(time.Until(p.next))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	if ctx.Err() != nil || p.over(time.Now()) {
		return ErrPaceSpent
	}
	p.next = p.next.Add(p.every)
	p.left--
	return nil
}

func (p *Pace) over(at time.Time) bool {
	return !p.end.IsZero() && at.After(p.end)
}
