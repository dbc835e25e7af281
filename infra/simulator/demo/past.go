package main

import (
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// The tags of the VPC CNI (its pkg/awsutils) and of the releaser.
const (
	tagInstance  = "node.k8s.amazonaws.com/instance_id"
	tagCreatedAt = "node.k8s.amazonaws.com/createdAt"
	tagKeep      = "network-interface-releaser/keep"
)

// The nodes of the cluster blue have interfaces of 15 addresses (m5.xlarge), those
// of green a prefix, which is 17 with the interface's own address.
var (
	blue  = simulator.CNI{Cluster: "blue", Addresses: 15}
	green = simulator.CNI{Cluster: "green", Prefixes: 1}
)

// writePast schedules a day in which nodes die between two calls of their CNI.
func (s *scene) writePast() {
	s.world.AddGroup(simulator.Group{Name: group, Subnets: []string{s.subnets[0].id, s.subnets[1].id}, Node: simulator.Node{CNI: blue}})
	s.growBlue(16)
	for range 6 {
		s.growGreen()
	}
	steps := []simulator.Step{simulator.Created, simulator.Attached, simulator.Detached}
	for wave := range 6 {
		s.world.After(time.Duration(2+4*wave)*time.Hour, func() {
			s.lose(s.take(&s.blue, 0), steps[wave%3])
			s.lose(s.take(&s.blue, 0), steps[(wave+1)%3])
			if wave%3 != 2 {
				s.lose(s.take(&s.karpenter, 3), steps[(wave+2)%3])
			}
		})
		s.world.After(time.Duration(3+4*wave)*time.Hour, func() {
			s.growBlue(2)
			if wave%3 != 2 {
				s.growGreen()
			}
		})
	}
	s.writeExceptions()
	s.world.After(past-time.Hour, s.seedNeighbours)
}

// writeExceptions schedules what is abandoned, or seems to be, but is not to be
// released by the rule, or only a day later. The first three of Karpenter's nodes live on.
func (s *scene) writeExceptions() {
	forget := func(node int) func() {
		return func() {
			s.world.Allocate(s.karpenter[node], 1)
			s.world.After(100*time.Millisecond, func() { s.world.Restart(s.karpenter[node]) })
		}
	}
	s.world.After(time.Hour, forget(0))
	s.world.After(past-5*time.Hour, forget(1))
	s.world.After(past-20*time.Minute, func() {
		s.world.Allocate(s.karpenter[2], 1)
		s.world.After(100*time.Millisecond, func() { s.world.Stop(s.karpenter[2]) })
	})
	s.world.After(12*time.Hour, func() {
		s.loseStranger(simulator.CNI{Untagged: true, Addresses: 2}, nil)
		s.loseStranger(simulator.CNI{Addresses: 2}, func(eni *simulator.Interface) { eni.Tags[tagKeep] = "evidence of last night" })
		s.loseStranger(simulator.CNI{Addresses: 2}, func(eni *simulator.Interface) { eni.Tags[tagInstance] = "see ticket" })
	})
}

// seedNeighbours puts interfaces into the region that belong to somebody.
func (s *scene) seedNeighbours() {
	add := func(what string, eni simulator.Interface) {
		eni.Subnet = s.subnets[len(s.neighbours)%2].id
		s.neighbours[s.world.Seed(eni)] = what
	}
	cni := func(instance string, age time.Duration) simulator.Interface {
		created := s.start.Add(past - age).Format(time.RFC3339)
		return simulator.Interface{Description: "aws-K8S-" + instance, Tags: map[string]string{tagInstance: instance, tagCreatedAt: created}}
	}
	service := &simulator.Attachment{InstanceOwner: "amazon-aws", DeviceIndex: 1}
	add("of the EKS control plane", simulator.Interface{Description: "Amazon EKS blue", RequesterManaged: true, RequesterID: "amazon-eks", Attachment: service})
	add("of a pod with its own security group", simulator.Interface{Description: "aws-k8s-branch-eni", Type: "branch"})
	add("of another network plugin", simulator.Interface{Description: "Cilium-CNI (i-0a1b2c3d4e5f60718)"})
	add("a database's, kept for fail-over", simulator.Interface{Description: "standby of the database"})

	elastic := cni("i-0a1b2c3d4e5f60718", 20*time.Hour)
	elastic.Addresses = []simulator.Address{{Association: &simulator.Association{PublicIP: "203.0.113.7", AllocationID: "eipalloc-0a1b2c3d4e5f60718", AssociationID: "eipassoc-0a1b2c3d4e5f60718", Owner: account}}}
	add("with an Elastic IP", elastic)
	managed := cni("i-0b1b2c3d4e5f60718", 20*time.Hour)
	managed.Operator = "eks.amazonaws.com"
	add("of EKS Auto Mode", managed)
	// An instance of another account is never visible.
	foreign := s.world.SeedInstance(simulator.Instance{Subnet: s.subnets[0].id, Owner: "210987654321"})
	add("five minutes old, of a node that cannot be seen", cni(foreign, 5*time.Minute))
}

func (s *scene) growBlue(nodes int) {
	instances, err := s.world.ScaleOut(group, nodes)
	s.note(err)
	for _, instance := range instances {
		s.world.Allocate(instance, 1)
	}
	s.blue = append(s.blue, instances...)
}

func (s *scene) growGreen() {
	instance, err := s.world.Launch(simulator.Node{Subnet: s.subnets[2].id, CNI: green})
	s.note(err)
	s.world.Allocate(instance, 1)
	s.karpenter = append(s.karpenter, instance)
}

// take takes one of the nodes, but not one of the first ones.
func (s *scene) take(nodes *[]string, but int) string {
	i := but + s.rand.IntN(len(*nodes)-but)
	node := (*nodes)[i]
	*nodes = slices.Delete(*nodes, i, i+1)
	return node
}

// lose has a node die between two steps of its CNI, so that an interface stays behind.
func (s *scene) lose(node string, step simulator.Step) {
	if step == simulator.Detached {
		s.dieWhileGivingBack(node)
		return
	}
	s.world.DieAt(node, step)
	s.world.Allocate(node, 1)
}

// loseStranger has a node of no cluster die, and changes the interface that stays behind.
func (s *scene) loseStranger(cni simulator.CNI, change func(*simulator.Interface)) {
	node, err := s.world.Launch(simulator.Node{Subnet: s.subnets[s.rand.IntN(2)].id, CNI: cni})
	s.note(err)
	s.lose(node, simulator.Created)
	if change == nil {
		return
	}
	s.world.After(time.Hour, func() {
		for _, eni := range s.world.Abandoned() {
			if eni.Creator == node {
				s.world.Update(eni.ID, change)
			}
		}
	})
}
