// Package autoscaling is Auto Scaling: groups of nodes that scale out and in, the
// event for each terminated member, and DescribeAutoScalingGroups on its real wire.
//
// It imports loop, iam, api, ec2, cni and eventbridge. Start reading at [Groups];
// describe.go has the wire.
package autoscaling

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/eventbridge"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// A Group is an Auto Scaling group of nodes.
type Group struct {
	Name    string
	Subnets []string // its nodes are spread over them in turn
	Node    cni.Node // what its nodes are like
}

// A Delivery is how well events come. The zero value delivers each one, once, within seconds.
type Delivery struct {
	Lost    float64 // how likely an event never comes
	Doubled float64 // how likely it comes twice
	Late    float64 // how likely it comes up to two hours late
	Early   float64 // how likely it comes before the instance's interfaces are available
}

// Groups are all groups of a region.
type Groups struct {
	loop     *loop.Loop
	account  iam.Account
	ec2      *ec2.EC2
	nodes    *cni.Nodes
	bus      *eventbridge.Bus
	delivery Delivery
	groups   map[string]*group
}

type group struct {
	Group
	arn     string
	created time.Time
	members []string
	next    int // subnet
}

// New returns a region without groups, registers their call, and terminates nodes
// from then on.
func New(l *loop.Loop, front *api.Front, account iam.Account, e *ec2.EC2, nodes *cni.Nodes, bus *eventbridge.Bus, delivery Delivery) *Groups {
	s := &Groups{l, account, e, nodes, bus, delivery, map[string]*group{}}
	nodes.Terminate = s.terminate
	s.register(front)
	return s
}

func (s *Groups) AddGroup(g Group) {
	s.groups[g.Name] = &group{Group: g, created: s.loop.Now(), arn: s.account.ARN("autoscaling", "autoScalingGroup:"+s.loop.UUID()+":autoScalingGroupName/"+g.Name)}
}

// ScaleOut launches count nodes and returns their instances. It stops at the first
// that finds no address.
func (s *Groups) ScaleOut(name string, count int) (instances []string, err error) {
	g := s.groups[name]
	for range count {
		n := g.Node
		n.Subnet = g.Subnets[g.next%len(g.Subnets)]
		g.next++
		id, err := s.nodes.Launch(n)
		if err != nil {
			return instances, fmt.Errorf("scaling %s out: %w", name, err)
		}
		s.ec2.UpdateInstance(id, func(i *ec2.Instance) {
			i.Tags = map[string]string{"aws:autoscaling:groupName": name} // Auto Scaling's own tag
		})
		g.members = append(g.members, id)
		instances = append(instances, id)
	}
	return instances, nil
}

// ScaleIn terminates the group's count oldest nodes and returns their instances. Each one's
// event follows when it is terminated, as well as Auto Scaling delivers it.
func (s *Groups) ScaleIn(name string, count int) (instances []string) {
	g := s.groups[name]
	count = min(count, len(g.members))
	instances, g.members = g.members[:count:count], g.members[count:]
	for _, id := range instances {
		s.terminateMember(g, id)
	}
	return instances
}

// terminate ends an instance, as its group does where it has one: a group replaces
// what died by itself, and sends an event.
func (s *Groups) terminate(instance string) {
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[name]
		if i := slices.Index(g.members, instance); i >= 0 {
			g.members = slices.Concat(g.members[:i], g.members[i+1:])
			s.terminateMember(g, instance)
			return
		}
	}
	s.ec2.Terminate(instance, false, nil)
}

// terminateMember ends a group's instance; the event comes at best effort (Amazon
// EventBridge Events Reference, "Amazon EC2 Auto Scaling events").
func (s *Groups) terminateMember(g *group, id string) {
	i, _ := s.ec2.Instance(id)
	start := s.loop.Now()
	s.ec2.Terminate(id, s.loop.Chance(s.delivery.Early), func() {
		if s.loop.Chance(s.delivery.Lost) {
			return
		}
		event := s.terminateEvent(g, i, start)
		delay := s.loop.Between(0, 2*time.Second)
		if s.loop.Chance(s.delivery.Late) {
			delay += s.loop.Between(0, 2*time.Hour)
		}
		s.loop.After(delay, func() { s.bus.Emit(event) })
		if s.loop.Chance(s.delivery.Doubled) {
			s.loop.After(s.loop.Between(0, time.Minute), func() { s.bus.Emit(event) })
		}
	})
}

// terminateEvent is "EC2 Instance Terminate Successful" (Amazon EC2 Auto Scaling
// User Guide, "Amazon EC2 Auto Scaling event reference").
func (s *Groups) terminateEvent(g *group, i ec2.Instance, start time.Time) []byte {
	activity, began := s.loop.UUID(), start.Format(time.RFC3339)
	return s.bus.Event("aws.autoscaling", "EC2 Instance Terminate Successful", []string{g.arn, s.account.ARN("ec2", "instance/"+i.ID)}, map[string]any{
		"StatusCode": "InProgress", "Description": "Terminating EC2 instance: " + i.ID, "AutoScalingGroupName": g.Name,
		"ActivityId": activity, "RequestId": activity, "StatusMessage": "",
		"Details":   map[string]any{"Availability Zone": i.Zone, "Subnet ID": i.Subnet},
		"StartTime": began, "EndTime": s.loop.Now().Format(time.RFC3339), "EC2InstanceId": i.ID,
		"Cause":  "At " + began + " an instance was taken out of service",
		"Origin": "AutoScalingGroup", "Destination": "EC2",
	})
}
