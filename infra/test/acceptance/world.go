package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
)

const (
	tagRun       = "network-interface-releaser/acceptance" // on all that is made, with the run's id
	tagKeep      = "network-interface-releaser/keep"
	tagInstance  = "node.k8s.amazonaws.com/instance_id"
	tagCreatedAt = "node.k8s.amazonaws.com/createdAt"
	tagNoManage  = "node.k8s.amazonaws.com/no_manage"
	goneNode     = "i-0acce97a9ce000001" // ids of nodes that EC2 does not show
	otherNode    = "i-0acce97a9ce000002"
)

type subnet struct{ id, vpc string }

// A kind of interface.
type kind struct {
	name, node       string
	net              int
	age              time.Duration
	tags             map[string]string // "" takes the tag away
	description      string            // instead of the CNI's
	decision, reason string
}

// elsewhere is what the second stack releases.
var (
	leaked    = kind{name: "leaked", node: goneNode, age: 2 * time.Hour, decision: "released", reason: "owner-gone"}
	elsewhere = kind{name: "in another VPC", node: goneNode, net: 2, age: 2 * time.Hour, decision: "kept", reason: "out-of-scope"}
)

// kinds are interfaces that can be made on AWS, and what the rule makes of each. What
// is attached, managed, of another type or account cannot be: make test has those.
var kinds = []kind{
	leaked,
	{name: "leaked in another subnet", node: goneNode, net: 1, age: 2 * time.Hour, decision: "released", reason: "owner-gone"},
	{name: "leaked by another node", node: otherNode, age: 26 * time.Hour, decision: "released", reason: "owner-gone"},
	{name: "young", node: goneNode, decision: "kept", reason: "young"},
	{name: "to keep", node: goneNode, age: 2 * time.Hour, tags: map[string]string{tagKeep: "yes"}, decision: "kept", reason: "opted-out"},
	{name: "not the CNI's to manage", node: goneNode, age: 2 * time.Hour, tags: map[string]string{tagNoManage: "true"}, decision: "kept", reason: "opted-out"},
	{name: "untagged", node: goneNode, tags: map[string]string{tagInstance: "", tagCreatedAt: ""}, decision: "kept", reason: "untagged"},
	{name: "with a word for its node", node: goneNode, age: 2 * time.Hour, tags: map[string]string{tagInstance: "see ticket"}, decision: "kept", reason: "bad-tag"},
	{name: "of an age that nobody can read", node: goneNode, tags: map[string]string{tagCreatedAt: "yesterday"}, decision: "kept", reason: "age-unreadable"},
	{name: "described almost like the CNI's", node: goneNode, age: 2 * time.Hour, description: "aws-K8S-i-acceptance", decision: "kept", reason: "not-cni"},
	elsewhere,
}

// leaks are the kinds that the event of goneNode releases: its own, and what else is leaked in its subnet.
var leaks = []string{leaked.name, "leaked in another subnet", "leaked by another node"}

func (a *acceptance) makeWorld() {
	a.makeSubnets()
	for _, kind := range kinds {
		a.made[kind.name] = a.make(kind)
	}
}

// make makes an interface of a kind, and returns its ID.
func (a *acceptance) make(kind kind) string {
	tags := map[string]string{tagInstance: kind.node, tagCreatedAt: time.Now().Add(-kind.age).UTC().Format(time.RFC3339)}
	maps.Copy(tags, kind.tags)
	id := ask[string](a.sandbox, "NetworkInterface.NetworkInterfaceId", "ec2", "create_network_interface", arguments{
		"SubnetId": a.nets[kind.net].id, "Description": cmp.Or(kind.description, "aws-K8S-"+kind.node), "SecondaryPrivateIpAddressCount": 4,
		"TagSpecifications": a.tagged("network-interface", tags),
	})
	a.log("%s: %s", id, kind.name)
	return id
}

func (a *acceptance) makeSubnets() {
	if a.subnets != "" {
		for id := range strings.SplitSeq(a.subnets, ",") {
			vpc := ask[string](a.sandbox, "Subnets[0].VpcId", "ec2", "describe_subnets", arguments{"SubnetIds": []string{id}})
			a.nets = append(a.nets, subnet{id, vpc})
		}
		if len(a.nets) != 3 || a.nets[0].vpc != a.nets[1].vpc || a.nets[0].vpc == a.nets[2].vpc {
			fail("%q are not two subnets of one VPC and one of another", a.subnets)
		}
		return
	}
	for _, blocks := range [][]string{{"10.255.0.0/24", "10.255.0.0/26", "10.255.0.64/26"}, {"10.254.0.0/24", "10.254.0.0/26"}} {
		vpc := ask[string](a.sandbox, "Vpc.VpcId", "ec2", "create_vpc", arguments{"CidrBlock": blocks[0], "TagSpecifications": a.tagged("vpc", nil)})
		for _, block := range blocks[1:] {
			id := ask[string](a.sandbox, "Subnet.SubnetId", "ec2", "create_subnet", arguments{"VpcId": vpc, "CidrBlock": block, "TagSpecifications": a.tagged("subnet", nil)})
			a.nets = append(a.nets, subnet{id, vpc})
		}
	}
}

// tagged is the run's tag and others, for a resource that is made.
func (a *acceptance) tagged(resource string, tags map[string]string) []arguments {
	list := []arguments{{"Key": tagRun, "Value": a.id}}
	for key, value := range tags {
		if value != "" {
			list = append(list, arguments{"Key": key, "Value": value})
		}
	}
	return []arguments{{"ResourceType": resource, "Tags": list}}
}

// listed returns the IDs of what the run has made of a kind that EC2 has, or any run.
func (a *acceptance) listed(what, name string) []string {
	by := filter("tag:"+tagRun, a.id)
	if a.id == "" {
		by = filter("tag-key", tagRun)
	}
	return ask[[]string](a.sandbox, name+"s[]."+name+"Id", "ec2", "describe_"+what+"s", arguments{"Filters": by, "MaxResults": 1000})
}

// takeDown deletes the stacks and all that has the run's tag, or any run's. What is gone
// already is no failure.
func (a *acceptance) takeDown() error {
	a.log("== take down")
	a.ctx = context.WithoutCancel(a.ctx) // Ctrl-C ends the steps, not this
	var failures []error
	try := func(step func()) {
		err := attempt(step)
		failures = append(failures, err)
	}
	try(func() {
		for _, name := range ask[[]string](a.sandbox, "Stacks[].StackName", "cloudformation", "describe_stacks", nil) {
			if strings.HasPrefix(name, stackPrefix+a.id) {
				try(func() {
					a.sam("delete", "--stack-name", name, "--region", a.region, "--no-prompts")
					a.log("deleted the stack %s", name)
				})
			}
		}
	})
	for _, kind := range [][2]string{{"network_interface", "NetworkInterface"}, {"subnet", "Subnet"}, {"vpc", "Vpc"}} {
		if a.subnets != "" && kind[0] != "network_interface" {
			break // they were there before
		}
		try(func() {
			ids := a.listed(kind[0], kind[1])
			for _, id := range ids {
				err := a.aws.Call("ec2", "delete_"+kind[0], arguments{kind[1] + "Id": id}, "", nil)
				if refused := new(boto3.Error); !errors.As(err, &refused) || !strings.HasSuffix(refused.Code, ".NotFound") {
					failures = append(failures, err)
				}
			}
			a.log("deleted %d %ss", len(ids), strings.ReplaceAll(kind[0], "_", " "))
		})
	}
	return errors.Join(failures...)
}
