package simulator

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sort"
	"sync"
	"time"
)

// Options are a world's fixed traits. The zero value is a friendly world:
// every page full, every account setting at its default.
type Options struct {
	Region  string // default eu-west-1
	Account string // default 123456789012, the account number of AWS's own examples

	EmptyPages  float64 // how likely a page is empty although more follow
	PagesOnly   bool    // refuses listings without MaxResults, as EC2 does to large accounts
	HideManaged bool    // hides operator-managed resources from callers that do not ask for them

	Lost    float64 // how likely an event of Auto Scaling never comes
	Doubled float64 // how likely it comes twice
	Late    float64 // how likely it comes up to two hours late
	Early   float64 // how likely it comes before the instance's interfaces are available

	Buckets map[string]Bucket // replaces or adds to the usual ones, by action or kind (bucket.go)
}

// A World is one AWS region of one account.
type World struct {
	options Options
	clock   *Clock

	mu      sync.Mutex
	rand    *rand.Rand
	now     time.Time // never behind: while actions are played, the playing one's time
	playing bool
	due     []action // what is to come, the next one first
	wake    chan struct{}
	begun   []func(context.Context) // invocations that Run has to start

	vpcs       map[string]netip.Prefix
	subnets    map[string]*subnet
	interfaces table[Interface]
	instances  table[Instance]
	nodes      map[string]*node
	groups     map[string]*group

	buckets     map[string]*bucket
	policies    map[string]Policy
	revoked     map[string]bool
	injected    map[string][]Fault
	onCall      func(Call) Fault
	calls       []Call
	deletions   []Deletion
	counts      map[string]int
	rules       []rule
	invocations []Invocation
}

// An action is something that happens at a time.
type action struct {
	at time.Time
	do func()
}

// New returns an empty world. It must have the random source for itself.
func New(clock *Clock, random *rand.Rand, options Options) *World {
	options.Region = cmp.Or(options.Region, "eu-west-1")
	options.Account = cmp.Or(options.Account, "123456789012")
	return &World{
		options: options, clock: clock, rand: random, now: clock.Now(), wake: make(chan struct{}, 1),
		vpcs: map[string]netip.Prefix{}, subnets: map[string]*subnet{}, nodes: map[string]*node{}, groups: map[string]*group{},
		buckets: map[string]*bucket{}, policies: map[string]Policy{}, revoked: map[string]bool{},
		injected: map[string][]Fault{}, counts: map[string]int{},
	}
}

// Now is the world's time: the clock's, or that of the action being played.
func (w *World) Now() time.Time {
	defer w.enter()()
	return w.now
}

// After has f done once d has passed. f may call any method of the world.
func (w *World) After(d time.Duration, f func()) {
	defer w.enter()()
	w.after(d, func() {
		w.mu.Unlock()
		defer w.mu.Lock()
		f()
	})
}

// Advance moves the clock forward and plays all that falls due, each action at its own time.
func (w *World) Advance(d time.Duration) {
	w.clock.Advance(d)
	w.enter()()
}

// Run plays the world in time until ctx ends, and then waits for the invocations
// that it started: they are the world's only goroutines.
func (w *World) Run(ctx context.Context) {
	var invocations sync.WaitGroup
	defer invocations.Wait()
	for {
		begun, pause := w.step()
		for _, invoke := range begun {
			invocations.Go(func() { invoke(ctx) })
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-w.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// step plays what is due, and returns the invocations to start and the time until the next action.
func (w *World) step() ([]func(context.Context), time.Duration) {
	defer w.enter()()
	begun, pause := w.begun, time.Hour
	w.begun = nil
	if len(w.due) > 0 {
		pause = max(0, w.due[0].at.Sub(w.now))
	}
	return begun, pause
}

// enter locks the world and brings it up to date; the function that it returns unlocks it.
func (w *World) enter() (leave func()) {
	w.mu.Lock()
	w.play()
	return w.mu.Unlock
}

// play does what is due. An action that calls the world again (After) finds it
// unlocked and at the action's own time, and does not start to play anew.
func (w *World) play() {
	if w.playing {
		return
	}
	w.playing = true
	target := w.clock.Now()
	for len(w.due) > 0 && !w.due[0].at.After(target) {
		next := w.due[0]
		w.due = w.due[1:]
		w.now = next.at
		next.do()
	}
	if target.After(w.now) {
		w.now = target
	}
	w.playing = false
}

// after schedules an action that is done with the world locked. Of two at one
// time, the one scheduled first comes first.
func (w *World) after(d time.Duration, do func()) {
	at := w.now.Add(d)
	place := sort.Search(len(w.due), func(i int) bool { return w.due[i].at.After(at) })
	w.due = slices.Insert(w.due, place, action{at, do})
	w.rouse()
}

// rouse makes Run look again at what is next.
func (w *World) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
