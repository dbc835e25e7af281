package cni_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// A fixture is a region with one node in one subnet.
type fixture struct {
	*testing.T
	*simulator.Region
	subnet, node string
}

// with runs a test with a node in a bubble.
func with(t *testing.T, config cni.Config, test func(*fixture)) {
	withNode(t, cni.Node{CNI: config}, test)
}

func withNode(t *testing.T, n cni.Node, test func(*fixture)) {
	synctest.Test(t, func(t *testing.T) {
		seed := uint64(time.Now().UnixNano()) ^ rand.Uint64()
		t.Logf("seed %d", seed)
		f := &fixture{T: t, Region: simulator.New(loop.NewClock(0), rand.New(rand.NewPCG(1, seed)), simulator.Options{})}
		f.Do(func() {
			f.subnet = f.EC2.AddSubnet(f.EC2.AddVPC("10.0.0.0/16"), "10.0.1.0/24", "a")
			n.Subnet = f.subnet
			var err error
			if f.node, err = f.Nodes.Launch(n); err != nil {
				t.Fatal(err)
			}
		})
		test(f)
	})
}

// allocating leaves the node with an interface that it has just created to attach.
func (f *fixture) allocating() {
	f.Advance(time.Minute)
	f.Do(func() { f.Nodes.AllocENI(f.node, 1) })
	f.Advance(time.Millisecond)
}

// made returns the one interface that the node's CNI made.
func (f *fixture) made() (made ec2.Interface) {
	f.Helper()
	for _, eni := range simulator.Look(f.Region, f.EC2.Interfaces) {
		if eni.Creator == f.node {
			made = eni
		}
	}
	if made.ID == "" {
		f.Fatal("the CNI made no interface")
	}
	return made
}

func (f *fixture) leaked() int { return len(simulator.Look(f.Region, f.EC2.Leaked)) }

func (f *fixture) state() (state string) {
	f.Do(func() {
		i, _ := f.EC2.Instance(f.node)
		state = i.State
	})
	return state
}

func (f *fixture) free() int {
	return simulator.Look(f.Region, func() int { return f.EC2.FreeAddresses(f.subnet) })
}

// amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go: create, describe, attach, modify, three seconds
// or so; free: detach, 2 s, delete.
func TestAllocAndFree(t *testing.T) {
	config := cni.Config{Cluster: "blue", ClockOffset: 10 * time.Minute, Zone: time.FixedZone("", 9*3600)}
	with(t, config, func(f *fixture) {
		f.Do(func() { f.Nodes.AllocENI(f.node, 1) })
		f.Advance(5 * time.Minute)
		var actions []string
		for _, c := range simulator.Look(f.Region, f.Front.Calls) {
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
		if err != nil || !strings.HasSuffix(eni.Tags[cni.TagCreatedAt], "+09:00") || created.Before(simulator.Look(f.Region, f.Loop.Now)) {
			t.Errorf("createdAt %s is not by the node's clock and zone", eni.Tags[cni.TagCreatedAt])
		}
		equal(t, "addresses", f.free(), 251-1-10)

		f.Do(func() { f.Nodes.FreeENI(f.node) })
		f.Advance(time.Minute)
		equal(t, "freed", f.free(), 250)
		f.Do(func() { f.Nodes.Terminate(f.node) })
		f.Advance(2 * time.Minute)
		equal(t, "and the node", f.free(), 251)
	})
}

// A node that dies between two calls leaks an interface.
func TestLeaks(t *testing.T) {
	for name, step := range map[string]cni.Step{"created": cni.Created, "attached": cni.Attached, "detached": cni.Detached} {
		t.Run(name, func(t *testing.T) {
			with(t, cni.Config{Prefixes: 2}, func(f *fixture) {
				f.Do(func() {
					if step != cni.Detached {
						f.Nodes.CrashAt(f.node, step)
					}
					f.Nodes.AllocENI(f.node, 1)
				})
				f.Advance(3 * time.Minute)
				if step == cni.Detached {
					equal(t, "before", f.leaked(), 0)
					f.Do(func() {
						f.Nodes.CrashAt(f.node, step)
						f.Nodes.FreeENI(f.node)
					})
				}
				f.Advance(3 * time.Minute)
				equal(t, "leaked", f.leaked(), 1)
				equal(t, "addresses held", f.free(), 251-1-32)
				equal(t, "the node", f.state(), "terminated")
			})
		})
	}
}

// Custom networking; CNI 1.6, which tags after the attach (amazon-vpc-cni-k8s v1.6, pkg/awsutils/awsutils.go).
func TestOldCNIAndCustomNetworking(t *testing.T) {
	with(t, cni.Config{}, func(f *fixture) {
		var pods string
		f.Do(func() {
			vpc, _ := f.EC2.Place(f.subnet)
			pods = f.EC2.AddSubnet(vpc, "10.0.2.0/24", "a")
			f.node, _ = f.Nodes.Launch(cni.Node{Subnet: f.subnet, CNI: cni.Config{Untagged: true, Subnet: pods}})
			f.Nodes.CrashAt(f.node, cni.Created)
			f.Nodes.AllocENI(f.node, 1)
		})
		f.Advance(3 * time.Minute)
		eni := f.made()
		equal(t, "subnet", eni.Subnet, pods)
		equal(t, "tags", len(eni.Tags), 0)
	})
}

// While a failed attach is undone, the interface is available and no one will attach it.
func TestFailedAttachIsUndone(t *testing.T) {
	with(t, cni.Config{AttachFails: 1}, func(f *fixture) {
		f.Do(func() {
			f.Front.OnCall(func(c api.Call) api.Fault {
				if c.Action == "DeleteNetworkInterface" && c.Number <= 3 {
					return api.Fault{Code: "InvalidParameterValue"}
				}
				return api.Fault{}
			})
			f.Nodes.AllocENI(f.node, 1)
		})
		for f.leaked() == 0 {
			f.Advance(time.Second)
		}
		f.Advance(10 * time.Second)
		equal(t, "still there", f.made().Status, "available")
		f.Advance(6 * time.Minute)
		equal(t, "deleted at last", f.leaked(), 0)
	})
}

// A node that hibernates attaches after it wakes.
func TestHibernationKeepsTheIntent(t *testing.T) {
	with(t, cni.Config{}, func(f *fixture) {
		f.allocating()
		f.Do(func() { f.EC2.Stop(f.node) })
		f.Advance(3 * time.Hour)
		equal(t, "asleep", f.made().Status, "available")
		equal(t, "nothing is leaked", f.leaked(), 0)
		f.Do(func() { f.EC2.Start(f.node) })
		f.Advance(3 * time.Minute)
		equal(t, "awake", f.made().Status, "in-use")
	})
}

// amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go, AllocENI: a CNI that starts again never attaches
// what it did not just create.
func TestRestartForgets(t *testing.T) {
	with(t, cni.Config{}, func(f *fixture) {
		f.allocating()
		f.Do(func() { f.Nodes.Restart(f.node) })
		f.Advance(time.Hour)
		equal(t, "the node", f.state(), "running")
		equal(t, "leaked", f.leaked(), 1)
		f.Do(func() { f.Nodes.AllocENI(f.node, 1) })
		f.Advance(2 * time.Minute)
		equal(t, "it continues", f.free(), 251-1-20)
	})
}

// A start is a launch by EC2's word: its time is that of the last one (EC2 API Reference, Instance).
func TestAStartIsALaunch(t *testing.T) {
	with(t, cni.Config{}, func(f *fixture) {
		f.Advance(time.Hour)
		f.Do(func() { f.EC2.Stop(f.node) })
		f.Advance(time.Hour)
		var before time.Time
		f.Do(func() {
			before = f.Loop.Now()
			f.EC2.Start(f.node)
		})
		f.Advance(time.Hour)
		f.Do(func() {
			if i, _ := f.EC2.Instance(f.node); i.LaunchedAt.Before(before) || i.State != "running" {
				t.Errorf("%s, launched at %v; started at %v", i.State, i.LaunchedAt, before)
			}
		})
	})
}

// A hidden instance is visible to nobody but itself: in another account, or behind a
// policy, an owner lives that cannot be seen (facts 2, I).
func TestAHiddenNodeLives(t *testing.T) {
	withNode(t, cni.Node{Hidden: true}, func(f *fixture) {
		f.allocating()
		f.Advance(5 * time.Minute)
		equal(t, "status", f.made().Status, "in-use")
	})
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
