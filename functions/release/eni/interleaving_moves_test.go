package eni

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// lives are what can come of the world next.
func (r *region) lives(m moment) []life {
	l := m.life
	var next []life
	to := func(step, creator int) {
		n := l
		n.step, n.creator = uint8(step), uint8(creator)
		next = append(next, n)
	}
	ended := []int{stepLeaked, stepLeaked, stepGone, stepLeaked, stepLeaked, stepGone}[l.step] // by its creator's termination
	switch l.creator {
	case creatorRunning:
		to(ended, creatorTerminated)
		if r.sleeps {
			to(int(l.step), creatorAsleep)
		}
		switch l.step {
		case stepInFlight:
			to(stepAttached, creatorRunning)
			to(stepFreeing, creatorRunning)
			to(stepLeaked, creatorRunning) // the CNI restarts
		case stepAttached:
			to(stepMarked, creatorRunning)
		case stepMarked:
			to(stepFreeing, creatorRunning)
		case stepFreeing:
			to(stepGone, creatorRunning)
			to(stepLeaked, creatorRunning)
		}
	case creatorAsleep:
		to(ended, creatorTerminated)
		to(int(l.step), creatorRunning)
		next[len(next)-1].started = l.minute
	case creatorTerminated:
		to(int(l.step), creatorVanished)
	}
	if l.step == stepGone {
		return nil // nothing is left to be judged
	}
	return append(next, r.later(m)...)
}

// later is what time alone brings. A run that has begun ends within some minutes, and
// a creator that is awake does not have an interface in flight for longer than the window.
func (r *region) later(m moment) []life {
	var next []life
	before, after := around(m.minute)
	minutes := []int16{after}
	if m.minute-before < atOnce {
		minutes = append(minutes, m.minute+1)
	}
	for _, minute := range minutes {
		l, passed := m.life, minute-m.minute
		if l.minute = minute; passed <= 0 {
			continue
		}
		if l.step == stepInFlight && l.creator == creatorRunning {
			if int(l.awake)+int(passed) > window {
				continue
			}
			l.awake += uint8(passed)
		}
		late := func(s sight) bool { return s.stage > 0 && minute-s.listed > atOnce }
		if !slices.ContainsFunc(m.runs[:], late) {
			next = append(next, l)
		}
	}
	return next
}

// around are the last moment that mattered and the next one that does.
func around(minute int16) (before, after int16) {
	for _, m := range momentsThatMatter {
		if m > minute {
			return before, m
		}
		before = m
	}
	return before, before
}

// releases makes the real run, in a bubble: it reads one interface of that age, and its
// creator as it is now.
func (r *region) releases(t *testing.T, l life, now int16) bool {
	read := evidenceRead{age: int(now) - r.clock, creator: l.creator}
	if l.creator == creatorRunning && !r.hidden {
		read.up = int(now) - int(l.started)
		if r.launch {
			read.up = 2 * day
		}
		read.up = min(read.up, 2*day)
	}
	if decision, known := r.decided[read]; known {
		return decision
	}
	var decision bool
	synctest.Test(t, func(t *testing.T) {
		o := &readOnce{outside: outside{free: map[string]int{}, answers: map[string]error{}}, instances: map[string]Instance{}}
		i := leaked()
		i.Tags[tagCreatedAt] = time.Now().Add(-time.Duration(read.age) * time.Minute).Format(time.RFC3339)
		o.interfaces = []Interface{i}
		if l.creator != creatorVanished && !r.hidden {
			state := map[uint8]State{creatorRunning: Running, creatorAsleep: "stopped", creatorTerminated: Terminated}[l.creator]
			o.instances[dead] = Instance{State: state, StartedAt: time.Now().Add(-time.Duration(read.up) * time.Minute)}
		} else if l.creator == creatorTerminated {
			o.instances[dead] = Instance{State: Terminated}
		}
		releaser := o.releaser(io.Discard)
		releaser.Instances = o
		releaser.Rule.GracePeriod = time.Duration(r.grace) * time.Minute
		if _, err := releaser.Run(t.Context(), sweep); err != nil {
			t.Fatal(err)
		}
		if len(o.called) < 2 || o.called[0] != "all" || o.called[1] != "states "+dead {
			t.Fatalf("the run called %q: the search takes it that it lists, reads the instances, deletes", o.called)
		}
		decision = len(o.deleted) > 0
	})
	r.decided[read] = decision
	return decision
}

// readOnce answers with instances as they are.
type readOnce struct {
	outside
	instances map[string]Instance
}

func (o *readOnce) Visible(_ context.Context, instances []string) (map[string]Instance, error) {
	return o.instances, o.call("states", instances)
}

func path(moments []moment) string {
	var out strings.Builder
	for _, m := range moments {
		fmt.Fprintf(&out, "minute %d: %s, creator %s since %d; runs %v\n", m.minute, stepNames[m.step], creatorNames[m.creator], m.started, m.runs)
	}
	return out.String()
}
