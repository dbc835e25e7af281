package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// request is one decoded input: what to run. The samples of all inputs are in events/.
type request struct {
	trigger eni.Trigger
	dryRun  bool
	scope   eni.Scope // the zero Scope: acknowledged; the run looks at nothing, by no call
}

// kinds are the EventBridge events that are understood. A new one is a row here,
// a sample in events/, and a row in the test.
var kinds = []struct {
	source     string
	detailType string
	decode     func(detail json.RawMessage) (request, error)
}{
	{"aws.scheduler", "Scheduled Event", decodeSchedule},
	{"aws.events", "Scheduled Event", decodeSchedule},
	{"aws.autoscaling", "EC2 Instance Terminate Successful", decodeTermination},
}

const understood = `understood are: EventBridge's "Scheduled Event", Auto Scaling's "EC2 Instance Terminate Successful" ` +
	`(also as messages of an SQS queue), and by hand {} or {"dryRun", "instanceIds", "subnetIds", "vpcIds"}`

// decode reads one event or one input by hand, of which object read the fields.
// Batches are decodeBatch's.
func decode(payload []byte, fields map[string]json.RawMessage) (request, error) {
	if _, is := fields["detail-type"]; is {
		return decodeEvent(payload)
	}
	return decodeHand(fields)
}

func decodeEvent(payload []byte) (request, error) {
	var event events.EventBridgeEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return request{}, fmt.Errorf("the EventBridge event cannot be read: %w", err)
	}
	for _, kind := range kinds {
		if event.Source == kind.source && event.DetailType == kind.detailType {
			decoded, err := kind.decode(event.Detail)
			if err != nil {
				return request{}, fmt.Errorf("the event %q of %q cannot be used: %w", event.DetailType, event.Source, err)
			}
			return decoded, nil
		}
	}
	return request{}, fmt.Errorf("an EventBridge event %.80q of %.80q came; %s", event.DetailType, event.Source, understood)
}

// decodeSchedule decodes EventBridge's own scheduled events. A rule's detail is an
// empty object, that of EventBridge Scheduler the string "{}"; AWS may add to them.
// One with a field of an input by hand was written by somebody who wanted something
// else than a sweep.
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
		for known := range hand {
			if strings.EqualFold(name, known) {
				return request{}, fmt.Errorf("its detail holds %.80q: a schedule always sweeps, by the function's settings", name)
			}
		}
	}
	return request{trigger: eni.Schedule, scope: eni.Scope{Sweep: true}}, nil
}

// termination is the detail of "EC2 Instance Terminate Successful" (Amazon EC2
// Auto Scaling User Guide, "Amazon EC2 Auto Scaling event reference"). StatusCode
// is InProgress even here, so that it tells nothing.
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

// object reads the fields of an input, which is one JSON object.
func object(payload []byte) (map[string]json.RawMessage, error) {
	fields, err := exactFields(payload)
	if err != nil {
		return nil, fmt.Errorf("the input is no JSON object (%w); %s", err, understood)
	}
	return fields, nil
}

// exactFields takes the names exactly as written: package json would take
// "DRYRUN" for "dryRun", and the last of two equal names.
func exactFields(payload []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	if token, err := decoder.Token(); err != nil {
		return nil, readable(err)
	} else if token != json.Delim('{') {
		return nil, fmt.Errorf("it is %s", kindOf(token))
	}
	fields := map[string]json.RawMessage{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, readable(err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, readable(err)
		}
		if _, twice := fields[name.(string)]; twice {
			return nil, fmt.Errorf("it has the field %.80q twice", name)
		}
		fields[name.(string)] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, readable(err)
	}
	if decoder.More() {
		return nil, errors.New("something follows its closing brace")
	}
	return fields, nil
}

func kindOf(token json.Token) string {
	switch token.(type) {
	case json.Delim:
		return "an array"
	case string:
		return "a string"
	case nil:
		return "null"
	case bool:
		return "a boolean"
	}
	return "a number"
}

func readable(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too soon")
	}
	return err
}
