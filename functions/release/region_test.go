package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// usual is how well a region's events come.
var usual = simulator.Options{Lost: 0.02, Doubled: 0.02, Early: 0.2, Late: 0.02}

// A region is a stage on which the deployed template is at work: schedule, rule,
// queue and mapping, and two Auto Scaling groups that breathe with the day. The nodes
// of the group "undrained" of the cluster "blue" often die between two calls of their
// CNI, those of "drained" of "green" seldom.
type region struct {
	*stage
	buffer, deadLetters *simulator.Queue
	letters             []sample // how many there are in deadLetters, each minute
	nodes               map[string][]string
	leaking             map[string]float64 // how likely a node dies badly, by group
	rand                *rand.Rand
	paused              bool // the schedule
	invokeFunction      simulator.Invoke
}

// live plays a region for a time; prepare may put trouble into it. It must be in a
// synctest bubble.
func live(t *testing.T, parameters map[string]string, length time.Duration, prepare func(*region)) *region {
	t.Helper()
	return liveWith(t, usual, parameters, length, prepare)
}

func liveWith(t *testing.T, options simulator.Options, parameters map[string]string, length time.Duration, prepare func(*region)) *region {
	t.Helper()
	s := newStage(t, 1, options)
	s.deploy(parameters)
	r := newRegion(s, parameters)
	if prepare != nil {
		prepare(r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.world.Run(ctx) })
	time.Sleep(length - time.Second) // no run is cut at its start
	cancel()
	running.Wait()
	return r
}

// newRegion puts groups, schedule, rule, queue and mapping on a stage.
func newRegion(s *stage, parameters map[string]string) *region {
	s.Helper()
	r := &region{stage: s, nodes: map[string][]string{}, rand: rand.New(rand.NewPCG(1, 2)), leaking: map[string]float64{"undrained": 0.3, "drained": 0.02}}
	r.invokeFunction = r.invokeLambda
	invoke := func(ctx context.Context, payload []byte) ([]byte, error) { return r.invokeFunction(ctx, payload) }
	resources := deployed(s.T, parameters)
	pattern, err := json.Marshal(at(s.T, resources, "TerminateEventsRule", "Properties", "EventPattern"))
	if err != nil {
		s.Fatal(err)
	}
	r.deadLetters = s.world.AddQueue(simulator.Queue{Name: "dead-letters"})
	r.buffer = s.world.AddQueue(simulator.Queue{Name: "buffer", Delay: time.Minute, Visibility: 6 * time.Minute, Receives: 5, DeadLetters: r.deadLetters})
	if err := s.world.AddRule(pattern, r.buffer); err != nil {
		s.Fatal(err)
	}
	s.world.AddMapping(simulator.Mapping{Queue: r.buffer, BatchSize: 1000, Window: 15 * time.Second, Concurrency: 2, Invoke: invoke})
	for _, group := range [][2]string{{"undrained", "blue"}, {"drained", "green"}} {
		s.world.AddGroup(simulator.Group{Name: group[0], Subnets: s.subnets[:], Node: simulator.Node{CNI: simulator.CNI{Cluster: group[1], Addresses: 15}}})
	}
	r.each(time.Minute, func() { r.letters = append(r.letters, sample{s.world.Now(), float64(len(r.deadLetters.Messages()))}) })
	r.grow("undrained", 20)
	r.grow("drained", 20)
	r.each(time.Hour, r.breathe)
	r.each(time.Minute, func() {
		if !r.paused {
			s.world.Tick(invoke)
		}
	})
	return r
}

// invokeLambda runs the function as Lambda does, its failures being the function's own.
func (r *region) invokeLambda(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return r.handler.Invoke(ctx, payload)
}

// each does something every so often.
func (r *region) each(every time.Duration, do func()) {
	var again func()
	again = func() {
		do()
		r.world.After(every, again)
	}
	r.world.After(every, again)
}

// breathe grows the groups in the morning, and shrinks them in the evening.
func (r *region) breathe() {
	switch hour := r.world.Now().Hour(); {
	case hour >= 7 && hour < 11:
		r.grow("undrained", 10)
		r.grow("drained", 10)
	case hour >= 18 && hour < 22:
		r.shrink("undrained", 10)
		r.shrink("drained", 10)
	}
}

func (r *region) grow(group string, count int) {
	instances, err := r.world.ScaleOut(group, count)
	if err != nil {
		return // the subnets are full: that is what leaks do
	}
	for _, instance := range instances {
		r.world.Allocate(instance, 2)
	}
	r.nodes[group] = append(r.nodes[group], instances...)
}

// shrink has the oldest nodes of a group go, some of them at a bad moment.
func (r *region) shrink(group string, count int) {
	for range min(count, len(r.nodes[group])) {
		node := r.nodes[group][0]
		r.nodes[group] = r.nodes[group][1:]
		if r.rand.Float64() < r.leaking[group] {
			step := []simulator.Step{simulator.Created, simulator.Attached, simulator.Detached}[r.rand.IntN(3)]
			r.world.DieAt(node, step)
			if step == simulator.Detached {
				r.world.GiveBack(node)
			} else {
				r.world.Allocate(node, 1)
			}
			continue // its group replaces what died by itself, and tells
		}
		r.world.Terminate(node)
	}
}

// errorSamples are what Lambda counts in AWS/Lambda Errors.
func (r *region) errorSamples() (samples []sample) {
	for _, invocation := range r.world.Invocations() {
		failed := 0.0
		if invocation.Err != nil && !errors.Is(invocation.Err, context.Canceled) {
			failed = 1
		}
		samples = append(samples, sample{invocation.Start, failed})
	}
	return samples
}

// decoded are a log's lines, as far as T asks.
func decoded[T any](t *testing.T, log string) (lines []T) {
	t.Helper()
	for text := range strings.Lines(log) {
		var line T
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		lines = append(lines, line)
	}
	return lines
}

// A journal is the function's log. Runs that overlap write to it.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(text []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(text)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
