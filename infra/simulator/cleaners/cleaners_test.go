package cleaners_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
)

// A fixture is a region with three leaks of an owner that is gone: one made in an hour,
// one made an hour ago, one whose age cannot be read.
type fixture struct {
	*simtest.Region
	young, old, unreadable string
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{Region: simtest.New(t, simulator.Options{})}
	leak := func(created string) string {
		return f.Add(ec2.Interface{Description: "aws-K8S-i-0123456789abcdef0", Tags: map[string]string{
			cni.TagCreatedAt: created, cni.TagCluster: "blue", cni.TagOwner: "amazon-vpc-cni",
		}})
	}
	f.young, f.old = leak(time.Now().Add(time.Hour).Format(time.RFC3339)), leak(time.Now().Add(-time.Hour).Format(time.RFC3339))
	f.unreadable = leak("yesterday")
	return f
}

// wantLeft compares whether the three are still there.
func (f *fixture) wantLeft(t *testing.T, when string, young, old, unreadable bool) {
	t.Helper()
	simtest.Equal(t, when, fmt.Sprint(f.Exists(f.young), f.Exists(f.old), f.Exists(f.unreadable)), fmt.Sprint(young, old, unreadable))
}

// ipamd's sweep takes what is older than 5 minutes, or of an age that it cannot read,
// and ends with its node (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go).
func TestSweepHourly(t *testing.T) {
	f := newFixture(t)
	var node string
	f.Do(func() { node = f.Launch(cni.Node{}) })
	f.Advance(time.Minute)
	f.Do(func() { f.Cleaners.SweepHourly(node) })
	f.Advance(time.Hour)
	f.wantLeft(t, "after a sweep", true, false, false)
	f.Do(func() { f.Nodes.Terminate(node) })
	f.Advance(3 * time.Hour)
	f.wantLeft(t, "the node is terminated", true, false, false)
}

// The VPC resource controller takes what it sees twice, 30 minutes apart, of its own
// cluster (amazon-vpc-resource-controller-k8s, pkg/aws/ec2/api/eni_cleanup.go).
func TestResourceController(t *testing.T) {
	f := newFixture(t)
	f.Do(func() {
		f.EC2.UpdateInterface(f.young, func(eni *ec2.Interface) { eni.Tags[cni.TagCluster] = "green" })
		f.Cleaners.AddResourceController("blue")
	})
	f.Advance(30 * time.Minute)
	f.wantLeft(t, "at first sight", true, true, true)
	f.Advance(30 * time.Minute)
	f.wantLeft(t, "seen twice", true, false, false)
}

// The script deletes whatever is available and looks like a CNI's.
func TestCron(t *testing.T) {
	f := newFixture(t)
	f.Do(func() { f.Cleaners.AddCron(time.Minute) })
	f.Advance(time.Minute)
	f.wantLeft(t, "after a minute", false, false, false)
}
