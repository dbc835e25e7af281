package simulator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
)

// An instance without a group emits an event at each change of its state; the second rule takes the
// last one, where it is enabled.
func TestStateChangesComeByTheSecondRule(t *testing.T) {
	for enabled, want := range map[string]int{"ENABLED": 1, "DISABLED": 0} {
		r := simtest.New(t, simulator.Options{})
		var states []string
		var stack *simulator.Stack
		r.Do(func() {
			stack = must(simulator.Deploy(r.Region, must(template().Deploy(map[string]string{"StateChangeEvents": enabled})), nil))
			stack.Queue.Delay = time.Hour // the mapping must not take them
			if err := r.Bus.AddRule([]byte(`{"source":["aws.ec2"]}`), func(event []byte) { states = append(states, string(event)) }); err != nil {
				t.Fatal(err)
			}
			node := r.Launch(cni.Node{})
			r.Loop.After(time.Minute, func() { r.Nodes.Terminate(node) })
		})
		r.Advance(10 * time.Minute)
		equal(t, "messages", simulator.Look(r.Region, func() int { return len(stack.Queue.Messages()) }), want)
		equal(t, "events", len(states), 3) // running, shutting-down, terminated
		equal(t, "the last one is of the end", strings.Contains(states[2], `"state":"terminated"`), true)
	}
}
