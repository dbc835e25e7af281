package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
)

// The properties that the simulator supports; any other is an error. Those of type any
// change nothing that it plays.
type (
	functionProperties struct {
		Description, CodeURI, Handler, Runtime, Architectures, Role, LoggingConfig any

		MemorySize, Timeout number
		Environment         struct{ Variables map[string]string }
		EventInvokeConfig   retries
		Events              map[string]struct {
			Type       string
			Properties any
		}
	}
	scheduleProperties struct {
		Description, OmitName, RoleArn any

		ScheduleExpression string
		RetryPolicy        retries
	}
	mappingProperties struct {
		Queue                                     string
		BatchSize, MaximumBatchingWindowInSeconds number
		FunctionResponseTypes                     []string
		ScalingConfig                             struct{ MaximumConcurrency number }
	}
	queueProperties struct {
		QueueName, SqsManagedSseEnabled, MessageRetentionPeriod any

		DelaySeconds, VisibilityTimeout number
		RedrivePolicy                   struct {
			DeadLetterTargetArn string
			MaxReceiveCount     number
		}
	}
	ruleProperties struct {
		Description any

		State        string
		EventPattern json.RawMessage
		Targets      []struct{ ID, Arn string }
	}
	retries struct {
		MaximumEventAgeInSeconds any

		MaximumRetryAttempts *number // AWS repeats a failed call where this is missing
	}
)

// A blueprint is the function and the ways to it, as resources describe them.
type blueprint struct {
	function functionProperties
	schedule scheduleProperties
	mapping  mappingProperties
	queues   map[string]queueProperties // by name
	rules    []ruleProperties
	counts   map[string]int // by type of resource or event
}

func readResources(resources cloudformation.Resources) (blueprint, error) {
	b := blueprint{queues: map[string]queueProperties{}, counts: map[string]int{}}
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		var resource struct {
			Type, PhysicalResourceID        string
			Properties, Metadata, Condition any
		}
		err := decode(resources[id], &resource)
		if err == nil {
			err = b.add(resource.Type, resource.PhysicalResourceID, resource.Properties)
		}
		if err != nil {
			return b, fmt.Errorf("%s: %w", id, err)
		}
	}
	return b, b.check()
}

// add takes a resource, or an event of the function. What a property is by default is
// AWS's (CloudFormation Template Reference Guide; AWS SAM Developer Guide).
func (b *blueprint) add(kind, name string, properties any) error {
	b.counts[kind]++
	switch kind {
	case "AWS::SQS::Queue":
		queue := queueProperties{VisibilityTimeout: 30}
		err := decode(properties, &queue)
		b.queues[name] = queue
		return err
	case "AWS::Events::Rule":
		rule := ruleProperties{State: "ENABLED"}
		err := decode(properties, &rule)
		b.rules = append(b.rules, rule)
		return err
	case "ScheduleV2":
		return decode(properties, &b.schedule)
	case "SQS":
		b.mapping.BatchSize = 10
		return decode(properties, &b.mapping)
	case "AWS::Serverless::Function":
		b.function.MemorySize, b.function.Timeout = 128, 3
		err := decode(properties, &b.function)
		for id, event := range b.function.Events {
			if failure := b.add(event.Type, id, event.Properties); failure != nil {
				err = errors.Join(err, fmt.Errorf("event %s: %w", id, failure))
			}
		}
		return err
	case "AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::SQS::QueuePolicy", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard":
		return nil // no event meets them
	}
	return fmt.Errorf("type %q is not supported", kind)
}

// check refuses what the simulator cannot play, and what AWS does not deploy (Lambda
// Developer Guide, "Using Lambda with Amazon SQS").
func (b *blueprint) check() error {
	never := func(r retries) bool { return r.MaximumRetryAttempts != nil && *r.MaximumRetryAttempts == 0 }
	m, responses := b.mapping, []string{"ReportBatchItemFailures"}
	queue := b.queues[nameIn(m.Queue)]
	_, dead := b.queues[nameIn(queue.RedrivePolicy.DeadLetterTargetArn)]
	for _, c := range []struct {
		holds bool
		says  string
	}{
		{b.counts["AWS::Serverless::Function"] == 1, "it needs one function"},
		{b.counts["ScheduleV2"] == 1 && b.counts["SQS"] == 1, "the function needs one event ScheduleV2 and one SQS"},
		{never(b.function.EventInvokeConfig), "EventInvokeConfig must retry nothing"},
		{never(b.schedule.RetryPolicy), "the schedule's RetryPolicy must retry nothing"},
		{slices.Equal(m.FunctionResponseTypes, responses), "FunctionResponseTypes must be ReportBatchItemFailures"},
		{m.ScalingConfig.MaximumConcurrency >= 2, "MaximumConcurrency must be 2 or more"},
		{m.BatchSize <= 10 || m.MaximumBatchingWindowInSeconds > 0, "a BatchSize of more than 10 needs a batching window"},
		{dead && queue.RedrivePolicy.MaxReceiveCount >= 1, "the mapping's queue needs a RedrivePolicy with a dead-letter queue of the stack"},
		{queue.VisibilityTimeout >= b.function.Timeout, "VisibilityTimeout must not be less than the function's Timeout"},
	} {
		if !c.holds {
			return errors.New(c.says)
		}
	}
	return nil
}

// nameIn is the name in the ARN of a queue.
func nameIn(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

func decode(document, into any) error {
	raw, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("writing it as JSON: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("not supported: %w", err)
	}
	return nil
}

// A number may be a text, as the value of a parameter is.
type number int

func (n *number) UnmarshalJSON(text []byte) error {
	value, err := strconv.Atoi(strings.Trim(string(text), `"`))
	*n = number(value)
	return err
}

func (n number) seconds() time.Duration { return time.Duration(n) * time.Second }

var rate = regexp.MustCompile(`^rate\(([1-9][0-9]*) (minute|hour|day)s?\)$`)

// interval reads a rate expression (EventBridge Scheduler User Guide, "Schedule types").
func interval(expression string) (time.Duration, error) {
	match := rate.FindStringSubmatch(expression)
	if match == nil {
		return 0, fmt.Errorf("ScheduleExpression %q is not supported: it must be a rate", expression)
	}
	count, err := strconv.Atoi(match[1])
	return time.Duration(count) * map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[match[2]], err
}
