package simulator_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// neighbourhood is a world with three leaks of an owner that is gone: one of a minute
// ago, one of an hour ago, one whose age nobody can read.
func neighbourhood() (w *simulator.World, subnet, young, old, unreadable string) {
	w = simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(1, 2)), simulator.Options{})
	subnet = w.AddSubnet(w.AddVPC("10.0.0.0/16"), "10.0.0.0/20", "a")
	leak := func(created string) string {
		return w.Seed(simulator.Interface{Subnet: subnet, Description: "aws-K8S-i-0123456789abcdef0", Tags: map[string]string{
			"node.k8s.amazonaws.com/createdAt": created, "cluster.k8s.amazonaws.com/name": "blue", "eks:eni:owner": "amazon-vpc-cni",
		}})
	}
	age := func(d time.Duration) string { return w.Now().Add(-d).Format(time.RFC3339) }
	return w, subnet, leak(age(-time.Hour)), leak(age(time.Hour)), leak("yesterday")
}

func exists(w *simulator.World, id string) bool {
	_, there := w.Interface(id)
	return there
}

// ipamd's sweep takes what is older than 5 minutes, or of an age that it cannot read,
// and ends with its node (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go).
func TestSweepHourly(t *testing.T) {
	w, subnet, young, old, unreadable := neighbourhood()
	node, err := w.Launch(simulator.Node{Subnet: subnet})
	if err != nil {
		t.Fatal(err)
	}
	w.Advance(time.Minute)
	w.SweepHourly(node)
	w.Advance(time.Hour)
	if !exists(w, young) || exists(w, old) || exists(w, unreadable) {
		t.Errorf("after its sweep there are the young one: %v, the old one: %v, the unreadable one: %v", exists(w, young), exists(w, old), exists(w, unreadable))
	}
	w.Terminate(node)
	w.Advance(3 * time.Hour)
	if !exists(w, young) {
		t.Error("a terminated node sweeps on")
	}
}

// The VPC resource controller takes what it sees twice, 30 minutes apart, of its own
// cluster (amazon-vpc-resource-controller-k8s, pkg/aws/ec2/api/eni_cleanup.go).
func TestResourceController(t *testing.T) {
	w, _, young, _, _ := neighbourhood()
	w.Update(young, func(eni *simulator.Interface) { eni.Tags["cluster.k8s.amazonaws.com/name"] = "green" })
	w.AddResourceController("blue")
	w.Advance(30 * time.Minute)
	if len(w.Interfaces()) != 3 {
		t.Error("it deletes at first sight")
	}
	w.Advance(30 * time.Minute)
	if left := w.Interfaces(); len(left) != 1 || left[0].ID != young {
		t.Errorf("it leaves %+v", left)
	}
}

// The script deletes whatever is available and looks like a CNI's.
func TestCron(t *testing.T) {
	w, _, _, _, _ := neighbourhood()
	w.AddCron(time.Minute)
	w.Advance(time.Minute)
	if left := w.Interfaces(); len(left) != 0 {
		t.Errorf("it leaves %+v", left)
	}
}

// A start is a launch by EC2's word: its time is that of the last one (EC2 API Reference, Instance).
func TestAStartIsALaunch(t *testing.T) {
	w, subnet, _, _, _ := neighbourhood()
	node, _ := w.Launch(simulator.Node{Subnet: subnet})
	w.Advance(time.Hour)
	w.Stop(node)
	w.Advance(time.Hour)
	before := w.Now()
	w.Start(node)
	w.Advance(time.Hour)
	if i, _ := w.Instance(node); i.LaunchedAt.Before(before) || i.State != "running" {
		t.Errorf("%s, launched at %v; started at %v", i.State, i.LaunchedAt, before)
	}
}

// A hidden instance is shown to nobody but itself: in another account, or behind a
// policy, an owner lives that cannot be seen (facts 2, I).
func TestAHiddenNodeLives(t *testing.T) {
	w, subnet, _, _, _ := neighbourhood()
	node, _ := w.Launch(simulator.Node{Subnet: subnet, Hidden: true})
	w.Advance(time.Minute)
	w.Allocate(node, 1)
	w.Advance(5 * time.Minute)
	attached := 0
	for _, eni := range w.Interfaces() {
		if eni.Creator == node && eni.Status == "in-use" {
			attached++
		}
	}
	if attached != 1 {
		t.Errorf("%d interfaces of a hidden node are attached, want 1", attached)
	}
}
