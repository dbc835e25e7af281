package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
)

const (
	tagRun       = "network-interface-releaser/acceptance" // on all that is made, with the run's id
	tagInstance  = "node.k8s.amazonaws.com/instance_id"
	tagCreatedAt = "node.k8s.amazonaws.com/createdAt"
	tagNoManage  = "node.k8s.amazonaws.com/no_manage"
	goneNode     = "i-0acce97a9ce000001" // ids of nodes that EC2 does not show
	otherNode    = "i-0acce97a9ce000002"
)

// A kind of interface.
type kind struct {
	name, node       string
	net              int
	age              time.Duration
	tags             map[string]string // "" takes the tag away
	description      string            // instead of the CNI's
	decision, reason string
}

// kinds are interfaces that can be made by hand, and what the rule makes of each. What
// is attached, managed, of another type or account cannot be: make test has those.
var kinds = []kind{
	{name: "leaked", node: goneNode, age: 2 * time.Hour, decision: "released", reason: "owner-gone"},
	{name: "leaked in another subnet", node: goneNode, net: 1, age: 2 * time.Hour, decision: "released", reason: "owner-gone"},
	{name: "leaked by another node", node: otherNode, age: 26 * time.Hour, decision: "released", reason: "owner-gone"},
	{name: "young", node: goneNode, decision: "kept", reason: "young"},
	{name: "to keep", node: goneNode, age: 2 * time.Hour, tags: map[string]string{"network-interface-releaser/keep": "yes"}, decision: "kept", reason: "opted-out"},
	{name: "not the CNI's to manage", node: goneNode, age: 2 * time.Hour, tags: map[string]string{tagNoManage: "true"}, decision: "kept", reason: "opted-out"},
	{name: "untagged", node: goneNode, tags: map[string]string{tagInstance: "", tagCreatedAt: ""}, decision: "kept", reason: "untagged"},
	{name: "with a word for its node", node: goneNode, age: 2 * time.Hour, tags: map[string]string{tagInstance: "see ticket"}, decision: "kept", reason: "bad-tag"},
	{name: "of an age that nobody can read", node: goneNode, tags: map[string]string{tagCreatedAt: "yesterday"}, decision: "kept", reason: "age-unreadable"},
	{name: "described almost like the CNI's", node: goneNode, age: 2 * time.Hour, description: "aws-K8S-i-acceptance", decision: "kept", reason: "not-cni"},
	elsewhere,
}

// elsewhere is what the second stack releases.
var elsewhere = kind{name: "in another VPC", node: goneNode, net: 2, age: 2 * time.Hour, decision: "kept", reason: "out-of-scope"}

func (a *acceptance) makeWorld() error {
	if err := a.makeSubnets(); err != nil {
		return err
	}
	a.made = map[string]string{}
	for _, kind := range kinds {
		if _, err := a.make(kind); err != nil {
			return err
		}
	}
	return nil
}

// remake makes the interface of a kind once more.
func (a *acceptance) remake(name string) (id string, err error) {
	return a.make(kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })])
}

func (a *acceptance) make(kind kind) (id string, err error) {
	tags := map[string]string{tagRun: a.id, tagInstance: kind.node, tagCreatedAt: time.Now().Add(-kind.age).UTC().Format(time.RFC3339)}
	for key, value := range kind.tags {
		if tags[key] = value; value == "" {
			delete(tags, key)
		}
	}
	var answer struct {
		NetworkInterface struct{ NetworkInterfaceID string }
	}
	err = a.aws.Call("ec2", "create_network_interface", map[string]any{
		"SubnetId": a.nets[kind.net], "Description": cmp.Or(kind.description, "aws-K8S-"+kind.node), "SecondaryPrivateIpAddressCount": 4,
		"TagSpecifications": a.tagged("network-interface", tags),
	}, &answer)
	a.made[kind.name] = answer.NetworkInterface.NetworkInterfaceID
	a.say("%s: %s", a.made[kind.name], kind.name)
	return a.made[kind.name], err
}

func (a *acceptance) makeSubnets() error {
	if a.subnets != "" {
		a.nets = strings.Split(a.subnets, ",")
		if len(a.nets) != 3 {
			return fmt.Errorf("%q are not three subnets", a.subnets)
		}
		var answer struct {
			Subnets []struct{ SubnetID, VpcID string }
		}
		if err := a.aws.Call("ec2", "describe_subnets", map[string]any{"SubnetIds": a.nets}, &answer); err != nil {
			return err
		}
		vpcs := map[string]string{}
		for _, subnet := range answer.Subnets {
			vpcs[subnet.SubnetID] = subnet.VpcID
		}
		if a.vpcs = []string{vpcs[a.nets[0]], vpcs[a.nets[2]]}; vpcs[a.nets[1]] != a.vpcs[0] || a.vpcs[0] == a.vpcs[1] {
			return fmt.Errorf("%q are not two subnets of one VPC and one of another", a.subnets)
		}
		return nil
	}
	for n, blocks := range [][]string{{"10.255.0.0/24", "10.255.0.0/26", "10.255.0.64/26"}, {"10.254.0.0/24", "10.254.0.0/26"}} {
		var vpc struct{ Vpc struct{ VpcID string } }
		if err := a.aws.Call("ec2", "create_vpc", map[string]any{"CidrBlock": blocks[0], "TagSpecifications": a.tagged("vpc", map[string]string{tagRun: a.id})}, &vpc); err != nil {
			return err
		}
		a.vpcs = append(a.vpcs, vpc.Vpc.VpcID)
		for _, block := range blocks[1:] {
			var subnet struct{ Subnet struct{ SubnetID string } }
			if err := a.aws.Call("ec2", "create_subnet", map[string]any{"VpcId": a.vpcs[n], "CidrBlock": block, "TagSpecifications": a.tagged("subnet", map[string]string{tagRun: a.id})}, &subnet); err != nil {
				return err
			}
			a.nets = append(a.nets, subnet.Subnet.SubnetID)
		}
	}
	return nil
}

func (a *acceptance) tagged(kind string, tags map[string]string) []any {
	var list []any
	for key, value := range tags {
		list = append(list, map[string]any{"Key": key, "Value": value})
	}
	return []any{map[string]any{"ResourceType": kind, "Tags": list}}
}

// toRelease are the kinds that the event of goneNode releases: its own, and what else is leaked in its subnet.
func toRelease() (names []string) {
	for _, kind := range kinds {
		if kind.decision == "released" {
			names = append(names, kind.name)
		}
	}
	return names
}

// there are the run's interfaces that still exist, by their kinds.
func (a *acceptance) there() (map[string]bool, error) {
	ids, err := a.listed("network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", tagRun, a.id)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for kind, id := range a.made {
		for _, each := range ids {
			there[kind] = there[kind] || each == id
		}
	}
	return there, nil
}

// listed are the ids of EC2's resources that have the run's tag, or with "" any run's.
func (a *acceptance) listed(what, list, id, tag, value string) (ids []string, err error) {
	filter := map[string]any{"Name": "tag:" + tag, "Values": []string{value}}
	if value == "" {
		filter = map[string]any{"Name": "tag-key", "Values": []string{tag}}
	}
	var answer map[string]any
	if err := a.aws.Call("ec2", "describe_"+what, map[string]any{"Filters": []any{filter}, "MaxResults": 1000}, &answer); err != nil {
		return nil, err
	}
	resources, _ := answer[list].([]any)
	for _, resource := range resources {
		ids = append(ids, resource.(map[string]any)[id].(string))
	}
	return ids, nil
}

// takeDown deletes the stacks and all that has the run's tag, or any run's where it
// only cleans. What is gone already is no failure.
func (a *acceptance) takeDown() error {
	a.say("== take down")
	a.ctx = context.WithoutCancel(a.ctx) // Ctrl-C ends the steps, not this
	value := a.id
	if a.clean {
		value = ""
	}
	failures := []error{a.deleteStacks()}
	for _, kind := range []struct{ what, list, id, remove string }{
		{"network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", "delete_network_interface"},
		{"subnets", "Subnets", "SubnetId", "delete_subnet"},
		{"vpcs", "Vpcs", "VpcId", "delete_vpc"},
	} {
		if a.subnets != "" && kind.what != "network_interfaces" {
			continue // they were there before
		}
		ids, err := a.listed(kind.what, kind.list, kind.id, tagRun, value)
		failures = append(failures, err)
		for _, id := range ids {
			err := a.aws.Call("ec2", kind.remove, map[string]any{kind.id: id}, nil)
			var refused *boto3.Error
			if errors.As(err, &refused) && strings.HasSuffix(refused.Code, ".NotFound") {
				err = nil
			}
			failures = append(failures, err)
		}
		a.say("deleted %d %s", len(ids), strings.ReplaceAll(kind.what, "_", " "))
	}
	return errors.Join(failures...)
}
