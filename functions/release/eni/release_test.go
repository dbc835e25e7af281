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
		report, log, err := run(t, o, sweep)
		if warned := strings.Contains(log, `"level":"WARN"`); warned != (c.outcome == Failed || c.reason == NotPermitted) {
			t.Errorf("%v: a warning is %t", c.answer, warned)
		}
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

// Ten refused deletes of interfaces that still exist are a missing permission, and nothing less is.
func TestAMissingPermissionFailsTheRun(t *testing.T) {
	for leaked, want := range map[int]struct {
		deletes int
		missing bool
	}{1: {1, false}, 9: {9, false}, 10: {10, true}, 30: {10, true}} {
		o := leaks(leaked)
		o.answer = func(int, string) error { return ErrUnauthorized }
		report, log, err := run(t, o, sweep)
		if errors.Is(err, ErrPermissionMissing) != want.missing || (err != nil) != want.missing || len(o.deleted) != want.deletes ||
			report.Failed != want.deletes || report.Deferred != leaked-want.deletes || strings.Count(log, `"level":"WARN","msg":"delete refused`) != want.deletes {
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
		{ErrUnauthorized, ErrThrottled, 1, 29}, // a throttle is not a refusal
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

// A refused interface that is no longer listed is gone: a lost race is not a missing permission.
func TestARefusedInterfaceMayBeGone(t *testing.T) {
	for _, c := range []struct {
		leaks, vanished int // from the first delete on
		fail            string
		gone, failed    int
		lookUps         int
	}{
		{3, 3, "", 3, 0, 1},
		{3, 1, "", 1, 2, 1},
		{30, 30, "", 30, 0, 2}, // the first ten are looked up at once, and the run goes on
		{30, 1, "", 1, 29, 2},  // one of the ten is gone: that is no missing permission
		{10, 10, "existing", 0, 10, 1},
		{30, 0, "existing", 0, 30, 2}, // without the listing nothing is concluded about the permission
	} {
		o := leaks(c.leaks)
		o.answer = func(int, string) error { return ErrUnauthorized }
		o.vanished = func(id string) bool { return slices.Index(o.deleted, id) < c.vanished }
		o.fail = c.fail
		report, log, err := run(t, o, sweep)
		lookUps := 0
		for _, call := range o.called {
			if call == "existing" {
				lookUps++
			}
		}
		if err != nil || report.Gone != c.gone || report.Failed != c.failed || len(o.deleted) != c.leaks || lookUps != c.lookUps {
			t.Errorf("%+v: %v, %d deletes, %d look-ups, %+v", c, err, len(o.deleted), lookUps, report)
		}
		if warned := strings.Contains(log, `"level":"WARN"`); warned != (c.failed > 0) {
			t.Errorf("%+v: log:\n%s", c, log)
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
