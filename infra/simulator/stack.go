package simulator

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	TerminateEvents    bool              // the rule is enabled
	StateChangeEvents  bool              // the other rule is

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
	function, queue := b.ReleaseFunction, b.TerminateEventsQueue
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
	if err := cmp.Or(s.addRule(b.TerminateEventsRule, &s.TerminateEvents), s.addRule(b.StateChangeEventsRule, &s.StateChangeEvents)); err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	r.Lambda.AddMapping(lambda.Mapping{
		Queue: s.Queue, BatchSize: mapping.BatchSize, Window: seconds(mapping.MaximumBatchingWindowInSeconds),
		Concurrency: mapping.ScalingConfig.MaximumConcurrency, Invoke: s.Invoke,
	})
	return s, nil
}

// addRule adds a rule that sends to the queue while it is enabled.
func (s *Stack) addRule(r rule, enabled *bool) error {
	*enabled = r.State == "ENABLED"
	return s.region.Bus.AddRule(r.EventPattern, func(event []byte) {
		if *enabled {
			s.Queue.Send(string(event))
		}
	})
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

// unplayed are the types of resources that no event meets.
var unplayed = []any{"AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::SQS::QueuePolicy", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"}

// A blueprint holds the properties of template.yaml's other resources that the simulator supports.
// What is of type any, it does not play: cloudformation's tests hold those constants.
type blueprint struct {
	ReleaseFunction struct {
		Description, CodeURI, Handler, Runtime, Architectures, Role, LoggingConfig, EventInvokeConfig any

		MemorySize, Timeout int
		Environment         struct{ Variables map[string]string }
		Events              struct {
			Sweep struct {
				Type       any
				Properties struct {
					Description, OmitName, RoleArn, RetryPolicy any
					ScheduleExpression                          string
				}
			}
			TerminateEvents struct {
				Type       any
				Properties mappingProperties
			}
		}
	}
	TerminateEventsRule, StateChangeEventsRule rule

	TerminateEventsQueue struct {
		SqsManagedSseEnabled            any
		DelaySeconds, VisibilityTimeout int
		RedrivePolicy                   struct {
			DeadLetterTargetArn string
			MaxReceiveCount     int
		}
	}
	DeadLetterQueue struct{ SqsManagedSseEnabled, MessageRetentionPeriod any }
}

type rule struct {
	Description  any
	State        string
	EventPattern json.RawMessage
	Targets      []struct{ ID, Arn string }
}

type mappingProperties struct {
	FunctionResponseTypes                     any
	Queue                                     string
	BatchSize, MaximumBatchingWindowInSeconds int
	ScalingConfig                             struct{ MaximumConcurrency int }
}

// readResources refuses what the simulator does not play, and other ways from a rule to the function.
func readResources(resources cloudformation.Resources) (b blueprint, err error) {
	played := map[string]any{}
	for id := range resources {
		kind, _ := cloudformation.At(resources, id, "Type")
		if !slices.Contains(unplayed, kind) {
			played[id], _ = cloudformation.At(resources, id, "Properties")
		}
	}
	raw, _ := json.Marshal(played) // what is no JSON cannot be decoded
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return b, fmt.Errorf("the simulator does not support a resource: %w", err)
	}
	function, letters := b.ReleaseFunction, b.TerminateEventsQueue.RedrivePolicy.DeadLetterTargetArn
	mapping := function.Events.TerminateEvents.Properties
	for _, rule := range []rule{b.TerminateEventsRule, b.StateChangeEventsRule} {
		switch {
		case len(rule.Targets) != 1 || rule.Targets[0].Arn != mapping.Queue || !strings.HasSuffix(mapping.Queue, "-TerminateEventsQueue"):
			return b, fmt.Errorf("the simulator does not support events by %v and %s", rule.Targets, mapping.Queue)
		case rule.State != "ENABLED" && rule.State != "DISABLED":
			return b, fmt.Errorf("the simulator does not support a rule's State %q", rule.State)
		}
	}
	switch {
	case !strings.HasSuffix(letters, "-DeadLetterQueue"):
		return b, fmt.Errorf("the simulator does not support dead letters in %s", letters)
	case function.MemorySize == 0 || function.Timeout == 0 || mapping.BatchSize == 0 || mapping.ScalingConfig.MaximumConcurrency == 0 || b.TerminateEventsQueue.VisibilityTimeout == 0:
		return b, errors.New("the simulator does not support a default MemorySize, Timeout, BatchSize, MaximumConcurrency or VisibilityTimeout")
	}
	return b, nil
}

// nameIn is the name in the ARN of a queue.
func nameIn(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

var units = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// interval reads a rate expression (EventBridge Scheduler User Guide, "Schedule types").
func interval(expression string) (time.Duration, error) {
	var count int
	var unit string
	_, err := fmt.Sscanf(expression, "rate(%d %s", &count, &unit)
	length := time.Duration(count) * units[strings.TrimRight(unit, "s)")]
	if err != nil || length <= 0 {
		return 0, fmt.Errorf("the simulator does not support the ScheduleExpression %q: it must be a rate", expression)
	}
	return length, nil
}
