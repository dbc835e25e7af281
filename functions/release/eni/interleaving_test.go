package eni

import (
	"slices"
	"testing"
)

// The search below is complete: every order of the steps of one node's life and of two runs that overlap,
// each of which can stop at every call. The real Releaser.Run decides, once for each evidence read.

// Steps of an interface's life.
const (
	stepInFlight = iota // created: its creator is about to attach it
	stepAttached        // not yet marked "delete on termination"
	stepMarked          // as it stays for most of its life
	stepFreeing         // detached, or the attach failed: its creator is about to delete it
	stepLeaked          // no one uses it any more
	stepGone
)

// States of its creator.
const (
	creatorRunning = iota
	creatorAsleep
	creatorTerminated
	creatorVanished // terminated long ago: EC2 no longer shows it
)

// longAgo is the start of an instance that has not slept.
const longAgo = -7 * 24 * 60

// life is the node's part of a moment.
type life struct {
	minute, started int16 // since the interface was created
	awake           uint8 // minutes that the creator was awake with the interface in flight
	step, creator   uint8
}

// sight is a run's part of a moment: what it has read so far.
type sight struct {
	stage  uint8 // 0: nothing, 1: listed as available, 2: judged to be released
	listed int16 // when
}

type moment struct {
	life
	runs [2]sight // the order does not matter
}

// region holds the assumptions of a search, and its state.
type region struct {
	clock    int  // minutes by which the node's clock is ahead
	hidden   bool // EC2 does not show the creator
	sleeps   bool // it can hibernate
	launch   bool // EC2 returns when it was launched, not when it was last started
	grace    int
	decided  map[evidenceRead]bool
	searched map[moment]bool
	way      []moment
	unsafe   []moment // the steps to the first release of an interface in flight
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

		// Without one of the assumptions the search finds an unsafe release.
		{"grace period of 21 minutes", region{hidden: true, clock: -15, grace: 21}, true},
		{"clock off by 20 minutes", region{hidden: true, clock: -20, grace: 22}, true},
		{"awake for 6 minutes", region{sleeps: true, grace: 6}, true},
		{"hidden and asleep", region{hidden: true, sleeps: true, grace: 30}, true},
		{"launch time for start time", region{sleeps: true, launch: true, grace: 30}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &c.region
			r.decided, r.searched = map[evidenceRead]bool{}, map[moment]bool{}
			r.search(t, moment{life: life{started: longAgo}})
			t.Logf("%d states, %d kinds of evidence", len(r.searched), len(r.decided))
			if found := r.unsafe != nil; found != c.unsafe {
				t.Errorf("released in flight: %v, want %v\n%+v", found, c.unsafe, r.unsafe)
			}
		})
	}
}

// search follows every step from a moment, of which it drops what makes no difference.
func (r *region) search(t *testing.T, m moment) {
	if m.runs[1].stage < m.runs[0].stage || m.runs[1].stage == m.runs[0].stage && m.runs[1].listed < m.runs[0].listed {
		m.runs[0], m.runs[1] = m.runs[1], m.runs[0]
	}
	if m.step != stepInFlight {
		m.awake = 0
	}
	if m.creator != creatorRunning || m.minute-m.started > 2*day {
		m.started = longAgo
	}
	if r.unsafe != nil || r.searched[m] {
		return
	}
	r.searched[m] = true
	r.way = append(r.way, m)
	for _, next := range r.lives(m) {
		r.search(t, moment{next, m.runs})
	}
	for n := range m.runs {
		r.goOn(t, m, n)
	}
	r.way = r.way[:len(r.way)-1]
}

// goOn makes a run's next call, or ends it.
func (r *region) goOn(t *testing.T, m moment, n int) {
	run := m.runs[n]
	to := func(s sight) {
		next := m
		next.runs[n] = s
		r.search(t, next)
	}
	available := m.step == stepInFlight || m.step == stepFreeing || m.step == stepLeaked
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
		if m.step == stepInFlight {
			r.unsafe = slices.Clone(r.way)
			return
		}
		if available {
			next := m
			next.step, next.runs[n] = stepGone, sight{}
			r.search(t, next)
		}
	}
	to(sight{})
}
