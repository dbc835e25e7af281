// Package performance measures speed and size: what depends on the machine is a benchmark, for `make
// bench` only; counts, virtual time and bytes are tests with a bound. The tables are those of
// docs/performance.md. Start reading at storm_test.go. It may import anything but other tests.
package performance

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

const page = "docs/performance.md"

// maxStormReads is how many reads 1,000 terminate events of one minute may cost.
const maxStormReads = 25

// A storm of terminate events within a minute, through the template's own rule, queue
// and mapping: how many runs and reads it makes. Of 20 nodes one left an interface.
func TestReadsOfAStorm(t *testing.T) {
	t.Parallel()
	table := "| events in a minute | Auto Scaling groups | leaked | runs | reads | reads an event |\n|---|---|---|---|---|---|\n"
	for _, count := range []int{1, 10, 100, 1000, 10000} {
		if count > 1000 && !*harness.Update {
			continue // half a minute of real time, for make bench
		}
		groups := max(1, count/50)
		runs, reads := storm(t, count, groups)
		table += fmt.Sprintf("| %d | %d | %d | %d | %d | %.3f |\n", count, groups, (count+19)/20, runs, reads, float64(reads)/float64(count))
		if count == 1000 && reads > maxStormReads {
			t.Errorf("%d reads for 1,000 events, more than %d", reads, maxStormReads)
		}
	}
	harness.Publish(t, page, "storm", table, true)
}

func storm(t *testing.T, count, groups int) (runs, reads int) {
	synctest.Test(t, func(t *testing.T) {
		var event string
		s := harness.Live(t, harness.Usual, nil, 8*time.Minute, func(s *harness.Stack) {
			s.Deployed.Paused = true // sweeps have reads of their own
			event = s.Sample("terminate")
			for n := range groups {
				s.AutoScaling.AddGroup(autoscaling.Group{Name: fmt.Sprintf("group-%d", n), Subnets: s.Subnets})
			}
			within := rand.New(rand.NewPCG(1, uint64(count)))
			for n := range count {
				id := s.EC2.AddInstance(ec2.Instance{ID: harness.InstanceID(n + 1), Subnet: s.Subnets[0], State: "terminated"})
				if n%20 == 0 {
					s.EC2.AddInterface(s.Leak(s.Subnets[n/20%2], id, time.Hour))
				}
				text := strings.NewReplacer(events.Instance, id, "my-asg", fmt.Sprintf("group-%d", n%groups)).Replace(event)
				s.Loop.After(time.Duration(within.Int64N(int64(time.Minute))), func() { s.Bus.Emit([]byte(text)) })
			}
		})
		runs, reads = len(s.Invocations()), 0
		for _, call := range s.Calls() {
			if call.Caller == harness.AccessKey && strings.HasPrefix(call.Action, "Describe") {
				reads++
			}
		}
		if left := len(s.Leaked()); count <= 1000 && left > 0 {
			t.Errorf("%d events: %d interfaces are left", count, left)
		}
	})
	return runs, reads
}
