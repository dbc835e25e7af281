package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// maxStormReads is how many reads 1,000 terminate events of one minute may cost.
const maxStormReads = 25

// A storm of terminate events within a minute, through the template's own rule, queue
// and mapping: how many runs and reads it makes. Of 20 nodes one left an interface.
func TestReadsOfAStorm(t *testing.T) {
	t.Parallel()
	table := "| events in a minute | Auto Scaling groups | leaked | runs | reads | reads an event |\n|---|---|---|---|---|---|\n"
	for _, count := range []int{1, 10, 100, 1000, 10000} {
		if count > 1000 && !*update {
			continue // half a minute of real time, for make bench
		}
		groups := max(1, count/50)
		runs, reads := storm(t, count, groups)
		table += fmt.Sprintf("| %d | %d | %d | %d | %d | %.3f |\n", count, groups, (count+19)/20, runs, reads, float64(reads)/float64(count))
		if count == 1000 && reads > maxStormReads {
			t.Errorf("%d reads for 1,000 events, more than %d", reads, maxStormReads)
		}
	}
	published(t, "storm", table)
}

func storm(t *testing.T, count, groups int) (runs, reads int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var event string
		r := live(t, nil, 8*time.Minute, func(r *region) {
			r.paused = true // sweeps have reads of their own
			event = r.sample("terminate")
			for n := range groups {
				r.world.AddGroup(simulator.Group{Name: fmt.Sprintf("group-%d", n), Subnets: r.subnets[:]})
			}
			within := rand.New(rand.NewPCG(1, uint64(count)))
			for n := range count {
				id := r.instance(instanceID(n+1), "terminated")
				if n%20 == 0 {
					r.leakOfAge(r.subnets[n/20%2], id, time.Hour)
				}
				text := strings.NewReplacer(events.Instance, id, "my-asg", fmt.Sprintf("group-%d", n%groups)).Replace(event)
				r.world.After(time.Duration(within.Int64N(int64(time.Minute))), func() { r.world.Emit([]byte(text)) })
			}
		})
		runs, reads = len(r.world.Invocations()), 0
		for _, call := range r.world.Calls() {
			if call.Caller == functionKey && strings.HasPrefix(call.Action, "Describe") {
				reads++
			}
		}
		if left := len(r.world.Abandoned()); count <= 1000 && left > 0 {
			t.Errorf("%d events: %d interfaces are left", count, left)
		}
	})
	return runs, reads
}
