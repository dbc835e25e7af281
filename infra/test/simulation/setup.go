package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// A network is the region's VPCs, of two subnets each, and its groups of nodes.
type network struct{ vpcs, subnets, groups []string }

// home returns the subnets of a VPC.
func (n network) home(vpc int) []string { return n.subnets[2*vpc : 2*vpc+2] }

func addNetwork(region *simulator.World, s Scenario) (n network) {
	for v := range s.vpcs {
		vpc := region.AddVPC(fmt.Sprintf("10.%d.0.0/16", v))
		n.vpcs = append(n.vpcs, vpc)
		for i := range 2 {
			n.subnets = append(n.subnets, region.AddSubnet(vpc, fmt.Sprintf("10.%d.%d.0/20", v, 16*i), string(rune('a'+i))))
		}
	}
	return n
}

func (n *network) addGroups(r *rand.Rand, region *simulator.World, s Scenario) {
	for g := range s.groups {
		name, home := fmt.Sprintf("group-%d", g), n.home(r.IntN(s.vpcs))
		cni := s.drawCNI(r, home)
		region.AddGroup(simulator.Group{Name: name, Subnets: home[:1+r.IntN(2)], Node: simulator.Node{Hidden: s.hidden, CNI: cni}})
		n.groups = append(n.groups, name)
	}
}

// triggers are the function's queue and its dead-letter queue.
type triggers struct{ queue, dead *simulator.Queue }

// addTriggers adds the rule, the queues, the mapping and the schedule, with the numbers of template.yaml.
func addTriggers(region *simulator.World, pattern []byte, interval time.Duration, invoke simulator.Invoke) triggers {
	dead := region.AddQueue(simulator.Queue{Name: "dead-letters"})
	queue := region.AddQueue(simulator.Queue{Name: "buffer", Delay: time.Minute, Visibility: 6 * time.Minute, Receives: 5, DeadLetters: dead})
	if err := region.AddRule(pattern, queue); err != nil {
		panic("simulation: " + err.Error())
	}
	region.AddMapping(simulator.Mapping{Queue: queue, BatchSize: 1000, Window: 15 * time.Second, Concurrency: 2, Invoke: invoke})
	region.AddSchedule(interval, invoke)
	return triggers{queue, dead}
}
