package cni_test

import (
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
)

var equal = simtest.Equal

// A fixture is a region with one node.
type fixture struct {
	*simtest.Region
	t    *testing.T
	node string
}

// with runs a test inside the loop of a region, and then plays a day.
func with(t *testing.T, n cni.Node, test func(*fixture)) {
	f := &fixture{Region: simtest.New(t, simulator.Options{}), t: t}
	f.Do(func() {
		f.node = f.Launch(n)
		test(f)
	})
	f.Advance(24 * time.Hour)
}

// made returns the one interface that the node's CNI made.
func (f *fixture) made() ec2.Interface {
	f.t.Helper()
	for _, eni := range f.EC2.Interfaces() {
		if eni.Creator == f.node {
			return eni
		}
	}
	f.t.Error("the CNI made no interface")
	return ec2.Interface{}
}

func (f *fixture) instance() ec2.Instance {
	i, _ := f.EC2.Instance(f.node)
	return i
}

// amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go: create, describe, attach, modify, three seconds
// or so; free: detach, 2 s, delete.
func TestAllocAndFree(t *testing.T) {
	config := cni.Config{Cluster: "blue", ClockOffset: 10 * time.Minute, Zone: time.FixedZone("", 9*3600)}
	with(t, cni.Node{CNI: config}, func(f *fixture) {
		f.Nodes.AllocENI(f.node, 1)
		f.Loop.After(5*time.Minute, func() {
			var actions []string
			for _, c := range f.Front.Calls() {
				if c.Action != "CreateTags" {
					actions = append(actions, c.Action)
				}
				equal(t, "caller", c.Caller, f.node)
			}
			equal(t, "calls", strings.Join(actions, " "), "CreateNetworkInterface DescribeInstances AttachNetworkInterface ModifyNetworkInterfaceAttribute")
			eni := f.made()
			equal(t, "status", eni.Status, "in-use")
			equal(t, "description", eni.Description, "aws-K8S-"+f.node)
			equal(t, "marked", eni.Attachment.DeleteOnTermination, true)
			equal(t, "cluster", eni.Tags[cni.TagCluster], "blue")
			created, err := time.Parse(time.RFC3339, eni.Tags[cni.TagCreatedAt])
			if err != nil || !strings.HasSuffix(eni.Tags[cni.TagCreatedAt], "+09:00") || created.Before(f.Loop.Now()) {
				t.Errorf("createdAt %s is not by the node's clock and zone", eni.Tags[cni.TagCreatedAt])
			}
			equal(t, "addresses", f.EC2.FreeAddresses(f.Subnet), 251-1-10)
			f.Nodes.FreeENI(f.node)
		})
		f.Loop.After(6*time.Minute, func() {
			equal(t, "freed", f.EC2.FreeAddresses(f.Subnet), 250)
			f.Nodes.Terminate(f.node)
		})
		f.Loop.After(8*time.Minute, func() { equal(t, "and the node", f.EC2.FreeAddresses(f.Subnet), 251) })
	})
}

// A node that dies between two calls leaks an interface.
func TestLeaks(t *testing.T) {
	for name, step := range map[string]cni.Step{"created": cni.Created, "attached": cni.Attached, "detached": cni.Detached} {
		t.Run(name, func(t *testing.T) {
			with(t, cni.Node{CNI: cni.Config{Prefixes: 2}}, func(f *fixture) {
				if step != cni.Detached {
					f.Nodes.CrashAt(f.node, step)
				}
				f.Nodes.AllocENI(f.node, 1)
				f.Loop.After(3*time.Minute, func() {
					if step == cni.Detached {
						equal(t, "before", len(f.EC2.Leaked()), 0)
						f.Nodes.CrashAt(f.node, step)
						f.Nodes.FreeENI(f.node)
					}
				})
				f.Loop.After(6*time.Minute, func() {
					equal(t, "leaked", len(f.EC2.Leaked()), 1)
					equal(t, "addresses held", f.EC2.FreeAddresses(f.Subnet), 251-1-32)
					equal(t, "the node", f.instance().State, "terminated")
				})
			})
		})
	}
}

// Custom networking; CNI 1.6, which tags after the attach (amazon-vpc-cni-k8s v1.6, pkg/awsutils/awsutils.go).
func TestOldCNIAndCustomNetworking(t *testing.T) {
	with(t, cni.Node{}, func(f *fixture) {
		vpc, _ := f.EC2.Place(f.Subnet)
		pods := f.EC2.AddSubnet(vpc, "10.0.2.0/24", "a")
		f.node = f.Launch(cni.Node{CNI: cni.Config{Untagged: true, Subnet: pods}})
		f.Nodes.CrashAt(f.node, cni.Created)
		f.Nodes.AllocENI(f.node, 1)
		f.Loop.After(3*time.Minute, func() {
			eni := f.made()
			equal(t, "subnet", eni.Subnet, pods)
			equal(t, "tags", len(eni.Tags), 0)
		})
	})
}

// While a failed attach is undone, the interface is available and no one will attach it.
func TestFailedAttachIsUndone(t *testing.T) {
	with(t, cni.Node{CNI: cni.Config{AttachFails: 1}}, func(f *fixture) {
		f.Front.OnCall(func(c api.Call) (fault api.Fault) {
			if c.Action == "DeleteNetworkInterface" && c.Number <= 3 {
				fault.Code = "InvalidParameterValue"
				if c.Number == 1 { // tried again 2, 4 and 8 s later
					equal(t, "leaked at once", len(f.EC2.Leaked()), 1)
					f.Loop.After(10*time.Second, func() { equal(t, "still there", f.made().Status, "available") })
				}
			}
			return fault
		})
		f.Nodes.AllocENI(f.node, 1)
		f.Loop.After(7*time.Minute, func() {
			equal(t, "deleted at last", len(f.EC2.Interfaces()), 1)
			equal(t, "leaked", len(f.EC2.Leaked()), 0)
		})
	})
}

// inFlight runs f while the node has an interface that it has just created to attach.
func (f *fixture) inFlight(then func()) {
	f.Loop.After(time.Minute, func() {
		f.Nodes.AllocENI(f.node, 1)
		f.Loop.After(time.Millisecond, then)
	})
}

// A node that hibernates attaches after it wakes. The launch time of an instance is that of its
// last start (EC2 API Reference, Instance).
func TestHibernationKeepsTheIntent(t *testing.T) {
	with(t, cni.Node{}, func(f *fixture) {
		f.inFlight(func() { f.EC2.Stop(f.node) })
		f.Loop.After(3*time.Hour, func() {
			equal(t, "asleep", f.made().Status, "available")
			equal(t, "leaked", len(f.EC2.Leaked()), 0)
			f.EC2.Start(f.node)
			started := f.Loop.Now()
			f.Loop.After(3*time.Minute, func() {
				equal(t, "awake", f.made().Status, "in-use")
				equal(t, "state", f.instance().State, "running")
				equal(t, "launched", f.instance().LaunchedAt, started)
			})
		})
	})
}

// amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go, AllocENI: a CNI that starts again never attaches
// what it did not just create.
func TestRestartForgets(t *testing.T) {
	with(t, cni.Node{}, func(f *fixture) {
		f.inFlight(func() { f.Nodes.Restart(f.node) })
		f.Loop.After(time.Hour, func() {
			equal(t, "the node", f.instance().State, "running")
			equal(t, "leaked", len(f.EC2.Leaked()), 1)
			f.Nodes.AllocENI(f.node, 1)
		})
		f.Loop.After(time.Hour+2*time.Minute, func() { equal(t, "it continues", f.EC2.FreeAddresses(f.Subnet), 251-1-20) })
	})
}

// A hidden instance is visible to nobody but itself: in another account, or behind a
// policy, an owner lives that cannot be seen (facts 2, I).
func TestAHiddenNodeLives(t *testing.T) {
	with(t, cni.Node{Hidden: true}, func(f *fixture) {
		f.Nodes.AllocENI(f.node, 1)
		f.Loop.After(5*time.Minute, func() { equal(t, "status", f.made().Status, "in-use") })
	})
}
