// Package performance measures speed and size: what depends on the machine is a benchmark, for `make
// bench` only; counts, virtual time and bytes are tests with a bound. The tables are those of
// docs/performance.md. Start reading at load_test.go. It may import anything but other tests.
package performance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/time/rate"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	simec2 "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
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
	harness.Bubble(t, func(t *testing.T) {
		var event string
		s := harness.Live(t, harness.Usual, nil, 8*time.Minute, func(s *harness.Stack) {
			s.Deployed.Paused = true // sweeps have reads of their own
			event = s.Sample("terminate")
			for n := range groups {
				s.AutoScaling.AddGroup(autoscaling.Group{Name: fmt.Sprintf("group-%d", n), Subnets: s.Subnets})
			}
			within := rand.New(rand.NewPCG(1, uint64(count)))
			for n := range count {
				id := s.EC2.AddInstance(simec2.Instance{ID: harness.InstanceID(n + 1), Subnet: s.Subnets[0], State: "terminated"})
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

// maxDrain is how much longer than its share of calls allows a backlog may take.
const maxDrain = 1.05

// pageTime is what reading a page of 1,000 interfaces takes at 128 MB's share of a
// processor (docs/performance.md, "Memory and processor").
const pageTime = 4 * time.Second

// Consecutive sweeps work off a backlog, every call taking as long as EC2's do: how
// long that takes, against DeletesPerMinute.
func TestDraining(t *testing.T) {
	t.Parallel()
	table := "| leaked | DeletesPerMinute | reading a page | sweeps | virtual time | of the share's limit |\n|---|---|---|---|---|---|\n"
	for _, c := range []struct {
		leaked, perMinute int
		reading           time.Duration
	}{{1000, 60, 0}, {1000, 150, 0}, {5000, 60, 0}, {5000, 150, 0}, {5000, 60, pageTime}} {
		if c.leaked > 1000 && !*harness.Update {
			continue // a minute of real time, for make bench
		}
		harness.Bubble(t, func(t *testing.T) {
			f := harness.NewFunction(harness.NewRegion(t, 1, simulator.Options{}), map[string]string{"DeletesPerMinute": fmt.Sprint(c.perMinute)})
			backlog(f, c.leaked, c.reading)
			begun, sweeps := time.Now(), 0
			var took time.Duration
			for len(f.Interfaces()) > 0 && sweeps < c.leaked {
				next := time.Now().Add(time.Minute)
				f.Report(f.Sample("schedule"))
				sweeps, took = sweeps+1, time.Since(begun)
				time.Sleep(time.Until(next))
			}
			limit := time.Duration(c.leaked) * time.Minute / time.Duration(c.perMinute)
			ratio := took.Seconds() / limit.Seconds()
			table += fmt.Sprintf("| %d | %d | %s | %d | %s | %.3f |\n", c.leaked, c.perMinute, c.reading, sweeps, took.Round(time.Second), ratio)
			if ratio > maxDrain && c.reading == 0 {
				t.Errorf("%d interfaces took %s, %.3f of the limit", c.leaked, took, ratio)
			}
		})
	}
	harness.Publish(t, page, "drain", table, true)
}

// Three runs at once, minute after minute, and a CNI that deletes two interfaces a
// second beside them: it is never throttled, and neither are they.
func TestACNIBesideThreeRuns(t *testing.T) {
	t.Parallel()
	const minutes = 7
	harness.Test(t, func(f *harness.Function) {
		backlog(f, 3*60*minutes*6/5, 0)
		ctx, cancel := context.WithCancel(f.Context())
		own := make(chan int)
		go func() { own <- deleteTwoASecond(ctx, f.Region, harness.Client("CNI", f.Transport())) }()
		var runs sync.WaitGroup
		for range 3 {
			runs.Go(func() {
				for range minutes {
					next := time.Now().Add(time.Minute)
					f.Report(f.Sample("schedule"))
					time.Sleep(time.Until(next))
				}
			})
		}
		runs.Wait()
		cancel()
		made, deleted := <-own, map[string]int{} // by caller
		for _, d := range f.Deletions() {
			deleted[d.Caller]++
		}
		_, throttled := callers(f.Calls())
		f.Logf("in %d minutes, deleted %v, throttled %v", minutes, deleted, throttled)
		if len(throttled) > 0 || made < 2*60*minutes || deleted["CNI"] != made || deleted[harness.AccessKey] < 3*60*minutes*9/10 {
			f.Errorf("deleted %v, the CNI of %d, throttled %v", deleted, made, throttled)
		}
	})
}

// deleteTwoASecond is a CNI beside, with interfaces of its own, until ctx ends; it returns how many.
func deleteTwoASecond(ctx context.Context, r *harness.Region, config aws.Config) (made int) {
	client := ec2.New(config)
	var all sync.WaitGroup
	for ; ctx.Err() == nil; made++ {
		id := r.AddInterface(simec2.Interface{Subnet: r.Subnets[0], Description: "its own"})
		all.Go(func() {
			_, _ = client.Delete(context.WithoutCancel(ctx), id, rate.NewLimiter(rate.Inf, 0)) // what it met is in the record of calls
		})
		time.Sleep(time.Second / 2)
	}
	all.Wait()
	return made
}

// callers counts calls, and those that were throttled, by their callers.
func callers(calls []api.Call) (all, throttled map[string]int) {
	all, throttled = map[string]int{}, map[string]int{}
	for _, call := range calls {
		all[call.Caller]++
		if call.Status == http.StatusServiceUnavailable {
			throttled[call.Caller]++
		}
	}
	return all, throttled
}

// backlog adds leaks, and has every call take its time, and that of reading where it lists interfaces.
func backlog(f *harness.Function, count int, reading time.Duration) {
	f.OnCall(func(call api.Call) api.Fault {
		if call.Action == "DescribeNetworkInterfaces" {
			return api.Fault{Latency: harness.CallLatency + reading}
		}
		return api.Fault{Latency: harness.CallLatency}
	})
	addLeaks(f.Region, count, 1) // to read ten addresses takes the longer, and drains the same
}
