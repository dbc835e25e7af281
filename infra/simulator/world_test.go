package simulator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestActionsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := region(t, Options{})
		start := w.Now()
		var got string
		note := func(s string) func() {
			return func() { got += fmt.Sprintf("%s@%v ", s, w.Now().Sub(start)) }
		}
		w.After(2*time.Second, note("c"))
		w.After(time.Second, note("a"))
		w.After(time.Second, note("b"))
		w.After(time.Second, func() { w.After(500*time.Millisecond, note("nested")) })
		time.Sleep(3 * time.Second)
		equal(t, "nothing happens by itself", got, "")
		w.Now()
		equal(t, "played when touched, each at its own time", got, "a@1s b@1s nested@1.5s c@2s ")
	})
}

func TestRunPlaysInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := region(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.Run(ctx)
		start := time.Now()
		done := make(chan time.Duration, 1)
		w.After(time.Hour, func() {
			w.After(3*time.Hour, func() { done <- time.Since(start) })
		})
		equal(t, "played at", <-done, 4*time.Hour)
	})
}

func TestAPastThenThePresent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(NewClock(-2*time.Hour), rand.New(rand.NewPCG(1, 2)), Options{})
		var at time.Time
		w.After(90*time.Minute, func() { at = w.Now() })
		w.Advance(2 * time.Hour)
		equal(t, "in the past", time.Since(at), 30*time.Minute)
		equal(t, "now", w.Now().Equal(time.Now()), true)
	})
}

// One seed is one history.
func TestASeedIsAHistory(t *testing.T) {
	history := func() (all string) {
		synctest.Test(t, func(t *testing.T) {
			w := New(NewClock(0), rand.New(rand.NewPCG(7, 7)), Options{Early: 0.5, Lost: 0.2})
			subnet := w.AddSubnet(w.AddVPC("10.0.0.0/16"), "10.0.0.0/20", "a")
			w.AddGroup(Group{Name: "asg", Subnets: []string{subnet}, Node: Node{CNI: CNI{AttachFails: 0.2}}})
			nodes, err := w.ScaleOut("asg", 20)
			if err != nil {
				t.Fatal(err)
			}
			for i, node := range nodes {
				w.Allocate(node, 3)
				w.DieAt(node, Step(i%4))
			}
			w.Advance(10 * time.Minute)
			w.ScaleIn("asg", 20)
			w.Advance(10 * time.Minute)
			for _, c := range w.Calls() {
				all += fmt.Sprintln(c.At, c.Caller, c.Action, c.Code, c.Form)
			}
			for _, eni := range w.Abandoned() {
				all += fmt.Sprintln(eni.ID, eni.LeakedAt, eni.Tags)
			}
		})
		return all
	}
	first := history()
	if first == "" || first != history() {
		t.Error("the same seed has another history")
	}
}
