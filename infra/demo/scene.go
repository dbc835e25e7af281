//go:build unix

package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
)

const (
	accessKey  = "AKIADEMO000000000000" // of the function, whose calls are known by it
	group      = "blue-workers"
	scaledIn   = 10               // nodes of the group
	drained    = 3                // nodes of Karpenter's
	past       = 26 * time.Hour   // over a day: an ENI that a running node leaked at its start is to be released
	firstSweep = 10 * time.Second // after the past, as the next two
	scaleIn    = 30 * time.Second
	inspection = 230 * time.Second // after the second sweep and the last batch of events
)

// green has nodes of Karpenter's, with a prefix for each interface: 17 addresses with its own.
var green = cni.Config{Cluster: "green", Prefixes: 1}

// A scene is a region with two clusters, and their history. It is used inside the loop.
type scene struct {
	*simulator.Region
	start     time.Time
	subnets   []string          // Auto Scaling's are a and b; Karpenter's is c
	blue      []string          // nodes of Auto Scaling's group, the oldest first
	green     []string          // nodes of Karpenter's
	leaving   []string          // nodes of the scale-in
	protected map[string]string // interfaces that must survive, and what they are
	err       error             // the first one
}

// newScene schedules a whole history at one instant, so one seed is one history. The
// clock is right at the end, and until then slow by less than the rule allows for.
func newScene(seed uint64) *scene {
	s := &scene{protected: map[string]string{}}
	s.Region = simulator.New(-past-inspection, rand.New(rand.NewPCG(seed, 1)), simulator.Options{Lost: 0.3, Doubled: 0.1, HideManaged: true, EmptyPages: 0.1})
	s.Do(func() {
		s.start = s.Loop.Now()
		vpc := s.EC2.AddVPC("10.0.0.0/16")
		for i, letter := range []string{"a", "b", "c"} {
			s.subnets = append(s.subnets, s.EC2.AddSubnet(vpc, fmt.Sprintf("10.0.%d.0/24", i), letter))
		}
		s.AutoScaling.AddGroup(autoscaling.Group{Name: group, Subnets: s.subnets[:2], Node: cni.Node{CNI: cni.Config{Cluster: "blue", Addresses: 15}}}) // m5.xlarge
		s.writePast()
		s.writeExceptions()
		s.at(past-time.Hour, s.addOthers)
		s.writeLive()
	})
	return s
}

// at schedules f for a time after the start.
func (s *scene) at(t time.Duration, f func()) { s.Loop.After(t-s.elapsed(), f) }

func (s *scene) elapsed() time.Duration { return s.Loop.Now().Sub(s.start) }

// advance plays the history until a time after the start. It is a door.
func (s *scene) advance(to time.Duration) { s.Advance(to - simulator.Look(s.Region, s.elapsed)) }

// writePast schedules a day in which nodes die between two calls of their CNI.
func (s *scene) writePast() {
	s.grow(16, drained)
	steps := []cni.Step{cni.Created, cni.Attached, cni.Detached}
	for wave := range 6 {
		s.at(time.Duration(2+4*wave)*time.Hour, func() {
			s.crash(s.blue[0], steps[wave%3])
			s.crash(s.blue[1], steps[(wave+1)%3])
			s.crash(s.green[0], steps[(wave+2)%3])
			s.blue, s.green = s.blue[2:], s.green[1:]
			s.Loop.After(time.Hour, func() { s.grow(2, 1) })
		})
	}
}

// writeExceptions schedules leaks of nodes that live on, and leaks that the rule keeps.
func (s *scene) writeExceptions() {
	leak := func(at time.Duration, end func(node string), what string) {
		node := s.launch(s.subnets[2], green)
		s.at(at, func() {
			s.Nodes.AllocENI(node, 1)
			s.Loop.After(100*time.Millisecond, func() { end(node) })
			s.protect(node, what, func(map[string]string) {})
		})
	}
	leak(time.Hour, s.Nodes.Restart, "") // to be released after a day
	leak(past-5*time.Hour, s.Nodes.Restart, "leaked 5 hours ago, by a running node")
	leak(past-20*time.Minute, s.EC2.Stop, "to be attached when its node is started")
	crash := func(what string, change func(tags map[string]string)) {
		node := s.launch(s.subnets[0], cni.Config{Addresses: 2})
		s.crash(node, cni.Created)
		s.protect(node, what, change)
	}
	s.at(past/2, func() {
		crash("leaked, without tags", func(tags map[string]string) { clear(tags) })
		crash("leaked, with a tag to keep it", func(tags map[string]string) { tags["network-interface-releaser/keep"] = "evidence" })
		crash("leaked, with a broken tag", func(tags map[string]string) { tags[cni.TagInstance] = "see ticket" })
	})
}

// protect changes the tags of what a node has made available, ten minutes later. What
// has a description must survive.
func (s *scene) protect(node, what string, change func(tags map[string]string)) {
	s.Loop.After(10*time.Minute, func() {
		for _, eni := range s.EC2.Interfaces() {
			if eni.Creator == node && eni.Status == "available" && what != "" {
				s.EC2.UpdateInterface(eni.ID, func(eni *ec2.Interface) { change(eni.Tags) })
				s.protected[eni.ID] = what
			}
		}
	})
}

// addOthers adds interfaces that somebody needs.
func (s *scene) addOthers() {
	const gone = "i-0a1b2c3d4e5f60718"
	hidden := s.EC2.AddInstance(ec2.Instance{Subnet: s.subnets[0], Owner: "210987654321"})
	tags := func(instance string, age time.Duration) map[string]string {
		return map[string]string{cni.TagInstance: instance, cni.TagCreatedAt: s.start.Add(past - age).Format(time.RFC3339)}
	}
	add := func(what string, eni ec2.Interface) {
		eni.Subnet = s.subnets[1]
		s.protected[s.EC2.AddInterface(eni)] = what
	}
	add("of the EKS control plane", ec2.Interface{Description: "Amazon EKS blue", RequesterManaged: true, RequesterID: "amazon-eks", Attachment: &ec2.Attachment{InstanceOwner: "amazon-aws", DeviceIndex: 1}})
	add("of a pod with its own security group", ec2.Interface{Description: "aws-k8s-branch-eni", Type: "branch"})
	add("of another network plugin", ec2.Interface{Description: "Cilium-CNI (" + gone + ")"})
	add("of a database, kept for failover", ec2.Interface{Description: "standby of the database"})
	add("with an Elastic IP", ec2.Interface{Description: "aws-K8S-" + gone, Tags: tags(gone, 20*time.Hour), Addresses: []ec2.Address{{Association: &ec2.Association{PublicIP: "203.0.113.7", Owner: s.Account.ID}}}})
	add("of EKS Auto Mode", ec2.Interface{Description: "aws-K8S-" + gone, Tags: tags(gone, 20*time.Hour), Operator: "eks.amazonaws.com"})
	add("of another account's node, 5 minutes old", ec2.Interface{Description: "aws-K8S-" + hidden, Tags: tags(hidden, 5*time.Minute)})
}

// writeLive schedules the scale-in: most nodes go while their CNI deletes an interface.
// A node that stays adds one just before each run, which is available then.
func (s *scene) writeLive() {
	s.at(past+scaleIn, func() {
		s.leaving = append(s.AutoScaling.ScaleIn(group, scaledIn), s.green...)
		for _, node := range s.leaving[2:] { // the first ones leak nothing
			s.crash(node, cni.Detached)
		}
	})
	for _, run := range []time.Duration{firstSweep, firstSweep + sweepEvery, inspection} {
		s.at(past+run-500*time.Millisecond, func() { s.Nodes.AllocENI(s.blue[len(s.blue)-1], 1) })
	}
}

// grow adds nodes of both clusters, each with a second interface.
func (s *scene) grow(byAutoScaling, byKarpenter int) {
	nodes, err := s.AutoScaling.ScaleOut(group, byAutoScaling)
	s.err = cmp.Or(s.err, err)
	s.blue = append(s.blue, nodes...)
	for range byKarpenter {
		nodes = append(nodes, s.launch(s.subnets[2], green))
	}
	s.green = append(s.green, nodes[byAutoScaling:]...)
	for _, node := range nodes {
		s.Nodes.AllocENI(node, 1)
	}
}

func (s *scene) launch(subnet string, config cni.Config) (node string) {
	node, err := s.Nodes.Launch(cni.Node{Subnet: subnet, CNI: config})
	s.err = cmp.Or(s.err, err)
	return node
}

// crash ends a node between two steps of its CNI, so that it leaks an interface.
func (s *scene) crash(node string, step cni.Step) {
	s.Nodes.CrashAt(node, step)
	if step == cni.Detached {
		s.Nodes.FreeENI(node)
	} else {
		s.Nodes.AllocENI(node, 1)
	}
}
