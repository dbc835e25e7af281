package main

import (
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// lines are those of the log with a message, as their fields.
func (s *stage) lines(message string) (all []map[string]any) {
	s.Helper()
	for _, line := range decoded[map[string]any](s.T, s.log.String()) {
		if line["message"] == message {
			all = append(all, line)
		}
	}
	return all
}

// A release tells what leads to its cause: cluster, group, and how soon after the end of its node.
func TestAReleaseTellsItsCause(t *testing.T) {
	onStage(t, func(s *stage) {
		node := s.world.SeedInstance(simulator.Instance{Subnet: s.subnets[0], Tags: map[string]string{"aws:autoscaling:groupName": "my-asg"}})
		id := s.leak(s.subnets[0], node)
		s.world.Update(id, func(i *simulator.Interface) { i.Tags["cluster.k8s.amazonaws.com/name"] = "blue" })
		s.world.SetState(node, "terminated")
		time.Sleep(42 * time.Second)
		s.report(s.sample("schedule"))
		released := s.lines("released")
		if len(released) != 1 || released[0]["cluster"] != "blue" || released[0]["group"] != "my-asg" || released[0]["sinceTermination"] != 42.0 {
			s.Errorf("%v", released)
		}
		back := s.lines("addresses came back")
		if len(back) != 1 || back[0]["subnet"] != s.subnets[0] || back[0]["interfaces"] != 1.0 || back[0]["addresses"] != 10.0 || back[0]["free"] != 4091.0 {
			s.Errorf("%v", back)
		}
		totals := s.lines("the run is done")[0]
		if leaks := totals["leaksByCluster"].(map[string]any); len(leaks) != 1 || leaks["blue"] != 1.0 {
			s.Errorf("%v", leaks)
		}
	})
}

// The totals count each attempt, and those that were throttled.
func TestTotalsCountCalls(t *testing.T) {
	onStage(t, func(s *stage) {
		s.leak(s.subnets[0], s.instance(instanceID(1), "terminated"))
		s.world.Inject("DeleteNetworkInterface", 2, simulator.Fault{Code: "RequestLimitExceeded", Status: 503})
		s.world.Inject("DescribeInstances", 1, simulator.Fault{Code: "RateExceeded", Status: 400})
		s.report(s.sample("schedule"))
		totals := s.lines("the run is done")[0]
		want := map[string]float64{"DescribeNetworkInterfaces": 1, "DescribeInstances": 2, "DescribeSubnets": 1, "DeleteNetworkInterface": 3}
		for action, count := range totals["calls"].(map[string]any) {
			if count != want[action] {
				s.Errorf("%v calls of %s, want %v", count, action, want[action])
			}
			delete(want, action)
		}
		if len(want) != 0 || totals["throttles"] != 3.0 {
			s.Errorf("%v are not told; %v throttles, want 3", want, totals["throttles"])
		}
	})
}
