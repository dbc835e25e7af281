package simulator

import (
	"context"
	"fmt"
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
// template. A resource or property that the simulator cannot play is an error;
// permissions are not judged. The schedule waits for [Stack.Start]. Both are called inside.
func Deploy(r *Region, resources cloudformation.Resources, f lambda.Invoke) (*Stack, error) {
	b, err := readResources(resources)
	if err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	function, rule, queue := b.ReleaseFunction, b.TerminateEventsRule, b.TerminateEventsQueue
	mapping := function.Events.TerminateEvents.Properties
	s := &Stack{region: r, Environment: function.Environment.Variables, MemoryMB: function.MemorySize, Timeout: seconds(function.Timeout)}
	if s.Interval, err = interval(function.Events.Sweep.Properties.ScheduleExpression); err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	s.Invoke = func(ctx context.Context, payload []byte) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, s.Timeout)
		defer cancel()
		return f(ctx, payload)
	}
	s.DeadLetters = r.SQS.AddQueue(sqs.Queue{Name: nameIn(queue.RedrivePolicy.DeadLetterTargetArn)})
	s.Queue = r.SQS.AddQueue(sqs.Queue{
		Name: nameIn(mapping.Queue), Delay: seconds(queue.DelaySeconds), Visibility: seconds(queue.VisibilityTimeout),
		Receives: queue.RedrivePolicy.MaxReceiveCount, DeadLetters: s.DeadLetters,
	})
	deliver := s.Queue.Deliver
	if rule.State == "DISABLED" {
		deliver = func([]byte) {}
	}
	if err := r.Bus.AddRule(rule.EventPattern, deliver); err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	r.Lambda.AddMapping(lambda.Mapping{
		Queue: s.Queue, BatchSize: mapping.BatchSize, Window: seconds(mapping.MaximumBatchingWindowInSeconds),
		Concurrency: mapping.ScalingConfig.MaximumConcurrency, Invoke: s.Invoke,
	})
	return s, nil
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
