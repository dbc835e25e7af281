package main

import (
	"errors"
	"fmt"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
)

// questions are calls of which the simulator's answers are taken from documentation and
// observation: EC2's own are held against them.
var questions = []struct {
	name, operation string
	arguments       arguments
	code            string // "" is a success
}{
	{"deleting an interface that there is not", "delete_network_interface", arguments{"NetworkInterfaceId": "eni-0acce97a9ce0000ff"}, "InvalidNetworkInterfaceID.NotFound"},
	{"deleting what is no id", "delete_network_interface", arguments{"NetworkInterfaceId": "eni-what"}, "InvalidNetworkInterfaceID.Malformed"},
	{"an instance that there is not, by id", "describe_instances", arguments{"InstanceIds": []string{goneNode}}, "InvalidInstanceID.NotFound"},
	{"an instance that there is not, by filter", "describe_instances", arguments{"Filters": filter("instance-id", goneNode)}, ""},
	{"200 filter values", "describe_network_interfaces", arguments{"Filters": filter("subnet-id", ids(200)...), "MaxResults": 1000}, ""},
	{"201 filter values", "describe_network_interfaces", arguments{"Filters": filter("subnet-id", ids(201)...), "MaxResults": 1000}, "FilterLimitExceeded"},
	{"managed ones, too", "describe_network_interfaces", arguments{"Filters": filter("status", "available"), "MaxResults": 5, "IncludeManagedResources": true}, ""},
}

func filter(name string, values ...string) []arguments {
	return []arguments{{"Name": name, "Values": values}}
}

func ids(count int) (ids []string) {
	for n := range count {
		ids = append(ids, fmt.Sprintf("subnet-%017x", n))
	}
	return ids
}

// compareAnswers logs EC2's answers, and fails where the simulator's differ.
func (a *acceptance) compareAnswers() {
	var differ []error
	for _, q := range questions {
		err := a.aws.Call("ec2", q.operation, q.arguments, "", nil)
		got := new(boto3.Error)
		if err != nil && !errors.As(err, &got) {
			must(err)
		}
		if got.Code != q.code {
			differ = append(differ, fmt.Errorf("%s: EC2 answers %q (%s), the simulator %q", q.name, got.Code, got.Message, q.code))
		}
		a.log("%s: %q %s", q.name, got.Code, got.Message)
	}
	must(errors.Join(differ...))
}
