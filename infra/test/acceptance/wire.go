package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
)

// questions are calls of which the simulator's answers are taken from documentation and
// observation: EC2's own are recorded, and held against them.
var questions = []struct {
	name, operation string
	arguments       map[string]any
	code            string // "" is a success
}{
	{"deleting an interface that there is not", "delete_network_interface", map[string]any{"NetworkInterfaceId": "eni-0acce97a9ce0000ff"}, "InvalidNetworkInterfaceID.NotFound"},
	{"deleting what is no id", "delete_network_interface", map[string]any{"NetworkInterfaceId": "eni-what"}, "InvalidNetworkInterfaceID.Malformed"},
	{"an instance that there is not, by id", "describe_instances", map[string]any{"InstanceIds": []string{goneNode}}, "InvalidInstanceID.NotFound"},
	{"an instance that there is not, by filter", "describe_instances", map[string]any{"Filters": filter("instance-id", goneNode)}, ""},
	{"200 filter values", "describe_network_interfaces", map[string]any{"Filters": filter("subnet-id", ids(200)...), "MaxResults": 1000}, ""},
	{"201 filter values", "describe_network_interfaces", map[string]any{"Filters": filter("subnet-id", ids(201)...), "MaxResults": 1000}, "FilterLimitExceeded"},
	{"managed ones, too", "describe_network_interfaces", map[string]any{"Filters": filter("status", "available"), "MaxResults": 5, "IncludeManagedResources": true}, ""},
}

func filter(name string, values ...string) []any {
	return []any{map[string]any{"Name": name, "Values": values}}
}

func ids(count int) (ids []string) {
	for n := range count {
		ids = append(ids, fmt.Sprintf("subnet-%017x", n))
	}
	return ids
}

// recordAnswers writes EC2's answers to a file, and fails where the simulator's are others.
func (a *acceptance) recordAnswers() error {
	type answer struct{ Question, Code, Message, Simulator string }
	var all []answer
	var differ []error
	for _, q := range questions {
		err := a.aws.Call("ec2", q.operation, q.arguments, nil)
		var refused *boto3.Error
		if err != nil && !errors.As(err, &refused) {
			return err
		}
		got := answer{Question: q.name, Simulator: q.code}
		if refused != nil {
			got.Code, got.Message = refused.Code, refused.Message
		}
		if all = append(all, got); got.Code != q.code {
			differ = append(differ, fmt.Errorf("%s: EC2 answers %q (%s), the simulator %q", q.name, got.Code, got.Message, q.code))
		}
		a.say("%s: %q %s", q.name, got.Code, got.Message)
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(a.record, append(text, '\n'), 0o644); err != nil {
		return err
	}
	a.say("recorded in %s", a.record)
	return errors.Join(differ...)
}
