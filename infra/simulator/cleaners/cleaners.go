// Package cleaners are the other cleaners of an account, which run beside the
// function: a script, EKS's VPC resource controller, ipamd's own sweep. Each lists
// every so often and deletes, each interface once; its calls are the account's like all others'.
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
	s.repeat(every, func() { s.clean("cron", none, isCNIs) })
}

// AddResourceController adds EKS's VPC resource controller. It deletes what a cluster's managed CNI made:
// a node's once, when the node is gone, and what it sees for the second time, 30 minutes apart; an
// interface that EC2 then refuses to delete is seen anew (amazon-vpc-resource-controller-k8s,
// pkg/aws/ec2/api/cleanup). It looks at the VPC of its cluster; here a cluster has every VPC with its nodes.
func (s Cleaners) AddResourceController(cluster string) {
	made := func(eni ec2.Interface) bool { return eni.Tags[cni.TagOwner] == "amazon-vpc-cni" }
	wait, seen := s.pace(controllerCalls), map[string]bool{}
	s.repeat(30*time.Minute, func() {
		now := map[string]bool{}
		listed := s.clean("resource-controller", wait, func(eni ec2.Interface) bool {
			if !made(eni) || eni.Tags[cni.TagCluster] != cluster {
				return false
			}
			now[eni.ID] = !seen[eni.ID]
			return seen[eni.ID]
		})
		if listed {
			seen = now
		}
	})
	s.EC2.OnChange(func(instance, state string) {
		if state == "terminated" && s.Nodes.Config(instance).Cluster == cluster {
			its := func(eni ec2.Interface) bool { return made(eni) && eni.Tags[cni.TagInstance] == instance }
			// The CNINode goes with the node, whenever Kubernetes sees that the instance is gone: assumed.
			s.Loop.After(s.Loop.Between(0, time.Minute), func() { s.clean("resource-controller", wait, its) })
		}
	})
}

// controllerCalls is how many calls a second the controller may make (pkg/config/loader.go,
// UserServiceClientQPS: 12, and 24 since the middle of 2026).
const controllerCalls = 24

// SweepHourly makes a node's CNI look for what other nodes left in its VPC and, where it has a name, its
// cluster: every hour, each time after up to 5 minutes more. What is older than 5 minutes by createdAt and
// the node's clock is deleted. What has no readable createdAt is dated now, and what has none at all is left
// for the next time (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go: cleanUpLeakedENIs, getLeakedENIs).
func (s Cleaners) SweepHourly(instance string) {
	delay := func() time.Duration { return s.Loop.Between(0, 5*time.Minute) }
	var sweep func()
	sweep = func() {
		if !s.Nodes.Alive(instance) {
			return
		}
		s.Loop.After(time.Hour+delay(), sweep)
		if i, _ := s.EC2.Instance(instance); i.State == "running" {
			s.clean(instance, none, func(eni ec2.Interface) bool { return eni.VPC == i.VPC && s.old(instance, eni) })
		}
	}
	s.Loop.After(delay(), sweep)
}

// old reports whether a node's sweep deletes an interface, and dates one that has no readable date.
func (s Cleaners) old(instance string, eni ec2.Interface) bool {
	config := s.Nodes.Config(instance)
	_, tagged := eni.Tags[cni.TagInstance]
	if !isCNIs(eni) || !tagged || config.Cluster != "" && eni.Tags[cni.TagCluster] != config.Cluster {
		return false
	}
	value, dated := eni.Tags[cni.TagCreatedAt]
	created, unreadable := time.Parse(time.RFC3339, value)
	now := config.Clock(s.Loop.Now())
	if unreadable != nil {
		s.call("CreateTags", instance, url.Values{"ResourceId.1": {eni.ID}, "Tag.1.Key": {cni.TagCreatedAt}, "Tag.1.Value": {now.Format(time.RFC3339)}})
	}
	return dated && now.Sub(created) >= 5*time.Minute
}

func isCNIs(eni ec2.Interface) bool { return strings.HasPrefix(eni.Description, "aws-K8S-i-") }

// repeat does something every so often, from some time within the first interval on.
func (s Cleaners) repeat(every time.Duration, do func()) {
	var again func()
	again = func() {
		s.Loop.After(every, again)
		do()
	}
	s.Loop.After(s.Loop.Between(0, every), again)
}

// clean lists, and deletes what is wanted, each call after its wait. It is false if the listing fails.
func (s Cleaners) clean(caller string, wait func() time.Duration, wants func(ec2.Interface) bool) (listed bool) {
	if !s.call("DescribeNetworkInterfaces", caller, url.Values{"MaxResults": {"1000"}, "Filter.1.Name": {"status"}, "Filter.1.Value.1": {"available"}}) {
		return false
	}
	for _, eni := range s.EC2.Interfaces() {
		if eni.Status == "available" && wants(eni) {
			s.Loop.After(wait(), func() { s.call("DeleteNetworkInterface", caller, url.Values{"NetworkInterfaceId": {eni.ID}}) })
		}
	}
	return true
}

func (s Cleaners) call(action, caller string, form url.Values) (done bool) {
	_, err := s.Front.Call("ec2", action, caller, form)
	return err == nil
}

func none() time.Duration { return 0 }

// pace returns the waits of a caller that makes so many calls a second.
func (s Cleaners) pace(calls int) (wait func() time.Duration) {
	var next time.Time
	return func() time.Duration {
		at := next
		if now := s.Loop.Now(); at.Before(now) {
			at = now
		}
		next = at.Add(time.Second / time.Duration(calls))
		return at.Sub(s.Loop.Now())
	}
}
