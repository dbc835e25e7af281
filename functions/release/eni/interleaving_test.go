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

// The search below is complete: every order of the steps of one node's life and of
// two runs that overlap, each of which can stop at every call and come again. What a
// run makes of what it has read is asked of the real Releaser.Run, once for each
// different thing that it can have read.
//
// Time is in minutes since the interface was created, and jumps from one moment that
// matters to the next one.

// Steps of an interface's life.
const (
	inHand    = iota // created: its creator is about to attach it
	attached         // not yet marked "delete on termination"
	marked           // as it stays for most of its life
	givenBack        // detached, or the attach failed: its creator is about to delete it
	abandoned        // nobody will do anything with it
	gone
)

var stepNames = []string{"in hand", "attached", "marked", "given back", "abandoned", "gone"}

// States of its creator.
const (
	running = iota
	asleep
	terminated
	vanished // terminated long ago: EC2 does not show it any more
)

var creatorNames = []string{"running", "asleep", "terminated", "vanished"}

// longAgo is when an instance was started that has not slept.
const longAgo = -7 * 24 * 60

// A life is the world's side of a moment.
type life struct {
	minute, started int16
	awake           uint8 // minutes in which the creator had it in hand and could go on
	step, creator   uint8
}

// A sight is a run's side: what it has read so far.
type sight struct {
	stage  uint8 // 0: nothing, 1: listed as available, 2: judged to be released
	listed int16 // when
}

type moment struct {
	life
	runs [2]sight // the order does not matter
}

// A region is what a search takes as given.
type region struct {
	clock    int  // minutes by which the node's clock is ahead
	hidden   bool // EC2 does not show the creator
	sleeps   bool // it can hibernate
	forgets  bool // EC2 tells when it was launched, not when it was last started
	grace    int
	decided  map[evidenceRead]bool
	searched map[moment]bool
	path     []moment
	unsafe   []moment // the way to the first release of an interface in hand
}

type evidenceRead struct {
	age, up int
	creator uint8
}

const (
	window   = 6                  // minutes from create to attach at most (facts: 5.8 while a failed attach is undone)
	atOnce   = 3                  // minutes from what a listing shows to the delete: 2 of staleness, 1 of a run
	day      = 24 * 60            // minutes
	lastHour = 3*day + window + 1 // the end of the search
)

// momentsThatMatter: around the window, the clocks' 15 minutes, the grace period, the day.
var momentsThatMatter = []int16{0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, day - 16, day - 12, day - 8, day - 4, day, day + 4, day + 8, day + 12, day + 16, 2 * day, 2*day + 4, 2*day + 8, 2*day + 16, lastHour}

func TestEveryInterleaving(t *testing.T) {
	for _, c := range []struct {
		name string
		region
		unsafe bool
	}{
		{"visible", region{sleeps: true, grace: 30}, false},
		{"visible, clock behind", region{clock: -15, sleeps: true, grace: 30}, false},
		{"visible, clock ahead", region{clock: 15, sleeps: true, grace: 22}, false},
		{"visible, shortest grace period", region{clock: -15, sleeps: true, grace: 22}, false},
		{"hidden", region{hidden: true, grace: 22}, false},
		{"hidden, clock behind", region{hidden: true, clock: -15, grace: 22}, false},
		{"hidden, clock ahead", region{hidden: true, clock: 15, grace: 22}, false},

		// Where an assumption is dropped the search finds what follows.
		{"grace period of 21 minutes", region{hidden: true, clock: -15, grace: 21}, true},
		{"clock off by 20 minutes", region{hidden: true, clock: -20, grace: 22}, true},
		{"hidden and asleep", region{hidden: true, sleeps: true, grace: 30}, true},
		{"start time not told", region{sleeps: true, forgets: true, grace: 30}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &c.region
			r.decided, r.searched = map[evidenceRead]bool{}, map[moment]bool{}
			r.search(t, moment{life: life{started: longAgo}})
			t.Logf("%d states, %d different things read", len(r.searched), len(r.decided))
			if found := r.unsafe != nil; found != c.unsafe {
				t.Errorf("released in hand: %v, want %v\n%s", found, c.unsafe, story(r.unsafe))
			}
		})
	}
}

// search goes every way from a moment, by what of it can make a difference.
func (r *region) search(t *testing.T, m moment) {
	if m.runs[1].stage < m.runs[0].stage || m.runs[1].stage == m.runs[0].stage && m.runs[1].listed < m.runs[0].listed {
		m.runs[0], m.runs[1] = m.runs[1], m.runs[0]
	}
	if m.step != inHand {
		m.awake = 0
	}
	if m.creator != running || m.minute-m.started > 2*day {
		m.started = longAgo
	}
	if r.unsafe != nil || r.searched[m] {
		return
	}
	r.searched[m] = true
	r.path = append(r.path, m)
	for _, next := range r.lives(m) {
		r.search(t, moment{next, m.runs})
	}
	for n := range m.runs {
		r.goOn(t, m, n)
	}
	r.path = r.path[:len(r.path)-1]
}

// goOn lets a run make its next call, or end.
func (r *region) goOn(t *testing.T, m moment, n int) {
	run := m.runs[n]
	to := func(s sight) {
		next := m
		next.runs[n] = s
		r.search(t, next)
	}
	available := m.step == inHand || m.step == givenBack || m.step == abandoned
	switch run.stage {
	case 0:
		if available {
			to(sight{1, m.minute})
		}
		return
	case 1: // the instances are read now; the age may be of now, or of when it listed
		for _, now := range []int16{run.listed, m.minute} {
			if r.releases(t, m.life, now) {
				to(sight{2, run.listed})
			}
		}
	case 2: // EC2 refuses to delete what is attached
		if m.step == inHand {
			r.unsafe = slices.Clone(r.path)
			return
		}
		if available {
			next := m
			next.step, next.runs[n] = gone, sight{}
			r.search(t, next)
		}
	}
	to(sight{})
}

// lives are what can come of the world next.
func (r *region) lives(m moment) []life {
	l := m.life
	var next []life
	turn := func(step, creator int) {
		n := l
		n.step, n.creator = uint8(step), uint8(creator)
		next = append(next, n)
	}
	ended := []int{abandoned, abandoned, gone, abandoned, abandoned, gone}[l.step] // by its creator's termination
	switch l.creator {
	case running:
		turn(ended, terminated)
		if r.sleeps {
			turn(int(l.step), asleep)
		}
		switch l.step {
		case inHand:
			turn(attached, running)
			turn(givenBack, running)
			turn(abandoned, running) // the CNI restarts
		case attached:
			turn(marked, running)
		case marked:
			turn(givenBack, running)
		case givenBack:
			turn(gone, running)
			turn(abandoned, running)
		}
	case asleep:
		turn(ended, terminated)
		turn(int(l.step), running)
		next[len(next)-1].started = l.minute
	case terminated:
		turn(int(l.step), vanished)
	}
	if l.step == gone {
		return nil // nothing is left to be judged
	}
	return append(next, r.later(m)...)
}

// later is what time alone brings. A run that has begun ends within some minutes, and
// a creator that is awake does not have an interface in hand for longer than the window.
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
		if l.step == inHand && l.creator == running {
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

// releases asks the real run, in a bubble: it reads one interface of that age, and its
// creator as it is now.
func (r *region) releases(t *testing.T, l life, now int16) bool {
	read := evidenceRead{age: int(now) - r.clock, creator: l.creator}
	if l.creator == running && !r.hidden {
		read.up = int(now) - int(l.started)
		if r.forgets {
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
		if l.creator != vanished && !r.hidden {
			state := map[uint8]State{running: Running, asleep: "stopped", terminated: Terminated}[l.creator]
			o.instances[dead] = Instance{State: state, StartedAt: time.Now().Add(-time.Duration(read.up) * time.Minute)}
		} else if l.creator == terminated {
			o.instances[dead] = Instance{State: Terminated}
		}
		releaser := o.releaser(io.Discard)
		releaser.Instances = o
		releaser.Rule.GracePeriod = time.Duration(r.grace) * time.Minute
		if _, err := releaser.Run(t.Context(), sweep); err != nil {
			t.Fatal(err)
		}
		if len(o.asked) < 2 || o.asked[0] != "all" || o.asked[1] != "states "+dead {
			t.Fatalf("the run asked %q: the search takes it that it lists, reads the instances, deletes", o.asked)
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
	return o.instances, o.ask("states", instances)
}

func story(path []moment) string {
	var out strings.Builder
	for _, m := range path {
		fmt.Fprintf(&out, "minute %d: %s, creator %s since %d; runs %v\n", m.minute, stepNames[m.step], creatorNames[m.creator], m.started, m.runs)
	}
	return out.String()
}
