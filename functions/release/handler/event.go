package handler

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// request is one decoded input.
type request struct {
	trigger eni.Trigger
	dryRun  bool
	scope   eni.Scope // the zero Scope is a no-op: acknowledged without an API call
	lost    []error   // hints that cannot be read
}

// eventKinds are the supported EventBridge events. A new one is a row here, a sample with its
// row in ../events, and its decoded request in the test.
var eventKinds = []struct {
	source     string
	detailType string
	decode     func(event object) (request, error)
}{
	{"aws.scheduler", "Scheduled Event", decodeSchedule},
	{"aws.events", "Scheduled Event", decodeSchedule},
	{"aws.autoscaling", "EC2 Instance Terminate Successful", decodeTermination},
	{"aws.ec2", "EC2 Instance State-change Notification", decodeStateChange},
}

const supported = `supported are: EventBridge's "Scheduled Event", Auto Scaling's "EC2 Instance Terminate Successful" and EC2's ` +
	`"EC2 Instance State-change Notification" (these two also as messages of an SQS queue), and a manual payload, ` +
	`{} or any of "dryRun", "instanceIds", "subnetIds", "vpcIds", "clusterNames"`

// decode decodes the fields of one event or of a manual run's payload.
func decode(fields object) (request, error) {
	if _, is := fields["detail-type"]; is {
		return decodeEvent(fields)
	}
	return decodeManual(fields)
}

// decodeEvent reads source, detail-type and detail, and nothing else of the envelope.
func decodeEvent(event object) (request, error) {
	source, sourceErr := event.text("source")
	detailType, typeErr := event.text("detail-type")
	if err := cmp.Or(sourceErr, typeErr); err != nil {
		return request{}, fmt.Errorf("the EventBridge event cannot be read: %w", err)
	}
	for _, kind := range eventKinds {
		if source == kind.source && detailType == kind.detailType {
			decoded, err := kind.decode(event)
			if err != nil {
				return request{}, fmt.Errorf("the event %q of %q cannot be used: %w", detailType, source, err)
			}
			return decoded, nil
		}
	}
	return request{}, fmt.Errorf("unsupported EventBridge event %.80q of %.80q; %s", detailType, source, supported)
}

// decodeSchedule accepts a rule's detail, an object, and EventBridge Scheduler's, the same as a string.
// It refuses the fields of a manual payload, which a sweep would ignore; AWS may add others.
func decodeSchedule(event object) (request, error) {
	detail, text := event["detail"], ""
	if _, is := event["detail"]; is && detail == nil {
		return request{}, errors.New(`its "detail" stands twice`)
	}
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

// decodeTermination decodes "EC2 Instance Terminate Successful" (Amazon EC2 Auto Scaling User Guide,
// "Amazon EC2 Auto Scaling event reference"). StatusCode is InProgress even here: ignored. Group and
// subnet are hints.
func decodeTermination(event object) (request, error) {
	detail, err := event.object("detail")
	if err != nil {
		return request{}, err
	}
	destination, err := detail.text("Destination") // EC2, AutoScalingGroup, WarmPool, or absent
	if err != nil {
		return request{}, err
	}
	if destination == "WarmPool" { // the instance was stopped into the pool, not terminated
		return request{trigger: eni.Event}, nil
	}
	decoded, err := ofInstance(detail, "EC2InstanceId")
	if err != nil {
		return request{}, err
	}
	group, err := groupHint(detail)
	decoded.addHint(&decoded.scope.Groups, group, err)
	subnet, err := subnetHint(detail)
	decoded.addHint(&decoded.scope.Subnets, subnet, err)
	return decoded, nil
}

// decodeStateChange decodes "EC2 Instance State-change Notification" (Amazon EC2 User Guide, "State
// change events for your instances"), which nodes without an Auto Scaling group emit, too.
func decodeStateChange(event object) (request, error) {
	detail, err := event.object("detail")
	if err != nil {
		return request{}, err
	}
	state, err := detail.text("state")
	switch {
	case err != nil:
		return request{}, err
	case state == "":
		return request{}, errors.New(`its "state" is missing`)
	case state != string(eni.Terminated):
		return request{trigger: eni.Event}, nil
	}
	return ofInstance(detail, "instance-id")
}

// ofInstance returns the request for the instance in a field of an event's detail.
func ofInstance(detail object, field string) (request, error) {
	id, err := detail.text(field)
	if err != nil {
		return request{}, err
	}
	if !eni.ValidID("i-", id) {
		return request{}, fmt.Errorf("its %s %.80q is not an instance ID", field, id)
	}
	return request{trigger: eni.Event, scope: eni.Scope{Instances: []string{id}}}, nil
}

// hint reads a string that only widens a scope: "" where it is missing; null is unreadable.
func hint(o object, name string) (value string, err error) {
	if _, is := o[name]; !is {
		return "", nil
	}
	if err := o.read(name, &value); err != nil {
		return "", fmt.Errorf("its %q %w", name, err)
	}
	return value, nil
}

// groupName is how Auto Scaling names a group (Amazon EC2 Auto Scaling API Reference, CreateAutoScalingGroup).
// Another name would fail the call for all groups of a batch.
var groupName = regexp.MustCompile(`^[^\x00-\x1f\x7f]{0,255}$`)

func groupHint(detail object) (string, error) {
	group, err := hint(detail, "AutoScalingGroupName")
	if err == nil && !groupName.MatchString(group) {
		return "", fmt.Errorf(`its "AutoScalingGroupName" %.80q is not a group's name`, group)
	}
	return group, err
}

// subnetHint reads "Subnet ID" of "Details", whose other fields may hold anything.
func subnetHint(detail object) (string, error) {
	if _, is := detail["Details"]; !is {
		return "", nil
	}
	details, err := parseObject(detail["Details"])
	if err != nil {
		return "", fmt.Errorf(`its "Details" cannot be read: %w`, err)
	}
	subnet, err := hint(details, "Subnet ID")
	if err == nil && subnet != "" && !eni.ValidID("subnet-", subnet) {
		err = fmt.Errorf(`its "Subnet ID" %.80q is not a subnet ID`, subnet)
	}
	if err != nil {
		return "", err
	}
	return subnet, nil
}

// addHint adds a hint to a list of the scope, or its error to the lost ones.
func (r *request) addHint(list *[]string, value string, err error) {
	switch {
	case err != nil:
		r.lost = append(r.lost, err)
	case value != "":
		*list = append(*list, value)
	}
}
