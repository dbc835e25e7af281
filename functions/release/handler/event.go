package handler

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// request is one decoded input.
type request struct {
	trigger eni.Trigger
	dryRun  bool
	scope   eni.Scope // the zero Scope is a no-op: acknowledged without an API call
}

// eventKinds are the supported EventBridge events. A new one is a row here, a sample with its
// row in ../events, and its decoded request in the test.
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

// decode decodes the fields of one event or of a manual run's payload.
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
	return request{}, fmt.Errorf("unsupported EventBridge event %.80q of %.80q; %s", detailType, source, supported)
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

// decodeSchedule accepts a rule's detail, an object, and EventBridge Scheduler's, the same as a string.
// It refuses the fields of a manual payload, which a sweep would ignore; AWS may add others.
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
				return request{}, fmt.Errorf("its detail holds %.80q: a schedule always sweeps, with the function's settings", name)
			}
		}
	}
	return request{trigger: eni.Schedule, scope: eni.Scope{Sweep: true}}, nil
}

// termination is the detail of "EC2 Instance Terminate Successful" (Amazon EC2 Auto Scaling User
// Guide, "Amazon EC2 Auto Scaling event reference"). StatusCode is InProgress even here: ignored.
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
		return request{}, fmt.Errorf("its EC2InstanceId %.80q is not an instance ID", t.Instance)
	}
	scope := eni.Scope{Instances: []string{t.Instance}}
	if t.Group != "" {
		scope.Groups = []string{t.Group}
	}
	if subnet := t.Details.Subnet; subnet != "" {
		if !eni.ValidID("subnet-", subnet) {
			return request{}, fmt.Errorf("its Subnet ID %.80q is not a subnet ID", subnet)
		}
		scope.Subnets = []string{subnet}
	}
	return request{trigger: eni.Event, scope: scope}, nil
}
