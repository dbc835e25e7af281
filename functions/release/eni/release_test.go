package eni

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each class of a delete's errors, for one of ten deletes.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		answer  error
		outcome Outcome
		reason  Reason
	}{
		{fmt.Errorf("wire: %w", ErrGone), Gone, OwnerTerminated},
		{ErrInUse, Kept, Attached},
		{ErrNotPermitted, Kept, NotPermitted},
		{ErrUnauthorized, Failed, OwnerTerminated},
		{errors.New("anything else"), Failed, OwnerTerminated},
		{context.DeadlineExceeded, Failed, OwnerTerminated},
		{ErrThrottled, Deferred, OwnerTerminated},
		{ErrBudgetSpent, Deferred, OwnerTerminated},
	} {
		o := leaks(10)
		o.answer = func(_ int, id string) error {
			if id == "eni-4" {
				return c.answer
			}
			return nil
		}
		report, _, err := run(t, o, sweep)
		released, deletes := 9, 10
		if c.outcome == Deferred { // it defers the others, too
			released = slices.Index(o.deleted, "eni-4")
			deletes = released + 1
		}
		line := report.Interfaces[slices.IndexFunc(report.Interfaces, func(l Line) bool { return l.ID == "eni-4" })]
		if err != nil || line.Outcome != c.outcome || line.Reason != c.reason || report.Released != released || len(o.deleted) != deletes {
			t.Errorf("%v: %s %s, %d released by %d deletes (%v); want %s %s, %d by %d",
				c.answer, line.Outcome, line.Reason, report.Released, len(o.deleted), err, c.outcome, c.reason, released, deletes)
		}
	}
}

func TestAMissingPermissionFailsTheRun(t *testing.T) {
	for leaked, want := range map[int]int{1: 1, 9: 9, 10: 10, 30: 10} {
		o := leaks(leaked)
		o.answer = func(int, string) error { return ErrUnauthorized }
		report, log, err := run(t, o, sweep)
		if !errors.Is(err, ErrPermissionMissing) || len(o.deleted) != want || report.Failed != want || report.Deferred != leaked-want || !strings.Contains(log, "ec2:DeleteNetworkInterface") {
			t.Errorf("%d leaks: %v after %d deletes, %+v, log:\n%s", leaked, err, len(o.deleted), report, log)
		}
	}
	for _, c := range []struct {
		first, others    error
		failed, deferred int
	}{
		{nil, ErrUnauthorized, 29, 0}, // the first answer shows that the permission is there
		{ErrGone, ErrUnauthorized, 29, 0},
		{ErrInUse, ErrUnauthorized, 29, 0},
		{ErrUnauthorized, ErrThrottled, 1, 29}, // a throttle is not a refusal: not all were unauthorized
	} {
		o := leaks(30)
		o.answer = func(n int, _ string) error {
			if n == 1 {
				return c.first
			}
			return c.others
		}
		if report, _, err := run(t, o, sweep); err != nil || report.Failed != c.failed || report.Deferred != c.deferred {
			t.Errorf("%v, then %v: %v, %+v", c.first, c.others, err, report)
		}
	}
}

// A slow EC2 leaves time to report, and what was not tried is deferred. Only a run whose reading
// leaves no time for any delete logs it: the next one would end the same way.
func TestTheDeadlineLeavesTimeToReport(t *testing.T) {
	for _, c := range []struct {
		read, slow time.Duration
		answer     error
		released   int
		logged     bool
	}{
		{0, 7 * time.Second, nil, 8, false}, // at 0, 7, ..., 49; none at 56
		{54 * time.Second, 0, nil, 16, false},
		{57 * time.Second, 0, nil, 0, true},
		{time.Second, 0, ErrBudgetSpent, 0, false}, // its first delete was throttled until no token was left for a retry
	} {
		o := leaks(30)
		o.slowRead, o.slow = c.read, c.slow
		o.answer = func(int, string) error { return c.answer }
		report, log, err := run(t, o, sweep)
		logged := strings.Contains(log, `"level":"WARN","msg":"no time left to delete`)
		if err != nil || report.Released != c.released || report.Deferred != 30-c.released || logged != c.logged {
			t.Errorf("after %s: %v, %d released, %d deferred, logged: %v", c.read, err, report.Released, report.Deferred, logged)
		}
	}
}
