package cleaners_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
)

// leaks are of an owner that is gone, each with a createdAt ("" for none), in the cluster blue unless changed.
func leaks(t *testing.T, created ...string) (r *simtest.Region, ids []string, expect func(when string, left ...bool)) {
	r = simtest.New(t, simulator.Options{})
	for _, at := range created {
		tags := map[string]string{cni.TagInstance: gone, cni.TagCreatedAt: at, cni.TagCluster: "blue", cni.TagOwner: "amazon-vpc-cni"}
		if at == "" {
			delete(tags, cni.TagCreatedAt)
		}
		ids = append(ids, r.Add(ec2.Interface{Description: "aws-K8S-" + gone, Tags: tags}))
	}
	return r, ids, func(when string, left ...bool) {
		t.Helper()
		for n, id := range ids {
			simtest.Equal(t, fmt.Sprint(when, ", ", n), r.Exists(id), left[n])
		}
	}
}

const gone = "i-0123456789abcdef0"

func in(d time.Duration) string { return time.Now().Add(d).Format(time.RFC3339) }

// ipamd's sweep takes what is older than 5 minutes, or of an age that it cannot read, of its VPC and cluster;
// dates what has no age, and ends with its node (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go).
func TestSweepHourly(t *testing.T) {
	r, ids, expect := leaks(t, in(3*time.Hour), in(-10*time.Minute), in(-time.Minute), "yesterday", "", in(-time.Hour))
	far := r.Add(ec2.Interface{Subnet: r.AddSubnet("10.1.0.0/16", "10.1.1.0/24", "a"), Description: "aws-K8S-" + gone, Tags: map[string]string{
		cni.TagInstance: gone, cni.TagCreatedAt: in(-time.Hour), cni.TagCluster: "blue",
	}})
	var node string
	r.Do(func() {
		r.EC2.UpdateInterface(ids[5], func(eni *ec2.Interface) { eni.Tags[cni.TagCluster] = "green" })
		node = r.Launch(cni.Node{CNI: cni.Config{Cluster: "blue", ClockOffset: -2 * time.Minute, Zone: time.FixedZone("", 9*3600)}})
	})
	r.Advance(time.Minute)
	r.Do(func() { r.Cleaners.SweepHourly(node) })
	r.Advance(5 * time.Minute)
	expect("after a sweep", true, false, true, false, true, true)
	dated := simulator.Look(r.Region, func() string { eni, _ := r.EC2.Interface(ids[4]); return eni.Tags[cni.TagCreatedAt] })
	if at, err := time.Parse(time.RFC3339, dated); err != nil || !strings.HasSuffix(dated, "+09:00") || at.Before(time.Now().Add(-2*time.Minute-time.Second)) || at.After(time.Now().Add(4*time.Minute)) {
		t.Errorf("dated %q, %v", dated, err)
	}
	r.Advance(66 * time.Minute)
	expect("an hour later", true, false, false, false, false, true)
	simtest.Equal(t, "of another VPC", r.Exists(far), true)
	r.Do(func() { r.Nodes.Terminate(node) })
	r.Advance(10 * time.Hour)
	expect("the node is terminated", true, false, false, false, false, true)
}

// The VPC resource controller takes what it sees twice, 30 minutes apart, of its own cluster, 24 a second, and
// tries once when a node goes (amazon-vpc-resource-controller-k8s, pkg/aws/ec2/api/cleanup).
func TestResourceController(t *testing.T) {
	r, ids, expect := leaks(t, in(0), in(0))
	var node string
	r.Do(func() {
		r.EC2.UpdateInterface(ids[0], func(eni *ec2.Interface) { eni.Tags[cni.TagCluster] = "green" })
		r.Cleaners.AddResourceController("blue")
		node = r.Launch(cni.Node{CNI: cni.Config{Cluster: "blue"}})
	})
	r.Advance(30 * time.Minute)
	expect("at first sight", true, true)
	r.Inject("DeleteNetworkInterface", 1, api.Fault{Code: "InternalError"})
	r.Advance(60 * time.Minute)
	expect("seen twice, refused, and seen again", true, true)
	r.Advance(30 * time.Minute)
	expect("seen twice again", true, false)
	for range 48 {
		r.Add(ec2.Interface{Description: "aws-K8S-" + node, Tags: map[string]string{cni.TagInstance: node, cni.TagOwner: "amazon-vpc-cni"}})
	}
	before := len(simulator.Look(r.Region, r.EC2.Deletions))
	r.Do(func() { r.Nodes.Terminate(node) })
	r.Advance(3 * time.Minute)
	its := simulator.Look(r.Region, r.EC2.Deletions)[before:]
	simtest.Equal(t, "of a node that is gone", len(its), 48)
	simtest.Equal(t, "48 calls take two seconds", its[47].At.Sub(its[0].At).Round(100*time.Millisecond), 2*time.Second)
}

// The script deletes whatever is available and looks like a CNI's.
func TestCron(t *testing.T) {
	r, _, expect := leaks(t, in(0), "")
	r.Do(func() { r.Cleaners.AddCron(time.Minute) })
	r.Advance(time.Minute)
	expect("after a minute", false, false)
}
