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

// newLimiter is the one that ships.
func newLimiter(perSecond float64, burst int) Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), burst)
}

// newBudget returns the budget of a run that begins now.
func newBudget(perMinute int, deadline time.Duration) *budget {
	return (&Releaser{DeletesPerMinute: perMinute, NewLimiter: newLimiter}).budget(time.Now().Add(deadline))
}

// tokens waits for every token of a budget and returns when each came. After each token it
// does something else.
func tokens(t *testing.T, perMinute, left int, deadline time.Duration, after func()) (at []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start, budget := time.Now(), newBudget(perMinute, deadline)
		budget.left = left
		for {
			err := budget.Wait(t.Context())
			if errors.Is(err, ErrBudgetSpent) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Since(start))
			after()
		}
	})
	return at
}

func TestBudget(t *testing.T) {
	for _, c := range []struct {
		perMinute     int
		deadline      time.Duration
		atOnce, inAll int
		last          time.Duration
	}{
		{60, time.Hour, 15, 60, 45 * time.Second},
		{1, time.Hour, 1, 1, 0},
		{3, time.Hour, 1, 3, 40 * time.Second},
		{150, time.Hour, 37, 150, 45200 * time.Millisecond},
		{60, 20 * time.Second, 15, 30, 15 * time.Second}, // none in the last 5 seconds
		{60, 5 * time.Second, 15, 15, 0},
		{60, 3 * time.Second, 0, 0, 0},
	} {
		var atOnce int
		var last time.Duration
		at := tokens(t, c.perMinute, c.perMinute, c.deadline, func() {})
		for _, last = range at {
			if last == 0 {
				atOnce++
			}
		}
		if len(at) != c.inAll || atOnce != c.atOnce || last != c.last {
			t.Errorf("%d a minute, for %v: %d calls, %d at once, the last after %v; want %d, %d, %v",
				c.perMinute, c.deadline, len(at), atOnce, last, c.inAll, c.atOnce, c.last)
		}
	}
}

// expectPaced fails where an interval holds more calls than the burst and its refill, of so many runs at once.
func expectPaced(t *testing.T, at []time.Duration, runs, burst, perSecond float64) {
	t.Helper()
	for i := range at {
		for j := i; j < len(at); j++ {
			if calls, within := runs*float64(j-i+1), (at[j] - at[i]).Seconds(); calls > burst+perSecond*within+1e-6 {
				t.Fatalf("%v calls within %v s", calls, within)
			}
		}
	}
}

// Three runs at once, by default, stay within half of EC2's bucket (100 at once, 5 a second) at
// once, and 3 a second after that.
func TestThreeRunsLeaveTheCNIItsShare(t *testing.T) {
	expectPaced(t, tokens(t, 60, 60, time.Hour, func() {}), 3, 50, 3)
}

// The tokens that a slow EC2 makes a run miss do not add up to a burst.
func TestAStallDoesNotMakeABurst(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 4))
	at := tokens(t, 60, 500, 24*time.Hour, func() {
		if random.IntN(20) == 0 {
			time.Sleep(time.Duration(random.Int64N(int64(time.Minute))))
		}
	})
	expectPaced(t, at, 1, 15, 1)
}

// A token that comes after the end is refused at once; the end of the context ends a wait.
func TestABudgetDoesNotWaitInVain(t *testing.T) {
	for _, c := range []struct{ deadline, canceled, want time.Duration }{
		{40 * time.Second, time.Hour, 0},
		{time.Hour, 10 * time.Second, 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			start, budget := time.Now(), newBudget(1, c.deadline)
			budget.left = 2
			if err := budget.Wait(ctx); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(c.canceled, cancel)
			if err := budget.Wait(ctx); !errors.Is(err, ErrBudgetSpent) || time.Since(start) != c.want {
				t.Errorf("%v after %v, want %v after %v", err, time.Since(start), ErrBudgetSpent, c.want)
			}
		})
	}
}
