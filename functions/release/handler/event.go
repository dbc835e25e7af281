package handler

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// request is one decoded input: what to run.
type request struct {
	trigger eni.Trigger
	dryRun  bool
	scope   eni.Scope // the zero Scope is a no-op: acknowledged without an API call
}

// eventKinds are the EventBridge events that are supported. A new one is a row here, a
// sample in ../events with its row there, and what that decodes to in the test.
var eventKinds = []struct {
	source     string
	detailType string
	decode     func(detail json.RawMessage) (request, error)
}{
	{"aws.scheduler", "Scheduled Event", decodeSchedule},
	{"aws.events", "Scheduled Event", decodeSchedule},
	{"aws.autoscaling", "EC2 Instance Terminate Successful", decodeTermination},
}

const supported = `supported are: EventBridge's "Scheduled Event", Auto Scaling's "EC2 Instance Terminate Successful" ` +
	`(also as messages of an SQS queue), and a manual payload, {} or any of "dryRun", "instanceIds", "subnetIds", "vpcIds"`

// decode decodes the fields of one event, or of a manual run's payload. Batches are decodeBatch's.
func decode(fields map[string]json.RawMessage) (request, error) {
	if _, is := fields["detail-type"]; is {
		return decodeEvent(fields)
	}
	return decodeManual(fields)
}

func decodeEvent(fields map[string]json.RawMessage) (request, error) {
	source, sourceErr := text(fields, "source")
	detailType, typeErr := text(fields, "detail-type")
	if err := cmp.Or(sourceErr, typeErr); err != nil {
		return request{}, fmt.Errorf("the EventBridge event cannot be read: %w", err)
	}
	for _, kind := range eventKinds {
		if source == kind.source && detailType == kind.detailType {
			decoded, err := kind.decode(fields["detail"])
			if err != nil {
				return request{}, fmt.Errorf("the event %q of %q cannot be used: %w", detailType, source, err)
			}
			return decoded, nil
		}
	}
	return request{}, fmt.Errorf("an EventBridge event %.80q of %.80q came; %s", detailType, source, supported)
}

// text reads a field that is a string; "" where it is absent or null.
func text(fields map[string]json.RawMessage, name string) (value string, err error) {
	if raw, is := fields[name]; is {
		if err := json.Unmarshal(raw, &value); err != nil {
			return "", fmt.Errorf("its %s: %w", name, err)
		}
	}
	return value, nil
}

// decodeSchedule decodes EventBridge's own scheduled events. A rule's detail is an
// empty object, that of EventBridge Scheduler the string "{}"; AWS may add to them.
// A field of a manual run's payload is refused: who wrote it wanted something else than a sweep.
func decodeSchedule(detail json.RawMessage) (request, error) {
	var text string
	if json.Unmarshal(detail, &text) == nil {
		detail = json.RawMessage(text)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(detail, &fields); len(detail) > 0 && err != nil {
		return request{}, fmt.Errorf("its detail cannot be read: %w", err)
	}
	for name := range fields {
		for known := range manualFields {
			if strings.EqualFold(name, known) {
				return request{}, fmt.Errorf("its detail holds %.80q: a schedule always sweeps, by the function's settings", name)
			}
		}
	}
	return request{trigger: eni.Schedule, scope: eni.Scope{Sweep: true}}, nil
}

// termination is the detail of "EC2 Instance Terminate Successful" (Amazon EC2
// Auto Scaling User Guide, "Amazon EC2 Auto Scaling event reference"). StatusCode
// is InProgress even here, so that nothing can be concluded from it.
type termination struct {
	Instance    string `json:"EC2InstanceId"`
	Group       string `json:"AutoScalingGroupName"`
	Destination string `json:"Destination"` // EC2, AutoScalingGroup, WarmPool, or absent
	Details     struct {
		Subnet string `json:"Subnet ID"` // may be absent; other fields may hold arrays
	} `json:"Details"`
}

func decodeTermination(detail json.RawMessage) (request, error) {
	var t termination
	if err := json.Unmarshal(detail, &t); err != nil {
		return request{}, fmt.Errorf("its detail cannot be read: %w", err)
	}
	if t.Destination == "WarmPool" { // the instance was stopped into the pool, not terminated
		return request{trigger: eni.Event}, nil
	}
	if !eni.ValidID("i-", t.Instance) {
		return request{}, fmt.Errorf("its EC2InstanceId %.80q is no instance id", t.Instance)
	}
	if t.Details.Subnet != "" && !eni.ValidID("subnet-", t.Details.Subnet) {
		return request{}, fmt.Errorf("its Subnet ID %.80q is no subnet id", t.Details.Subnet)
	}
	return request{trigger: eni.Event, scope: eni.Scope{
		Instances: nonEmpty(t.Instance),
		Groups:    nonEmpty(t.Group),
		Subnets:   nonEmpty(t.Details.Subnet),
	}}, nil
}

func nonEmpty(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
