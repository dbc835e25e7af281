package cleaners_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// A fixture is a region with three leaks of an owner that is gone: one of a minute
// ago, one of an hour ago, one whose age cannot be read.
type fixture struct {
	*simulator.Region
	subnet, young, old, unreadable string
}

func newFixture() *fixture {
	f := &fixture{Region: simulator.New(loop.NewClock(0), rand.New(rand.NewPCG(1, 2)), simulator.Options{})}
	f.Do(func() {
		f.subnet = f.EC2.AddSubnet(f.EC2.AddVPC("10.0.0.0/16"), "10.0.0.0/20", "a")
		leak := func(created string) string {
			return f.EC2.AddInterface(ec2.Interface{Subnet: f.subnet, Description: "aws-K8S-i-0123456789abcdef0", Tags: map[string]string{
				cni.TagCreatedAt: created, cni.TagCluster: "blue", cni.TagOwner: "amazon-vpc-cni",
			}})
		}
		age := func(d time.Duration) string { return f.Loop.Now().Add(-d).Format(time.RFC3339) }
		f.young, f.old, f.unreadable = leak(age(-time.Hour)), leak(age(time.Hour)), leak("yesterday")
	})
	return f
}

func (f *fixture) exists(id string) (there bool) {
	f.Do(func() { _, there = f.EC2.Interface(id) })
	return there
}

func (f *fixture) left() []ec2.Interface { return simulator.Look(f.Region, f.EC2.Interfaces) }

// ipamd's sweep takes what is older than 5 minutes, or of an age that it cannot read,
// and ends with its node (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go).
func TestSweepHourly(t *testing.T) {
	f := newFixture()
	var node string
	f.Do(func() {
		var err error
		if node, err = f.Nodes.Launch(cni.Node{Subnet: f.subnet}); err != nil {
			t.Fatal(err)
		}
	})
	f.Advance(time.Minute)
	f.Do(func() { f.Cleaners.SweepHourly(node) })
	f.Advance(time.Hour)
	if !f.exists(f.young) || f.exists(f.old) || f.exists(f.unreadable) {
		t.Errorf("after its sweep there are the young one: %v, the old one: %v, the unreadable one: %v", f.exists(f.young), f.exists(f.old), f.exists(f.unreadable))
	}
	f.Do(func() { f.Nodes.Terminate(node) })
	f.Advance(3 * time.Hour)
	if !f.exists(f.young) {
		t.Error("a terminated node continues to sweep")
	}
}

// The VPC resource controller takes what it sees twice, 30 minutes apart, of its own
// cluster (amazon-vpc-resource-controller-k8s, pkg/aws/ec2/api/eni_cleanup.go).
func TestResourceController(t *testing.T) {
	f := newFixture()
	f.Do(func() {
		f.EC2.UpdateInterface(f.young, func(eni *ec2.Interface) { eni.Tags[cni.TagCluster] = "green" })
		f.Cleaners.AddResourceController("blue")
	})
	f.Advance(30 * time.Minute)
	if len(f.left()) != 3 {
		t.Error("it deletes at first sight")
	}
	f.Advance(30 * time.Minute)
	if left := f.left(); len(left) != 1 || left[0].ID != f.young {
		t.Errorf("it leaves %+v", left)
	}
}

// The script deletes whatever is available and looks like a CNI's.
func TestCron(t *testing.T) {
	f := newFixture()
	f.Do(func() { f.Cleaners.AddCron(time.Minute) })
	f.Advance(time.Minute)
	if left := f.left(); len(left) != 0 {
		t.Errorf("it leaves %+v", left)
	}
}
