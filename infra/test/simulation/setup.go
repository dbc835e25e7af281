package simulation

import (
	"fmt"
	"math/rand/v2"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
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

// deploy deploys the function with the template's numbers, and with the scenario's schedule.
func (s *Simulation) deploy(template cloudformation.Resources) {
	stack, err := simulator.Deploy(s.region, template, s.executions.Invoke)
	if err != nil {
		panic("simulation: " + err.Error())
	}
	stack.Interval = s.scenario.interval
	s.executions.timeout = stack.Timeout
	stack.Timeout += separation
	stack.Start()
	s.stack, s.checker.stack = stack, stack
}
