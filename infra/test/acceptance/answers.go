package main

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
)

// A roleCall is one that the deployed role is asked for.
type roleCall struct {
	name, action, resource string
	context                map[string]string
	allowed                bool
}

// tryRole asks IAM's own simulator what the deployed role may do.
func (a *acceptance) tryRole() {
	if a.emulated() {
		a.missing("permissions, which no emulator enforces", "make test evaluates each policy call by call (TestPolicyAllowsWhatARunNeedsAndNoMore)")
		return
	}
	role := ask[string](a.sandbox, "Role.Arn", "iam", "get_role", arguments{"RoleName": a.stack.resource("ReleaseFunctionRole")})
	var wrong []error
	for _, c := range a.roleCalls(strings.Split(role, ":")[1]) {
		var context []arguments
		for key, value := range c.context {
			context = append(context, arguments{"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": []string{value}})
		}
		decision := ask[string](a.sandbox, "EvaluationResults[0].EvalDecision", "iam", "simulate_principal_policy", arguments{
			"PolicySourceArn": role, "ActionNames": []string{c.action}, "ResourceArns": []string{c.resource}, "ContextEntries": context,
		})
		if decision == "" || (decision == "allowed") != c.allowed {
			wrong = append(wrong, fmt.Errorf("%s, %s: %q, want allowed %t", c.action, c.name, decision, c.allowed))
		}
		a.log("%s, %s: %s", c.action, c.name, decision)
	}
	must(errors.Join(wrong...))
}

func (a *acceptance) roleCalls(partition string) []roleCall {
	arn := func(rest string) string {
		return fmt.Sprintf("arn:%s:ec2:%s:%s:%s", partition, a.region, a.account, rest)
	}
	const tag, deletes = "aws:ResourceTag/", "ec2:DeleteNetworkInterface"
	region := map[string]string{"aws:RequestedRegion": a.region}
	bare := map[string]string{"aws:RequestedRegion": a.region, "ec2:Vpc": arn("vpc/" + a.nets[0].vpc)}
	with := func(key, value string) map[string]string {
		changed := maps.Clone(bare)
		changed[tag+tagInstance] = goneNode
		changed[key] = value
		return changed
	}
	cnis := with(tag+tagInstance, goneNode)
	one := arn("network-interface/" + a.made[leaked.name])
	return []roleCall{
		{"the CNI's interface", deletes, one, cnis, true},
		{"a bare one", deletes, one, bare, false},
		{"one to keep", deletes, one, with(tag+tagKeep, "yes"), false},
		{"one that is not the CNI's to manage", deletes, one, with(tag+tagNoManage, "true"), false},
		{"one in another VPC", deletes, one, with("ec2:Vpc", arn("vpc/"+a.nets[2].vpc)), false},
		{"another account's", deletes, strings.Replace(one, a.account, "999999999999", 1), cnis, false},
		{"the evidence", "ec2:DescribeNetworkInterfaces", "*", region, true},
		{"the evidence of instances", "ec2:DescribeInstances", "*", region, true},
		{"to detach", "ec2:DetachNetworkInterface", one, cnis, false},
		{"to tag", "ec2:CreateTags", one, cnis, false},
		{"to end a node", "ec2:TerminateInstances", arn("instance/" + goneNode), cnis, false},
	}
}

// questions are calls of which the simulator's answers are taken from documentation and
// observation: EC2's own are held against them.
var questions = []struct {
	name, operation string
	arguments       arguments
	code            string
}{
	{"deleting an interface that there is not", "delete_network_interface", arguments{"NetworkInterfaceId": "eni-0acce97a9ce0000ff"}, "InvalidNetworkInterfaceID.NotFound"},
	{"deleting what is no id", "delete_network_interface", arguments{"NetworkInterfaceId": "eni-what"}, "InvalidNetworkInterfaceId.Malformed"},
	{"an instance that there is not, by id", "describe_instances", arguments{"InstanceIds": []string{goneNode}}, "InvalidInstanceID.NotFound"},
	{"an instance that there is not, by filter", "describe_instances", arguments{"Filters": filter("instance-id", goneNode)}, done},
	{"200 filter values", "describe_network_interfaces", arguments{"Filters": filter("subnet-id", ids(200)...), "MaxResults": 1000}, done},
	{"201 filter values", "describe_network_interfaces", arguments{"Filters": filter("subnet-id", ids(201)...), "MaxResults": 1000}, "FilterLimitExceeded"},
	{"managed ones, too", "describe_network_interfaces", arguments{"Filters": filter("status", "available"), "MaxResults": 5, "IncludeManagedResources": true}, done},
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
		got := answer(a.aws, q.operation, q.arguments)
		if code, _, _ := strings.Cut(got, ":"); code != q.code {
			differ = append(differ, fmt.Errorf("%s: EC2 answers %q, the simulator %q", q.name, got, q.code))
		}
		a.log("%s: %s", q.name, got)
	}
	must(errors.Join(differ...))
}

// done is the answer to a call that succeeds.
const done = "done"

// answer returns a call's error, its code first.
func answer(client *boto3.Client, operation string, with arguments) string {
	err := client.Call("ec2", operation, with, "", nil)
	refused := new(boto3.Error)
	if err == nil {
		return done
	}
	if !errors.As(err, &refused) {
		must(err)
	}
	return fmt.Sprintf("%s: %.120s", refused.Code, refused.Message)
}
