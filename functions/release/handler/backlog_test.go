package handler_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// With a deadline of 3 s no delete may start: everything is deferred, and it says so.
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

// A thousand events of one scale-in: one run, at most 25 reads, and the run's
// share of deletes goes to the interfaces that the events name.
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
			event := strings.NewReplacer(events.Instance, id, "my-asg", group).Replace(f.Sample("terminate"))
			records = append(records, map[string]any{"messageId": fmt.Sprint(n), "eventSource": "aws:sqs", "body": event})
		}
		f.AddInstance(harness.InstanceID(5000), "terminated")
		for range 50 {
			f.AddLeak(f.Subnets[0], harness.InstanceID(5000))
		}
		batch, err := json.Marshal(map[string]any{"Records": records})
		if err != nil {
			f.Fatal(err)
		}
		answer, err := f.Invoke(string(batch))
		if err != nil || answer != `{"batchItemFailures":[]}` {
			f.Fatalf("%v, %s", err, answer)
		}
		if reads := f.CountCalls("Describe"); reads > 25 {
			f.Errorf("%d reads", reads)
		} else {
			f.Logf("%d reads for 1,000 events of 300 groups", reads)
		}
		if f.CountCalls("Delete") != 60 {
			f.Errorf("%d deletes, want the run's share of 60", f.CountCalls("Delete"))
		}
		for _, call := range f.Calls() {
			if call.Action == "DeleteNetworkInterface" && !strings.Contains(f.Stdout.String(), `"interface":"`+call.Form.Get("NetworkInterfaceId")) {
				f.Error("a delete without its audit line")
			}
		}
		if strings.Contains(f.Stdout.String(), harness.InstanceID(5000)) {
			f.Error("an interface of another instance was released before those that the events name")
		}
	})
}

// Consecutive sweeps drain a backlog at the pace, whatever fails on the way.
func TestABacklogDrains(t *testing.T) {
	harness.TestWith(t, simulator.Options{EmptyPages: 0.3}, func(f *harness.Function) {
		f.AddInstance(events.Instance, "terminated")
		for n := range 450 {
			f.AddLeak(f.Subnets[n%2], events.Instance)
		}
		f.Inject("DeleteNetworkInterface", 2, api.Fault{Code: "InternalError", Status: 500})
		var first eni.Report
		released, addresses := 0, 0
		for minute := 0; released < 450; minute++ {
			if minute > 9 {
				f.Fatalf("%d of 450 released after %d sweeps", released, minute)
			}
			next := time.Now().Add(time.Minute)
			report := f.Report(f.Sample("schedule"))
			if minute == 0 {
				first = report
			}
			released += report.Released
			addresses += report.AddressesReleased
			time.Sleep(time.Until(next))
		}
		if first.Found != 450 || addresses != 4500 || len(f.Interfaces()) != 0 {
			f.Errorf("found %d, %d addresses back, %d left", first.Found, addresses, len(f.Interfaces()))
		}
	})
}

// An Auto Scaling API that hangs costs its subnets, not the run.
func TestAutoScalingHangs(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		leaks := f.AddScaleIn()
		f.Inject("DescribeAutoScalingGroups", 100, api.Fault{Latency: time.Hour})
		start := time.Now()
		if answer, err := f.Invoke(f.Sample("terminate")); err != nil {
			f.Errorf("%v, %s", err, answer)
		}
		if took := time.Since(start); took > 12*time.Second {
			f.Errorf("it took %v", took)
		}
		f.ExpectDeleted(leaks(events.Own | events.Near)...) // Near, by the event's own subnet
	})
}

// Free addresses are no evidence: where EC2 hangs on them, the run goes on.
func TestDescribeSubnetsHangs(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		leaks := f.AddScaleIn()
		f.Inject("DescribeSubnets", 100, api.Fault{Latency: time.Hour})
		start := time.Now()
		if answer, err := f.Invoke(f.Sample("schedule")); err != nil || !strings.Contains(answer, `"freeAddresses":{}`) {
			f.Errorf("%v, %s", err, answer)
		}
		if took := time.Since(start); took > 20*time.Second {
			f.Errorf("it took %v", took)
		}
		f.ExpectDeleted(leaks(events.All)...)
	})
}

// One delete that hangs fails alone.
func TestADeleteHangs(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.AddScaleIn()
		f.Inject("DeleteNetworkInterface", 1, api.Fault{Latency: time.Hour})
		answer, err := f.Invoke(f.Sample("schedule"))
		if err != nil || !strings.Contains(answer, `"released":4,"gone":0,"deferred":0,"failed":1`) {
			f.Errorf("%v, %s", err, answer)
		}
	})
}

// A throttle code that the SDK does not know by itself is retried and classed all the same.
func TestRateExceededIsAThrottle(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.AddScaleIn()
		f.Inject("DeleteNetworkInterface", 3, api.Fault{Code: "RateExceeded"})
		answer, err := f.Invoke(f.Sample("schedule"))
		if err != nil || !strings.Contains(answer, `"released":0,"gone":0,"deferred":5`) || f.CountCalls("Delete") != 3 {
			f.Errorf("%v, %d deletes, %s", err, f.CountCalls("Delete"), answer)
		}
	})
}

// Run until cut, anywhere: the end state is the same.
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
