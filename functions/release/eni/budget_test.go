package eni

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// newLimiter is what the function ships with.
func newLimiter(perSecond float64, burst int) Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), burst)
}

// newBudget returns the budget of a run that begins now.
func newBudget(perMinute int, deadline time.Time) *budget {
	return (&Releaser{DeletesPerMinute: perMinute, NewLimiter: newLimiter}).budget(deadline)
}

// tokens waits for every token of a budget and returns when each came.
func tokens(t *testing.T, perMinute int, deadline time.Duration) []time.Duration {
	t.Helper()
	var at []time.Duration
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		budget := newBudget(perMinute, start.Add(deadline))
		for {
			err := budget.Wait(t.Context())
			if errors.Is(err, ErrBudgetSpent) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Since(start))
		}
	})
	return at
}

func TestBudget(t *testing.T) {
	for _, c := range []struct {
		perMinute, atOnce, inAll int
		last                     time.Duration
	}{
		{60, 15, 60, 45 * time.Second},
		{1, 1, 1, 0},
		{3, 1, 3, 40 * time.Second},
		{150, 37, 150, 45200 * time.Millisecond},
	} {
		at := tokens(t, c.perMinute, time.Hour)
		atOnce := 0
		for atOnce < len(at) && at[atOnce] == 0 {
			atOnce++
		}
		if len(at) != c.inAll || atOnce != c.atOnce || at[len(at)-1] != c.last {
			t.Errorf("%d a minute: %d calls, %d at once, the last after %v; want %d, %d, %v",
				c.perMinute, len(at), atOnce, at[len(at)-1], c.inAll, c.atOnce, c.last)
		}
	}
}

// Three runs at once, at the default, stay within half of EC2's bucket (100 at
// once, 5 a second) at once and 3 a second after that, in every interval.
func TestThreeRunsLeaveTheCNIItsShare(t *testing.T) {
	at := tokens(t, 60, time.Hour)
	for i := range at {
		for j := i; j < len(at); j++ {
			calls, within := float64(3*(j-i+1)), (at[j] - at[i]).Seconds()
			if calls > 50+3*within {
				t.Fatalf("%v calls within %v s", calls, within)
			}
		}
	}
}

// Whatever a run does between its tokens, no interval holds more calls than the
// burst and what has refilled: a slow EC2 does not make the missed tokens pile up.
func TestAStallDoesNotMakeABurst(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 4))
	synctest.Test(t, func(t *testing.T) {
		budget, start := newBudget(60, time.Time{}), time.Now()
		budget.left = 500
		var at []time.Duration
		for budget.Wait(t.Context()) == nil {
			at = append(at, time.Since(start))
			if random.IntN(20) == 0 {
				time.Sleep(time.Duration(random.Int64N(int64(time.Minute))))
			}
		}
		for i := range at {
			for j := i; j < len(at); j++ {
				if calls, within := float64(j-i+1), (at[j] - at[i]).Seconds(); calls > 15+within+1e-6 {
					t.Fatalf("seed %d: %v calls within %v s", seed, calls, within)
				}
			}
		}
	})
}

func TestNoTokenInTheLastFiveSeconds(t *testing.T) {
	at := tokens(t, 60, 20*time.Second)
	if last := at[len(at)-1]; last != 15*time.Second || len(at) != 30 {
		t.Errorf("%d calls, the last after %v; want 30, after 15s", len(at), last)
	}
	if at := tokens(t, 60, 3*time.Second); len(at) != 0 {
		t.Errorf("%d calls with a deadline of 3 s, want none", len(at))
	}
}

// A token that would come too late is refused at once, not waited for.
func TestNoWaitForATokenThatComesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		budget := newBudget(1, start.Add(40*time.Second))
		budget.left = 2
		_ = budget.Wait(t.Context())
		if err := budget.Wait(t.Context()); !errors.Is(err, ErrBudgetSpent) || time.Since(start) != 0 {
			t.Errorf("%v after %v, want %v at once", err, time.Since(start), ErrBudgetSpent)
		}
	})
}

func TestTheBudgetEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start, budget := time.Now(), newBudget(1, time.Time{})
		budget.left = 2
		if err := budget.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*time.Second, cancel)
		if err := budget.Wait(ctx); !errors.Is(err, ErrBudgetSpent) || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %v, want %v as soon as the context ends", err, time.Since(start), ErrBudgetSpent)
		}
	})
}
