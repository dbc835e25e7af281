package simulator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
)

// A Stack is a deployed template at work: rules, queues, the event source mapping, and
// the schedule once it is started.
type Stack struct {
	Queue, DeadLetters *Queue            // of the event source mapping
	Environment        map[string]string // the function's variables
	MemoryMB           int
	Timeout            time.Duration
	Invoke             Invoke        // calls the function, with its timeout
	Interval           time.Duration // of the schedule; Start takes it
	Paused             bool          // the schedule calls nothing meanwhile

	world *World
}

// Deploy puts a function to work on a world, with the numbers and by the ways of the
// template's resources. What the simulator cannot play of them is an error; permissions
// are none of its. The schedule waits for [Stack.Start].
func Deploy(w *World, resources cloudformation.Resources, f Invoke) (*Stack, error) {
	b, err := readResources(resources)
	if err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	s := &Stack{world: w, Environment: b.function.Environment.Variables, MemoryMB: int(b.function.MemorySize), Timeout: b.function.Timeout.seconds()}
	s.Invoke = func(ctx context.Context, payload []byte) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, s.Timeout)
		defer cancel()
		return f(ctx, payload)
	}
	if s.Interval, err = interval(b.schedule.ScheduleExpression); err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	queues := addQueues(w, b.queues)
	s.Queue = queues[nameIn(b.mapping.Queue)]
	s.DeadLetters = s.Queue.DeadLetters
	if err := addRules(w, b.rules, queues); err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	w.AddMapping(Mapping{
		Queue: s.Queue, BatchSize: int(b.mapping.BatchSize), Window: b.mapping.MaximumBatchingWindowInSeconds.seconds(),
		Concurrency: int(b.mapping.ScalingConfig.MaximumConcurrency), Invoke: s.Invoke,
	})
	return s, nil
}

// addQueues returns the queues by name.
func addQueues(w *World, described map[string]queueProperties) map[string]*Queue {
	queues := map[string]*Queue{}
	for _, name := range slices.Sorted(maps.Keys(described)) {
		p := described[name]
		queues[name] = w.AddQueue(Queue{Name: name, Delay: p.DelaySeconds.seconds(), Visibility: p.VisibilityTimeout.seconds(), Receives: int(p.RedrivePolicy.MaxReceiveCount)})
	}
	for name, p := range described {
		queues[name].DeadLetters = queues[nameIn(p.RedrivePolicy.DeadLetterTargetArn)]
	}
	return queues
}

// addRules leaves disabled rules out, as the bus does.
func addRules(w *World, rules []ruleProperties, queues map[string]*Queue) error {
	for _, rule := range rules {
		for _, target := range rule.Targets {
			queue := queues[nameIn(target.Arn)]
			if queue == nil || rule.State != "ENABLED" && rule.State != "DISABLED" {
				return fmt.Errorf("a rule that is %s, to %s, is not supported", rule.State, target.Arn)
			}
			if rule.State == "DISABLED" {
				continue
			}
			if err := w.AddRule(rule.EventPattern, queue); err != nil {
				return err
			}
		}
	}
	return nil
}

// Start starts the schedule: the first call comes after the first interval.
func (s *Stack) Start() {
	defer s.world.enter()()
	var tick func()
	tick = func() {
		if !s.Paused {
			s.world.tick(s.Invoke)
		}
		s.world.after(s.Interval, tick)
	}
	s.world.after(s.Interval, tick)
}
