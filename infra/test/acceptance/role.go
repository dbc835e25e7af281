package main

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// A roleCall is one that the deployed role is asked for.
type roleCall struct {
	name, action, resource string
	context                map[string]string
	allowed                bool
}

// tryRole asks IAM's own simulator what the deployed role may do.
func (a *acceptance) tryRole() error {
	if a.emulated() {
		a.missing("permissions, which no emulator enforces", "make test evaluates each policy call by call (TestPolicyAllowsWhatARunNeedsAndNoMore)")
		return nil
	}
	name, err := a.resource("ReleaseFunctionRole")
	if err != nil {
		return err
	}
	var role struct{ Role struct{ Arn string } }
	if err := a.aws.Call("iam", "get_role", map[string]any{"RoleName": name}, &role); err != nil {
		return err
	}
	var wrong []error
	for _, call := range a.roleCalls(strings.Split(role.Role.Arn, ":")[1]) {
		wrong = append(wrong, a.tryCall(role.Role.Arn, call))
	}
	return errors.Join(wrong...)
}

func (a *acceptance) roleCalls(partition string) []roleCall {
	arn := func(rest string) string {
		return fmt.Sprintf("arn:%s:ec2:%s:%s:%s", partition, a.region, a.account, rest)
	}
	const tag = "aws:ResourceTag/"
	region := map[string]string{"aws:RequestedRegion": a.region}
	bare := map[string]string{"aws:RequestedRegion": a.region, "ec2:Vpc": arn("vpc/" + a.vpcs[0])}
	cnis := maps.Clone(bare)
	cnis[tag+tagInstance] = goneNode
	with := func(key, value string) map[string]string {
		changed := maps.Clone(cnis)
		changed[key] = value
		return changed
	}
	one := arn("network-interface/" + a.made["leaked"])
	return []roleCall{
		{"the CNI's interface", "ec2:DeleteNetworkInterface", one, cnis, true},
		{"a bare one", "ec2:DeleteNetworkInterface", one, bare, false},
		{"one to keep", "ec2:DeleteNetworkInterface", one, with(tag+"network-interface-releaser/keep", "yes"), false},
		{"one that is not the CNI's to manage", "ec2:DeleteNetworkInterface", one, with(tag+"node.k8s.amazonaws.com/no_manage", "true"), false},
		{"one in another VPC", "ec2:DeleteNetworkInterface", one, with("ec2:Vpc", arn("vpc/"+a.vpcs[1])), false},
		{"another account's", "ec2:DeleteNetworkInterface", strings.Replace(one, a.account, "999999999999", 1), cnis, false},
		{"the evidence", "ec2:DescribeNetworkInterfaces", "*", region, true},
		{"the evidence of instances", "ec2:DescribeInstances", "*", region, true},
		{"to detach", "ec2:DetachNetworkInterface", one, cnis, false},
		{"to tag", "ec2:CreateTags", one, cnis, false},
		{"to end a node", "ec2:TerminateInstances", arn("instance/" + goneNode), cnis, false},
	}
}

func (a *acceptance) tryCall(role string, c roleCall) error {
	var context []any
	for key, value := range c.context {
		context = append(context, map[string]any{"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": []string{value}})
	}
	var answer struct {
		EvaluationResults []struct{ EvalDecision string }
	}
	if err := a.aws.Call("iam", "simulate_principal_policy", map[string]any{
		"PolicySourceArn": role, "ActionNames": []string{c.action}, "ResourceArns": []string{c.resource}, "ContextEntries": context,
	}, &answer); err != nil {
		return err
	}
	if len(answer.EvaluationResults) != 1 || (answer.EvaluationResults[0].EvalDecision == "allowed") != c.allowed {
		return fmt.Errorf("%s, %s: %+v, want allowed %t", c.action, c.name, answer.EvaluationResults, c.allowed)
	}
	a.say("%s, %s: allowed %t", c.action, c.name, c.allowed)
	return nil
}
