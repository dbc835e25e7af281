package simulator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/sqs"
)

// A Stack is a deployed template at work: rules, queues, the event source mapping, and
// the schedule once it is started. Its fields may be changed, inside.
type Stack struct {
	Queue, DeadLetters *sqs.Queue        // of the event source mapping
	Environment        map[string]string // the function's variables
	MemoryMB           int               // the caller's function gets as much, or ignores it
	Timeout            time.Duration     // of each call
	Invoke             lambda.Invoke     // calls the function, with its timeout
	Interval           time.Duration     // of the schedule
	Paused             bool              // the schedule calls nothing meanwhile

	region *Region
}

// Deploy puts a function to work in a region, by the resources of the deployed
// template: its numbers, and which rule sends to which queue. A resource or property
// that the simulator cannot play is an error; permissions are not judged. The schedule
// waits for [Stack.Start]. Both are called inside.
func Deploy(r *Region, resources cloudformation.Resources, f lambda.Invoke) (*Stack, error) {
	b, err := readResources(resources)
	if err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	s := &Stack{region: r, Environment: b.function.Environment.Variables, MemoryMB: int(b.function.MemorySize), Timeout: b.function.Timeout.seconds()}
	s.Invoke = func(ctx context.Context, payload []byte) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, s.Timeout)
		defer cancel()
		return f(ctx, payload)
	}
	if s.Interval, err = interval(b.schedule.ScheduleExpression); err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	queues := addQueues(r, b.queues)
	s.Queue = queues[nameIn(b.mapping.Queue)]
	s.DeadLetters = s.Queue.DeadLetters
	if err := addRules(r, b.rules, queues); err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	r.Lambda.AddMapping(lambda.Mapping{
		Queue: s.Queue, BatchSize: int(b.mapping.BatchSize), Window: b.mapping.MaximumBatchingWindowInSeconds.seconds(),
		Concurrency: int(b.mapping.ScalingConfig.MaximumConcurrency), Invoke: s.Invoke,
	})
	return s, nil
}

// addQueues returns the queues by name.
func addQueues(r *Region, described map[string]queueProperties) map[string]*sqs.Queue {
	queues := map[string]*sqs.Queue{}
	for _, name := range slices.Sorted(maps.Keys(described)) {
		p := described[name]
		queues[name] = r.SQS.AddQueue(sqs.Queue{Name: name, Delay: p.DelaySeconds.seconds(), Visibility: p.VisibilityTimeout.seconds(), Receives: int(p.RedrivePolicy.MaxReceiveCount)})
	}
	for name, p := range described {
		queues[name].DeadLetters = queues[nameIn(p.RedrivePolicy.DeadLetterTargetArn)]
	}
	return queues
}

// addRules leaves disabled rules out.
func addRules(r *Region, rules []ruleProperties, queues map[string]*sqs.Queue) error {
	for _, rule := range rules {
		for _, target := range rule.Targets {
			queue := queues[nameIn(target.Arn)]
			if queue == nil || rule.State != "ENABLED" && rule.State != "DISABLED" {
				return fmt.Errorf("a rule that is %s, to %s, is not supported", rule.State, target.Arn)
			}
			if rule.State == "DISABLED" {
				continue
			}
			if err := r.Bus.AddRule(rule.EventPattern, queue.Deliver); err != nil {
				return fmt.Errorf("adding a rule: %w", err)
			}
		}
	}
	return nil
}

// Start starts the schedule. The first call comes after the first interval.
func (s *Stack) Start() {
	var tick func()
	tick = func() {
		if !s.Paused {
			s.region.Lambda.Call(s.Invoke, s.region.Bus.Tick(), nil)
		}
		s.region.Loop.After(s.Interval, tick)
	}
	s.region.Loop.After(s.Interval, tick)
}
