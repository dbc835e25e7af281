package main

import (
	"fmt"
	"slices"
	"time"
)

// secondStack deploys a stack beside the first one, for the other VPC and on its schedule, with all
// that is optional. It shares nothing with the first, and releases what no event did.
func (a *acceptance) secondStack() error {
	first := a.stack
	defer func() { a.stack = first }()
	second, err := a.deployAs(a.stackName()+"-2", "DryRun=true", "VpcIds="+a.vpcs[1], "Dashboard=true",
		fmt.Sprintf("AlarmTopicArn=arn:aws:sns:%s:%s:operators", a.region, a.account))
	if err != nil {
		return err
	}
	a.stack = second
	if err := a.expectSeparate(first, second); err != nil {
		return err
	}
	if err := a.until("a scheduled sweep, a dry one, logs what it would release", 4*time.Minute, func() (bool, error) {
		return a.logged(`"trigger":"schedule","dryRun":true`, `"released":1,`)
	}); err != nil {
		return err
	}
	if there, err := a.there(); err != nil || !there[elsewhere.name] {
		return fmt.Errorf("the interface %s exists: %t, %w", elsewhere.name, there[elsewhere.name], err)
	}
	if a.stack, err = a.deployAs(second.name, "DryRun=false"); err != nil {
		return err
	}
	if err := a.untilGone(elsewhere.name); err != nil {
		return err
	}
	return a.lateRelease()
}

// lateRelease shows that the schedule releases what could not be released when its event came.
func (a *acceptance) lateRelease() error {
	kind := elsewhere
	kind.tags = map[string]string{tagNoManage: "true"}
	late, err := a.make(kind)
	if err != nil {
		return err
	}
	if err := a.terminated(goneNode); err != nil {
		return err
	}
	if err := a.until("the event's run has kept "+late, 5*time.Minute, func() (bool, error) {
		return a.logged(`"trigger":"event"`, `"opted-out":`)
	}); err != nil {
		return err
	}
	if there, err := a.there(); err != nil || !there[kind.name] {
		return fmt.Errorf("%s exists: %t, %w", late, there[kind.name], err)
	}
	if err := a.aws.Call("ec2", "create_tags", map[string]any{"Resources": []string{late}, "Tags": []any{map[string]any{"Key": tagNoManage, "Value": "false"}}}, nil); err != nil {
		return err
	}
	return a.untilGone(kind.name)
}

func (a *acceptance) untilGone(kind string) error {
	return a.until("a scheduled sweep has released "+a.made[kind], 4*time.Minute, func() (bool, error) {
		there, err := a.there()
		return !there[kind], err
	})
}

// expectSeparate compares the resources of two stacks: none is of both, and the second one, which
// has all that is optional, lacks none.
func (a *acceptance) expectSeparate(first, second stack) error {
	one, err := a.resources(first)
	if err != nil {
		return err
	}
	two, err := a.resources(second)
	if err != nil {
		return err
	}
	kinds := map[string]int{}
	for _, each := range two {
		kinds[each.ResourceType]++
		if slices.ContainsFunc(one, func(other resource) bool { return other.PhysicalResourceID == each.PhysicalResourceID }) {
			return fmt.Errorf("both stacks have the %s %s", each.ResourceType, each.PhysicalResourceID)
		}
	}
	if kinds["AWS::CloudWatch::Alarm"] != 6 || kinds["AWS::CloudWatch::Dashboard"] != 1 || len(two) != len(one)+7 {
		return fmt.Errorf("the second stack has %v, the first %d resources", kinds, len(one))
	}
	a.say("the stacks have %d and %d resources, none of them of both", len(one), len(two))
	return nil
}
