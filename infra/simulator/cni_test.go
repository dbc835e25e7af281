package simulator

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go: create, describe, attach, modify, three seconds
// or so; give back: detach, 2 s, delete.
func TestAllocateAndGiveBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, subnet := region(t, Options{})
		node := launch(t, w, Node{Subnet: subnet, CNI: CNI{Cluster: "blue", ClockOffset: 10 * time.Minute, Zone: time.FixedZone("", 9*3600)}})
		w.Allocate(node, 1)
		w.Advance(5 * time.Minute)
		var actions []string
		for _, c := range w.Calls() {
			if c.Action != "CreateTags" {
				actions = append(actions, c.Action)
			}
			equal(t, "caller", c.Caller, node)
		}
		equal(t, "calls", strings.Join(actions, " "), "CreateNetworkInterface DescribeInstances AttachNetworkInterface ModifyNetworkInterfaceAttribute")
		eni := made(t, w, node)
		equal(t, "status", eni.Status, "in-use")
		equal(t, "description", eni.Description, "aws-K8S-"+node)
		equal(t, "marked", eni.Attachment.DeleteOnTermination, true)
		equal(t, "cluster", eni.Tags[tagCluster], "blue")
		created, err := time.Parse(time.RFC3339, eni.Tags[tagCreatedAt])
		if err != nil || !strings.HasSuffix(eni.Tags[tagCreatedAt], "+09:00") || created.Before(w.Now()) {
			t.Errorf("createdAt %s is not by the node's clock and zone", eni.Tags[tagCreatedAt])
		}
		equal(t, "addresses", w.FreeAddresses(subnet), 251-1-10)

		w.GiveBack(node)
		w.Advance(time.Minute)
		equal(t, "given back", w.FreeAddresses(subnet), 250)
		w.Terminate(node)
		w.Advance(2 * time.Minute)
		equal(t, "and the node", w.FreeAddresses(subnet), 251)
	})
}

// A node that dies between two calls leaves its interface behind.
func TestLeaks(t *testing.T) {
	for name, step := range map[string]Step{"created": Created, "attached": Attached, "detached": Detached} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, subnet := region(t, Options{})
				node := launch(t, w, Node{Subnet: subnet, CNI: CNI{Prefixes: 2}})
				if step != Detached {
					w.DieAt(node, step)
				}
				w.Allocate(node, 1)
				w.Advance(3 * time.Minute)
				if step == Detached {
					equal(t, "before", len(w.Abandoned()), 0)
					w.DieAt(node, step)
					w.GiveBack(node)
				}
				w.Advance(3 * time.Minute)
				equal(t, "abandoned", len(w.Abandoned()), 1)
				equal(t, "addresses held", w.FreeAddresses(subnet), 251-1-32)
				i, _ := w.Instance(node)
				equal(t, "the node", i.State, "terminated")
			})
		})
	}
}

// Custom networking; CNI 1.6, which tags after the attach (amazon-vpc-cni-k8s v1.6, pkg/awsutils/awsutils.go).
func TestOldCNIAndCustomNetworking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, subnet := region(t, Options{})
		pods := w.AddSubnet(w.vpcOf(subnet), "10.0.2.0/24", "a")
		node := launch(t, w, Node{Subnet: subnet, CNI: CNI{Untagged: true, Subnet: pods}})
		w.DieAt(node, Created)
		w.Allocate(node, 1)
		w.Advance(3 * time.Minute)
		eni := made(t, w, node)
		equal(t, "subnet", eni.Subnet, pods)
		equal(t, "tags", len(eni.Tags), 0)
	})
}

// While a failed attach is undone, the interface is available and no one will attach it.
func TestFailedAttachIsUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, subnet := region(t, Options{})
		node := launch(t, w, Node{Subnet: subnet, CNI: CNI{AttachFails: 1}})
		w.OnCall(func(c Call) Fault {
			if c.Action == "DeleteNetworkInterface" && c.Number <= 3 {
				return Fault{Code: "InvalidParameterValue"}
			}
			return Fault{}
		})
		w.Allocate(node, 1)
		for len(w.Abandoned()) == 0 {
			w.Advance(time.Second)
		}
		w.Advance(10 * time.Second)
		equal(t, "still there", made(t, w, node).Status, "available")
		w.Advance(6 * time.Minute)
		equal(t, "deleted at last", len(w.Abandoned()), 0)
	})
}

// A node that hibernates attaches after it wakes.
func TestHibernationKeepsTheIntent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, node := allocating(t)
		w.Stop(node)
		w.Advance(3 * time.Hour)
		equal(t, "asleep", made(t, w, node).Status, "available")
		equal(t, "nothing is abandoned", len(w.Abandoned()), 0)
		w.Start(node)
		w.Advance(3 * time.Minute)
		equal(t, "awake", made(t, w, node).Status, "in-use")
	})
}

// amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go, AllocENI: a CNI that starts again never attaches
// what it did not just create.
func TestRestartForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, subnet, node := allocating(t)
		w.Restart(node)
		w.Advance(time.Hour)
		i, _ := w.Instance(node)
		equal(t, "the node", i.State, "running")
		equal(t, "abandoned", len(w.Abandoned()), 1)
		w.Allocate(node, 1)
		w.Advance(2 * time.Minute)
		equal(t, "it goes on", w.FreeAddresses(subnet), 251-1-20)
	})
}

// launch starts a node.
func launch(t *testing.T, w *World, n Node) string {
	t.Helper()
	node, err := w.Launch(n)
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// allocating is a world with a node that has just created an interface to attach.
func allocating(t *testing.T) (w *World, subnet, node string) {
	t.Helper()
	w, subnet = region(t, Options{})
	node = launch(t, w, Node{Subnet: subnet})
	w.Advance(time.Minute)
	w.Allocate(node, 1)
	w.Advance(time.Millisecond)
	return w, subnet, node
}

// made is the one interface that a node's CNI made.
func made(t *testing.T, w *World, node string) (made Interface) {
	t.Helper()
	for _, eni := range w.Interfaces() {
		if eni.Creator == node {
			made = eni
		}
	}
	if made.ID == "" {
		t.Fatal("the CNI made no interface")
	}
	return made
}
