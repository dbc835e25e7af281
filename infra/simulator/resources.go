package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
)

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
	TerminateEventsRule struct {
		Description  any
		State        string
		EventPattern json.RawMessage
		Targets      []struct{ ID, Arn string }
	}
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

type mappingProperties struct {
	FunctionResponseTypes                     any
	Queue                                     string
	BatchSize, MaximumBatchingWindowInSeconds int
	ScalingConfig                             struct{ MaximumConcurrency int }
}

// readResources refuses what the simulator does not play, and other ways from the rule to the function.
func readResources(resources cloudformation.Resources) (b blueprint, err error) {
	played := map[string]any{}
	for id := range resources {
		kind, _ := cloudformation.At(resources, id, "Type")
		if !slices.Contains(unplayed, kind) {
			played[id], _ = cloudformation.At(resources, id, "Properties")
		}
	}
	raw, err := json.Marshal(played)
	if err != nil {
		return b, fmt.Errorf("writing the resources: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return b, fmt.Errorf("the simulator does not support a resource: %w", err)
	}
	function, rule, letters := b.ReleaseFunction, b.TerminateEventsRule, b.TerminateEventsQueue.RedrivePolicy.DeadLetterTargetArn
	mapping := function.Events.TerminateEvents.Properties
	switch {
	case len(rule.Targets) != 1 || rule.Targets[0].Arn != mapping.Queue || !strings.HasSuffix(mapping.Queue, "-TerminateEventsQueue"):
		return b, fmt.Errorf("the simulator does not support events by %v and %s", rule.Targets, mapping.Queue)
	case !strings.HasSuffix(letters, "-DeadLetterQueue"):
		return b, fmt.Errorf("the simulator does not support dead letters in %s", letters)
	case rule.State != "ENABLED" && rule.State != "DISABLED":
		return b, fmt.Errorf("the simulator does not support a rule's State %q", rule.State)
	case function.MemorySize == 0 || function.Timeout == 0 || mapping.ScalingConfig.MaximumConcurrency == 0:
		return b, errors.New("the simulator does not support a default MemorySize, Timeout or MaximumConcurrency")
	}
	return b, nil
}

// nameIn is the name in the ARN of a queue.
func nameIn(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

var rate = regexp.MustCompile(`^rate\(([1-9][0-9]*) (minute|hour|day)s?\)$`)

// interval reads a rate expression (EventBridge Scheduler User Guide, "Schedule types").
func interval(expression string) (time.Duration, error) {
	match := rate.FindStringSubmatch(expression)
	if match == nil {
		return 0, fmt.Errorf("the simulator does not support the ScheduleExpression %q: it must be a rate", expression)
	}
	count, err := strconv.Atoi(match[1])
	return time.Duration(count) * map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[match[2]], err
}
