package eni

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// turns waits for every turn that a pace gives and returns when each came.
func turns(t *testing.T, perMinute int, deadline time.Duration) []time.Duration {
	t.Helper()
	var at []time.Duration
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		pace := NewPace(perMinute, start.Add(deadline))
		for {
			err := pace.Wait(t.Context())
			if errors.Is(err, ErrPaceSpent) {
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

func TestPace(t *testing.T) {
	for _, c := range []struct {
		perMinute, atOnce, inAll int
		last                     time.Duration
	}{
		{60, 15, 60, 45 * time.Second},
		{1, 1, 1, 0},
		{3, 1, 3, 40 * time.Second},
		{150, 37, 150, 45200 * time.Millisecond},
	} {
		at := turns(t, c.perMinute, time.Hour)
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
	at := turns(t, 60, time.Hour)
	for i := range at {
		for j := i; j < len(at); j++ {
			calls, within := float64(3*(j-i+1)), (at[j] - at[i]).Seconds()
			if calls > 50+3*within {
				t.Fatalf("%v calls within %v s", calls, within)
			}
		}
	}
}

// Whatever a run does between its turns, no interval holds more calls than the
// burst and what has refilled: a slow EC2 does not make the missed turns pile up.
func TestAStallDoesNotMakeABurst(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 4))
	synctest.Test(t, func(t *testing.T) {
		pace, start := NewPace(60, time.Time{}), time.Now()
		pace.left = 500
		var at []time.Duration
		for pace.Wait(t.Context()) == nil {
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

func TestNoTurnInTheLastFiveSeconds(t *testing.T) {
	at := turns(t, 60, 20*time.Second)
	if last := at[len(at)-1]; last != 15*time.Second || len(at) != 30 {
		t.Errorf("%d calls, the last after %v; want 30, after 15s", len(at), last)
	}
	if at := turns(t, 60, 3*time.Second); len(at) != 0 {
		t.Errorf("%d calls with a deadline of 3 s, want none", len(at))
	}
}

// A turn that would come too late is refused at once, not waited for.
func TestNoWaitForATurnThatComesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		pace := NewPace(1, start.Add(40*time.Second))
		pace.left = 2
		_ = pace.Wait(t.Context())
		if err := pace.Wait(t.Context()); !errors.Is(err, ErrPaceSpent) || time.Since(start) != 0 {
			t.Errorf("%v after %v, want %v at once", err, time.Since(start), ErrPaceSpent)
		}
	})
}

func TestPaceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		pace := NewPace(1, time.Time{})
		pace.left = 2
		if err := pace.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		if err := pace.Wait(ctx); !errors.Is(err, ErrPaceSpent) || ctx.Err() == nil {
			t.Errorf("%v, want %v as soon as the context ends", err, ErrPaceSpent)
		}
	})
}
