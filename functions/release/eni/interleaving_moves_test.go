package eni

import (
	"slices"
	"testing"
	"time"
)

// nextSteps are a running creator's; an interface in flight leaks where the CNI restarts.
var nextSteps = map[uint8][]int{
	stepInFlight: {stepAttached, stepFreeing, stepLeaked},
	stepAttached: {stepMarked},
	stepMarked:   {stepFreeing},
	stepFreeing:  {stepGone, stepLeaked},
}

// lives returns what can happen next.
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
		for _, step := range nextSteps[l.step] {
			to(step, creatorRunning)
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

// later returns what time alone changes. A run that has begun ends within some minutes, and a
// creator that is awake has no interface in flight for longer than the window.
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

// around returns the last moment that mattered and the next one that does.
func around(minute int16) (before, after int16) {
	next := slices.IndexFunc(momentsThatMatter, func(m int16) bool { return m > minute })
	if next < 0 {
		return lastHour, lastHour
	}
	return momentsThatMatter[next-1], momentsThatMatter[next]
}

// releases reports whether the real run deletes an interface of that age, its creator as it is now.
func (r *region) releases(t *testing.T, l life, minute int16) bool {
	read := evidenceRead{age: int(minute) - r.clock, creator: l.creator}
	if l.creator == creatorRunning && !r.hidden {
		read.up = int(minute) - int(l.started)
		if r.launch {
			read.up = 2 * day
		}
		read.up = min(read.up, 2*day)
	}
	if decision, known := r.decided[read]; known {
		return decision
	}
	o := leaks(1)
	o.rule.GracePeriod = time.Duration(r.grace) * time.Minute
	o.interfaces[0].Tags[tagCreatedAt] = createdAgo(time.Duration(read.age) * time.Minute)
	if l.creator == creatorVanished || r.hidden && l.creator != creatorTerminated {
		o.instances = nil
	} else {
		state := map[uint8]State{creatorRunning: Running, creatorAsleep: "stopped", creatorTerminated: Terminated}[l.creator]
		o.instances[dead] = Instance{State: state, StartedAt: now.Add(-time.Duration(read.up) * time.Minute)}
	}
	if _, _, err := run(t, o, sweep); err != nil {
		t.Fatal(err)
	}
	if len(o.called) < 2 || o.called[0] != "all" || o.called[1] != "states "+dead {
		t.Fatalf("the run called %q: the search assumes that it lists, reads the instances, deletes", o.called)
	}
	r.decided[read] = len(o.deleted) > 0
	return r.decided[read]
}
