package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/sqs"
)

// A network is the region's VPCs, of two subnets each, and its groups of nodes.
type network struct{ vpcs, subnets, groups []string }

// home returns the subnets of a VPC.
func (n network) home(vpc int) []string { return n.subnets[2*vpc : 2*vpc+2] }

func addNetwork(region *simulator.Region, s Scenario) (n network) {
	for v := range s.vpcs {
		vpc := region.EC2.AddVPC(fmt.Sprintf("10.%d.0.0/16", v))
		n.vpcs = append(n.vpcs, vpc)
		for i := range 2 {
			n.subnets = append(n.subnets, region.EC2.AddSubnet(vpc, fmt.Sprintf("10.%d.%d.0/20", v, 16*i), string(rune('a'+i))))
		}
	}
	return n
}

func (n *network) addGroups(r *rand.Rand, region *simulator.Region, s Scenario) {
	for g := range s.groups {
		name, home := fmt.Sprintf("group-%d", g), n.home(r.IntN(s.vpcs))
		version := s.drawCNI(r, home)
		region.AutoScaling.AddGroup(autoscaling.Group{Name: name, Subnets: home[:1+r.IntN(2)], Node: cni.Node{Hidden: s.hidden, CNI: version}})
		n.groups = append(n.groups, name)
	}
}

// triggers are the function's queue and its dead-letter queue.
type triggers struct{ queue, dead *sqs.Queue }

// addTriggers adds the rule, the queues, the mapping and the schedule, with the numbers of template.yaml.
func addTriggers(region *simulator.Region, pattern []byte, interval time.Duration, invoke lambda.Invoke) triggers {
	dead := region.SQS.AddQueue(sqs.Queue{Name: "dead-letters"})
	queue := region.SQS.AddQueue(sqs.Queue{Name: "buffer", Delay: time.Minute, Visibility: 6 * time.Minute, Receives: 5, DeadLetters: dead})
	if err := region.Bus.AddRule(pattern, queue.Deliver); err != nil {
		panic("simulation: " + err.Error())
	}
	region.Lambda.AddMapping(lambda.Mapping{Queue: queue, BatchSize: 1000, Window: 15 * time.Second, Concurrency: 2, Invoke: invoke})
	region.Bus.Every(interval, region.Lambda.Target(invoke))
	return triggers{queue, dead}
}
