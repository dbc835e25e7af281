// Package loop is the time of a simulated region: one clock, one lock, one seeded
// random source, and the actions that are due. Everything in a region runs inside
// its loop, so a service needs no lock, and one seed is one history.
//
// It imports nothing of this module. Start reading at [Loop.Do], the door through
// which everything enters, and at play.
package loop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"time"
)

// A Loop plays due actions, in the order of their time, whenever somebody enters it,
// or while [Loop.Run] sleeps from one action to the next. Nothing runs by itself.
// Do, Advance and Run enter it; the other methods work inside only.
type Loop struct {
	mu      sync.Mutex    // held while inside
	shift   time.Duration // of its clock against the machine's (inside a testing/synctest bubble, the bubble's)
	inside  bool
	random  *rand.Rand
	now     time.Time // never behind: while actions are played, the playing one's time
	due     []action  // the next one first
	changed chan struct{}
	begun   []func(context.Context) // what Run has to start
}

type action struct {
	at time.Time
	do func()
}

// New returns a loop whose clock differs from the machine's by shift. One that starts two
// hours ago plays a past of two hours through by Advance, and then goes on in real time.
// It must have the random source for itself.
func New(shift time.Duration, random *rand.Rand) *Loop {
	return &Loop{shift: shift, random: random, now: time.Now().Add(shift).UTC(), changed: make(chan struct{}, 1)}
}

// Do enters the loop, plays what is due, and then f. It must not be called inside.
func (l *Loop) Do(f func()) { l.enter(0, f) }

func (l *Loop) enter(later time.Duration, f func()) {
	l.mu.Lock()
	l.shift += later
	l.inside = true
	defer func() {
		l.inside = false
		l.mu.Unlock()
	}()
	l.play()
	f()
}

// Now returns the clock's time or, while an action runs, the time at which it was due.
func (l *Loop) Now() time.Time {
	l.require("Now")
	return l.now
}

// After schedules f for when d has passed. Of two actions at one time, the one
// scheduled first comes first.
func (l *Loop) After(d time.Duration, f func()) {
	l.require("After")
	at := l.now.Add(d)
	place := sort.Search(len(l.due), func(i int) bool { return l.due[i].at.After(at) })
	l.due = slices.Insert(l.due, place, action{at, f})
	l.wake()
}

// Begin makes Run start f outside of the loop, in a goroutine of its own.
func (l *Loop) Begin(f func(context.Context)) {
	l.require("Begin")
	l.begun = append(l.begun, f)
	l.wake()
}

// Advance moves the clock forward and plays all that falls due, each action at its own time.
func (l *Loop) Advance(d time.Duration) { l.enter(d, func() {}) }

// Run plays actions in time until ctx ends, and then waits for what it started:
// these are the loop's only goroutines.
func (l *Loop) Run(ctx context.Context) {
	var started sync.WaitGroup
	defer started.Wait()
	for {
		var begun []func(context.Context)
		pause := time.Hour
		l.Do(func() {
			begun, l.begun = l.begun, nil
			if len(l.due) > 0 {
				pause = max(0, l.due[0].at.Sub(l.now))
			}
		})
		for _, f := range begun {
			started.Go(func() { f(ctx) })
		}
		select {
		case <-ctx.Done():
			return
		case <-l.changed:
		case <-time.After(pause):
		}
	}
}

func (l *Loop) play() {
	target := time.Now().Add(l.shift).UTC()
	for len(l.due) > 0 && !l.due[0].at.After(target) {
		next := l.due[0]
		l.due = l.due[1:]
		l.now = next.at
		next.do()
	}
	if target.After(l.now) {
		l.now = target
	}
}

// wake makes Run look again at what is next.
func (l *Loop) wake() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// require panics outside: time and random draws there would not be of one history.
func (l *Loop) require(what string) {
	if !l.inside {
		panic("loop: " + what + " is called outside; enter by Do")
	}
}

func (l *Loop) Uint64() uint64 {
	l.require("a random draw")
	return l.random.Uint64()
}

// Between draws a time in [low, high).
func (l *Loop) Between(low, high time.Duration) time.Duration {
	l.require("a random draw")
	return low + time.Duration(l.random.Int64N(int64(high-low)))
}

// Chance is true with probability p. Nothing is drawn where p is 0.
func (l *Loop) Chance(p float64) bool {
	l.require("a random draw")
	return p > 0 && l.random.Float64() < p
}

// ID draws an EC2 ID in the long form: the prefix and 17 hex digits.
func (l *Loop) ID(prefix string) string { return fmt.Sprintf("%s-0%016x", prefix, l.Uint64()) }

// UUID draws a random (version 4) UUID.
func (l *Loop) UUID() string {
	a, b := l.Uint64(), l.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}
