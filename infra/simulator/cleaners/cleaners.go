// Package cleaners are the other cleaners of an account, which run beside the
// function: a script, EKS's VPC resource controller, ipamd's own sweep. Each lists
// every so often and deletes at once; its calls are the account's like all others'.
//
// It imports loop, api, ec2 and cni. Start reading at [Cleaners].
package cleaners

import (
	"net/url"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// Cleaners add cleaners to a region.
type Cleaners struct {
	Loop  *loop.Loop
	Front *api.Front
	EC2   *ec2.EC2
	Nodes *cni.Nodes
}

// AddCron adds the script that many accounts run: it deletes every interface that is
// available and described as a CNI's.
func (s Cleaners) AddCron(every time.Duration) {
	s.add("cron", every, isCNIs, func() bool { return true })
}

// AddResourceController adds EKS's VPC resource controller: every 30 minutes it looks
// for what a cluster's managed CNI made, and deletes what it sees for the second time
// (amazon-vpc-resource-controller-k8s, pkg/aws/ec2/api/eni_cleanup.go).
func (s Cleaners) AddResourceController(cluster string) {
	seen := map[string]bool{}
	seenTwice := func(eni ec2.Interface) bool {
		if eni.Tags[cni.TagOwner] != "amazon-vpc-cni" || eni.Tags[cni.TagCluster] != cluster {
			return false
		}
		again := seen[eni.ID]
		seen[eni.ID] = true
		return again
	}
	s.add("resource-controller", 30*time.Minute, seenTwice, func() bool { return true })
}

// SweepHourly makes a node's CNI look for what other nodes left: every hour, older
// than 5 minutes by createdAt, or of an age that cannot be read (amazon-vpc-cni-k8s,
// pkg/awsutils/awsutils.go: cleanUpLeakedENIs).
func (s Cleaners) SweepHourly(instance string) {
	old := func(eni ec2.Interface) bool {
		value, tagged := eni.Tags[cni.TagCreatedAt]
		created, _ := time.Parse(time.RFC3339, value)
		return isCNIs(eni) && tagged && s.Loop.Now().Sub(created) >= 5*time.Minute
	}
	s.add(instance, time.Hour, old, func() bool { return s.Nodes.Alive(instance) })
}

func isCNIs(eni ec2.Interface) bool { return strings.HasPrefix(eni.Description, "aws-K8S-i-") }

// add starts a cleaner. It lists and deletes what it wants, while it is alive.
func (s Cleaners) add(caller string, every time.Duration, wants func(ec2.Interface) bool, alive func() bool) {
	call := func(action string, form url.Values) (done bool) {
		_, err := s.Front.Call("ec2", action, caller, form)
		return err == nil
	}
	var look func()
	look = func() {
		if !alive() {
			return
		}
		s.Loop.After(every, look)
		if !call("DescribeNetworkInterfaces", url.Values{"MaxResults": {"1000"}, "Filter.1.Name": {"status"}, "Filter.1.Value.1": {"available"}}) {
			return
		}
		for _, eni := range s.EC2.Interfaces() {
			if eni.Status == "available" && wants(eni) {
				call("DeleteNetworkInterface", url.Values{"NetworkInterfaceId": {eni.ID}})
			}
		}
	}
	s.Loop.After(s.Loop.Between(0, every), look)
}
