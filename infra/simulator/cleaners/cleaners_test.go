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

// leaks are of an owner that is gone: one made in an hour, one made an hour ago, one whose age cannot be read.
func leaks(t *testing.T) (r *simtest.Region, expect func(when string, left ...bool), young string) {
	r = simtest.New(t, simulator.Options{})
	var ids []string
	for _, created := range []string{time.Now().Add(time.Hour).Format(time.RFC3339), time.Now().Add(-time.Hour).Format(time.RFC3339), "yesterday"} {
		ids = append(ids, r.Add(ec2.Interface{Description: "aws-K8S-i-0123456789abcdef0", Tags: map[string]string{
			cni.TagCreatedAt: created, cni.TagCluster: "blue", cni.TagOwner: "amazon-vpc-cni",
		}}))
	}
	return r, func(when string, left ...bool) {
		t.Helper()
		for n, id := range ids {
			simtest.Equal(t, fmt.Sprint(when, ", ", n), r.Exists(id), left[n])
		}
	}, ids[0]
}

// ipamd's sweep takes what is older than 5 minutes, or of an age that it cannot read,
// and ends with its node (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go).
func TestSweepHourly(t *testing.T) {
	r, expect, _ := leaks(t)
	var node string
	r.Do(func() { node = r.Launch(cni.Node{}) })
	r.Advance(time.Minute)
	r.Do(func() { r.Cleaners.SweepHourly(node) })
	r.Advance(time.Hour)
	expect("after a sweep", true, false, false)
	r.Do(func() { r.Nodes.Terminate(node) })
	r.Advance(3 * time.Hour)
	expect("the node is terminated", true, false, false)
}

// The VPC resource controller takes what it sees twice, 30 minutes apart, of its own
// cluster (amazon-vpc-resource-controller-k8s, pkg/aws/ec2/api/eni_cleanup.go).
func TestResourceController(t *testing.T) {
	r, expect, young := leaks(t)
	r.Do(func() {
		r.EC2.UpdateInterface(young, func(eni *ec2.Interface) { eni.Tags[cni.TagCluster] = "green" })
		r.Cleaners.AddResourceController("blue")
	})
	r.Advance(30 * time.Minute)
	expect("at first sight", true, true, true)
	r.Advance(30 * time.Minute)
	expect("seen twice", true, false, false)
}

// The script deletes whatever is available and looks like a CNI's.
func TestCron(t *testing.T) {
	r, expect, _ := leaks(t)
	r.Do(func() { r.Cleaners.AddCron(time.Minute) })
	r.Advance(time.Minute)
	expect("after a minute", false, false, false)
}
