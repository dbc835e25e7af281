package handler_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// With a deadline of 3 s no delete may start: everything is deferred, and logged.
func TestADeadlineOfThreeSeconds(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.AddScaleIn()
		answer, err := f.InvokeFor(3*time.Second, f.Sample("schedule"))
		if err != nil || !strings.Contains(answer, `"released":0,"gone":0,"deferred":5`) || !strings.Contains(f.Stdout.String(), "less than 5 seconds away") {
			f.Errorf("%v, %s", err, answer)
		}
		f.ExpectDeleted()
	})
}

// A thousand events of one scale-in: one run, at most 25 reads, and the run's share of deletes
// goes to the interfaces of the events' instances.
func TestAThousandEvents(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		records := []map[string]any{}
		for n := range 1000 {
			id, group := f.AddInstance(harness.InstanceID(n), "terminated"), fmt.Sprintf("group-%d", n%300)
			if n < 300 {
				f.Do(func() { f.AutoScaling.AddGroup(autoscaling.Group{Name: group, Subnets: f.Subnets[:]}) })
			}
			if n%4 == 0 {
				f.AddLeak(f.Subnets[n%2], id)
			}
			event := strings.NewReplacer(events.Instance, id, events.Group, group).Replace(f.Sample("terminate"))
			records = append(records, map[string]any{"messageId": fmt.Sprint(n), "eventSource": "aws:sqs", "body": event})
		}
		unnamed := f.AddInstance(harness.InstanceID(5000), "terminated")
		for range 50 {
			f.AddLeak(f.Subnets[0], unnamed)
		}
		batch, err := json.Marshal(map[string]any{"Records": records})
		if err != nil {
			f.Fatal(err)
		}
		if answer, err := f.Invoke(string(batch)); err != nil || answer != `{"batchItemFailures":[]}` {
			f.Fatalf("%v, %s", err, answer)
		}
		reads, deletes := f.CountCalls("Describe"), f.CountCalls("Delete")
		if f.Logf("%d reads for 1,000 events of 300 groups", reads); reads > 25 || deletes != 60 {
			f.Errorf("%d reads, %d deletes; want at most 25, and the run's share of 60", reads, deletes)
		}
		for _, call := range f.Calls() {
			if call.Action == "DeleteNetworkInterface" && !strings.Contains(f.Stdout.String(), `"interface":"`+call.Form.Get("NetworkInterfaceId")) {
				f.Error("a delete without its audit line")
			}
		}
		if strings.Contains(f.Stdout.String(), unnamed) {
			f.Error("an interface of another instance was released before those of the events' instances")
		}
	})
}

// Consecutive sweeps drain a backlog within the delete budget, whatever fails on the way.
func TestABacklogDrains(t *testing.T) {
	harness.TestWith(t, simulator.Options{EmptyPages: 0.3}, func(f *harness.Function) {
		f.AddInstance(events.Instance, "terminated")
		for n := range 450 {
			f.AddLeak(f.Subnets[n%2], events.Instance)
		}
		f.Inject("DeleteNetworkInterface", 2, api.Fault{Code: "InternalError", Status: 500})
		found, addresses := 0, 0
		for range 10 {
			next := time.Now().Add(time.Minute)
			report := f.Report(f.Sample("schedule"))
			found = max(found, report.Found)
			addresses += report.AddressesReleased
			time.Sleep(time.Until(next))
		}
		if found != 450 || addresses != 4500 || len(f.Interfaces()) != 0 {
			f.Errorf("found %d, %d addresses released, %d interfaces left", found, addresses, len(f.Interfaces()))
		}
	})
}

// Calls that hang cost only themselves where they are optional reads or deletes, and a throttle
// code that the SDK lacks is retried and classified, too.
func TestFaultsThatARunSurvives(t *testing.T) {
	hang := api.Fault{Latency: time.Hour}
	for _, c := range []struct {
		sample, action string
		calls          int
		fault          api.Fault
		answer         string
		deletes        int
		within         time.Duration
	}{
		{"terminate", "DescribeAutoScalingGroups", 100, hang, `"released":3`, 3, 12 * time.Second}, // in the event's own subnet, too
		{"schedule", "DescribeSubnets", 100, hang, `"addressesReleased":50,"freeAddresses":{}`, 5, 20 * time.Second},
		{"schedule", "DeleteNetworkInterface", 1, hang, `"released":4,"gone":0,"deferred":0,"failed":1`, 4, 20 * time.Second},
		{"schedule", "DeleteNetworkInterface", 3, api.Fault{Code: "RateExceeded"}, `"released":0,"gone":0,"deferred":5`, 3, 20 * time.Second},
	} {
		harness.Test(t, func(f *harness.Function) {
			f.AddScaleIn()
			f.Inject(c.action, c.calls, c.fault)
			start := time.Now()
			answer, err := f.Invoke(f.Sample(c.sample))
			took, deletes := time.Since(start), f.CountCalls("Delete")
			if err != nil || !strings.Contains(answer, c.answer) || deletes != c.deletes || took > c.within {
				f.Errorf("%s: %v, %s, %d deletes, in %v; want %s, %d, in %v", c.action, err, answer, deletes, took, c.answer, c.deletes, c.within)
			}
		})
	}
}

// A run that is cut anywhere and repeated ends in the same state.
func TestACutRunCanBeRepeated(t *testing.T) {
	for cut := time.Duration(0); cut < 30*time.Second; cut += 1300 * time.Millisecond {
		harness.Test(t, func(f *harness.Function) {
			leaks := f.AddScaleIn()
			f.OnCall(func(api.Call) api.Fault { return api.Fault{Latency: time.Second} })
			_, _ = f.InvokeFor(cut, f.Sample("schedule"))
			if _, err := f.Invoke(f.Sample("schedule")); err != nil {
				f.Error(err)
			}
			f.ExpectDeleted(leaks(events.All)...)
		})
	}
}
