package harness

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// Usual is how well a region's events come.
var Usual = simulator.Options{Lost: 0.02, Doubled: 0.02, Early: 0.2, Late: 0.02}

// Stack is the deployed template at work in a region: its schedule, rule, queue and mapping invoke
// the function, and two Auto Scaling groups grow in the morning and shrink in the evening. The nodes
// of the group "undrained" of the cluster "blue" often die between two calls of their CNI, those of
// "drained" of "green" seldom.
type Stack struct {
	*Function
	Queue, DeadLetters *simulator.Queue
	Nodes              map[string][]string // by group
	Leaking            map[string]float64  // how likely a node dies badly, by group
	Random             *rand.Rand
	Paused             bool // the schedule
}

// Live plays a stack for a time, in virtual time: inside of synctest.Test. Prepare, where it is not
// nil, may add to it before.
func Live(t testing.TB, options simulator.Options, parameters map[string]string, length time.Duration, prepare func(*Stack)) *Stack {
	t.Helper()
	s := newStack(NewFunction(NewRegion(t, 1, options), parameters))
	if prepare != nil {
		prepare(s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.World.Run(ctx) })
	time.Sleep(length - time.Second) // no run is cut at its start
	cancel()
	running.Wait()
	return s
}

func newStack(f *Function) *Stack {
	f.Helper()
	s := &Stack{Function: f, Nodes: map[string][]string{}, Random: rand.New(rand.NewPCG(1, 2)), Leaking: map[string]float64{"undrained": 0.3, "drained": 0.02}}
	s.DeadLetters = s.World.AddQueue(simulator.Queue{Name: "dead-letters"})
	s.Queue = s.World.AddQueue(simulator.Queue{Name: "buffer", Delay: time.Minute, Visibility: 6 * time.Minute, Receives: 5, DeadLetters: s.DeadLetters})
	if err := s.World.AddRule(TerminatePattern(f), s.Queue); err != nil {
		f.Fatal(err)
	}
	s.World.AddMapping(simulator.Mapping{Queue: s.Queue, BatchSize: 1000, Window: 15 * time.Second, Concurrency: 2, Invoke: s.lambda})
	for _, group := range [][2]string{{"undrained", "blue"}, {"drained", "green"}} {
		s.World.AddGroup(simulator.Group{Name: group[0], Subnets: s.Subnets[:], Node: simulator.Node{CNI: simulator.CNI{Cluster: group[1], Addresses: 15}}})
	}
	s.Grow("undrained", 20)
	s.Grow("drained", 20)
	s.Every(time.Hour, s.breathe)
	s.Every(time.Minute, func() {
		if !s.Paused {
			s.World.Tick(s.lambda)
		}
	})
	return s
}

// lambda runs the function as Lambda does, its failures being the function's own.
func (s *Stack) lambda(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return s.Handler.Invoke(ctx, payload)
}

// Every does something every so often.
func (s *Stack) Every(every time.Duration, do func()) {
	var again func()
	again = func() {
		do()
		s.World.After(every, again)
	}
	s.World.After(every, again)
}

// breathe grows the groups in the morning, and shrinks them in the evening.
func (s *Stack) breathe() {
	switch hour := s.World.Now().Hour(); {
	case hour >= 7 && hour < 11:
		s.Grow("undrained", 10)
		s.Grow("drained", 10)
	case hour >= 18 && hour < 22:
		s.Shrink("undrained", 10)
		s.Shrink("drained", 10)
	}
}

// Grow launches nodes of a group, each with two interfaces of its CNI.
func (s *Stack) Grow(group string, count int) {
	instances, err := s.World.ScaleOut(group, count)
	if err != nil {
		return // the subnets are full: that is what leaks do
	}
	for _, instance := range instances {
		s.World.Allocate(instance, 2)
	}
	s.Nodes[group] = append(s.Nodes[group], instances...)
}

// Shrink terminates the oldest nodes of a group, some of them at a bad moment.
func (s *Stack) Shrink(group string, count int) {
	for range min(count, len(s.Nodes[group])) {
		node := s.Nodes[group][0]
		s.Nodes[group] = s.Nodes[group][1:]
		if s.Random.Float64() < s.Leaking[group] {
			step := []simulator.Step{simulator.Created, simulator.Attached, simulator.Detached}[s.Random.IntN(3)]
			s.World.DieAt(node, step)
			if step == simulator.Detached {
				s.World.GiveBack(node)
			} else {
				s.World.Allocate(node, 1)
			}
			continue // its group replaces what died by itself, with an event
		}
		s.World.Terminate(node)
	}
}
