package harness

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
)

// Usual is how well a region's events come.
var Usual = simulator.Options{Lost: 0.02, Doubled: 0.02, Early: 0.2, Late: 0.02}

// Stack is the deployed template at work in a region: its schedule, rule, queue and mapping invoke
// the function, and two Auto Scaling groups grow in the morning and shrink in the evening. The nodes
// of the group "undrained" of the cluster "blue" often die between two calls of their CNI, those of
// "drained" of "green" seldom.
type Stack struct {
	*Function
	Deployed *simulator.Stack
	Members  map[string][]string // instances, by group
	Leaking  map[string]float64  // how likely a node dies badly, by group
	Random   *rand.Rand
}

// Live plays a stack for a time, in virtual time: inside of Bubble. Prepare may add to it
// before; it runs inside the region's loop, as the stack's methods must.
func Live(t testing.TB, options simulator.Options, parameters map[string]string, length time.Duration, prepare func(*Stack)) *Stack {
	f := NewFunction(NewRegion(t, 1, options), parameters)
	s := &Stack{Function: f, Members: map[string][]string{}, Random: rand.New(rand.NewPCG(1, 2)), Leaking: map[string]float64{"undrained": 0.3, "drained": 0.02}}
	f.Do(func() {
		s.Deployed = Must(simulator.Deploy(f.Region.Region, Deployed(t, parameters), f.Handler.Invoke))(t)
		for _, group := range [][2]string{{"undrained", "blue"}, {"drained", "green"}} {
			s.AutoScaling.AddGroup(autoscaling.Group{Name: group[0], Subnets: s.Subnets, Node: cni.Node{CNI: cni.Config{Cluster: group[1], Addresses: 15}}})
		}
		s.Grow("undrained", 20)
		s.Grow("drained", 20)
		s.Every(time.Hour, s.breathe)
		s.Deployed.Start()
		prepare(s)
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { f.Run(ctx) })
	time.Sleep(length - time.Second) // no run is cut at its start
	cancel()
	running.Wait()
	return s
}

// Every does something every so often.
func (s *Stack) Every(every time.Duration, do func()) {
	var again func()
	again = func() {
		do()
		s.Loop.After(every, again)
	}
	s.Loop.After(every, again)
}

// breathe grows the groups in the morning, and shrinks them in the evening.
func (s *Stack) breathe() {
	switch hour := s.Loop.Now().Hour(); {
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
	instances, err := s.AutoScaling.ScaleOut(group, count)
	if err != nil {
		return // the subnets are full: that is what leaks do
	}
	for _, instance := range instances {
		s.Nodes.AllocENI(instance, 2)
	}
	s.Members[group] = append(s.Members[group], instances...)
}

// Shrink terminates the oldest nodes of a group, some of them at a bad moment.
func (s *Stack) Shrink(group string, count int) {
	for range min(count, len(s.Members[group])) {
		node := s.Members[group][0]
		s.Members[group] = s.Members[group][1:]
		if s.Random.Float64() < s.Leaking[group] {
			s.Crash(node) // its group replaces what died by itself, with an event
		} else {
			s.Nodes.Terminate(node)
		}
	}
}

// Crash ends a node at a bad moment: between two calls of its CNI.
func (s *Stack) Crash(node string) {
	step := []cni.Step{cni.Created, cni.Attached, cni.Detached}[s.Random.IntN(3)]
	s.Nodes.CrashAt(node, step)
	if step == cni.Detached {
		s.Nodes.FreeENI(node)
	} else {
		s.Nodes.AllocENI(node, 1)
	}
}
