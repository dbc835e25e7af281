package loop

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func newLoop(shift time.Duration) *Loop { return New(shift, rand.New(rand.NewPCG(1, 2))) }

func TestActionsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(0)
		var got string
		start := time.Now()
		trace := func(s string) func() {
			return func() { got += fmt.Sprintf("%s@%v ", s, l.Now().Sub(start)) }
		}
		l.Do(func() {
			l.After(2*time.Second, trace("c"))
			l.After(time.Second, trace("a"))
			l.After(time.Second, trace("b"))
			l.After(time.Second, func() { l.After(500*time.Millisecond, trace("nested")) })
		})
		time.Sleep(3 * time.Second)
		if got != "" {
			t.Errorf("%q happens by itself", got)
		}
		l.Do(func() {})
		if want := "a@1s b@1s nested@1.5s c@2s "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestAPastThenThePresent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(-2 * time.Hour)
		var at, now time.Time
		l.Do(func() { l.After(90*time.Minute, func() { at = l.Now() }) })
		l.Advance(2 * time.Hour)
		l.Do(func() { now = l.Now() })
		if ago := time.Since(at); ago != 30*time.Minute || !now.Equal(time.Now()) {
			t.Errorf("played %v ago; now it is %v, not %v", ago, now, time.Now())
		}
	})
}

// Outside, neither time nor random draws are of one history.
func TestOutsidePanics(t *testing.T) {
	l := newLoop(0)
	for name, f := range map[string]func(){
		"Now": func() { l.Now() }, "After": func() { l.After(0, func() {}) }, "Begin": func() { l.Begin(nil) }, "Between": func() { l.Between(0, 1) },
		"Chance": func() { l.Chance(0) }, "Uint64": func() { l.Uint64() }, "ID": func() { l.ID("i") }, "UUID": func() { l.UUID() },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic outside", name)
				}
			}()
			f()
		}()
	}
	l.Do(func() { l.ID("i") })
}
