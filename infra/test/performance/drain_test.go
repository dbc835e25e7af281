package performance

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/time/rate"

	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	simec2 "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

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
		synctest.Test(t, func(t *testing.T) {
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
			_, _ = client.Delete(context.WithoutCancel(ctx), id, rate.NewLimiter(rate.Inf, 0)) // what it met is in the journal of calls
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
