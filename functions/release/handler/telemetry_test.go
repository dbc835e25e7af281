package handler_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// lines returns the lines of the log with a message.
func lines(f *harness.Function, message string) (all []map[string]any) {
	f.Helper()
	for _, line := range harness.Lines[map[string]any](f, f.Stdout.String()) {
		if line["message"] == message {
			all = append(all, line)
		}
	}
	return all
}

// The line of a release names its cause: cluster, group, and how soon after the end of its node.
func TestAReleaseNamesItsCause(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		node := harness.InstanceID(1)
		id := f.AddLeak(f.Subnets[0], node)
		f.Do(func() {
			f.EC2.AddInstance(ec2.Instance{ID: node, Subnet: f.Subnets[0], Tags: map[string]string{"aws:autoscaling:groupName": "my-asg"}})
			f.EC2.UpdateInterface(id, func(i *ec2.Interface) { i.Tags[cni.TagCluster] = "blue" })
			f.EC2.SetState(node, "terminated")
		})
		time.Sleep(42 * time.Second)
		f.Report(f.Sample("schedule"))
		released := lines(f, "released")
		if len(released) != 1 || released[0]["cluster"] != "blue" || released[0]["group"] != "my-asg" || released[0]["sinceTermination"] != 42.0 {
			f.Errorf("%v", released)
		}
		back := lines(f, "addresses freed")
		if len(back) != 1 || back[0]["subnet"] != f.Subnets[0] || back[0]["interfaces"] != 1.0 || back[0]["addresses"] != 10.0 || back[0]["free"] != 4091.0 {
			f.Errorf("%v", back)
		}
		totals := lines(f, "run completed")[0]
		if leaks := totals["leaksByCluster"].(map[string]any); len(leaks) != 1 || leaks["blue"] != 1.0 {
			f.Errorf("%v", leaks)
		}
	})
}

// The totals count each attempt, and those that were throttled.
func TestTotalsCountCalls(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.AddLeak(f.Subnets[0], f.AddInstance(harness.InstanceID(1), "terminated"))
		f.Inject("DeleteNetworkInterface", 2, api.Fault{Code: "RequestLimitExceeded", Status: 503})
		f.Inject("DescribeInstances", 1, api.Fault{Code: "RateExceeded", Status: 400})
		f.Report(f.Sample("schedule"))
		totals := lines(f, "run completed")[0]
		want := map[string]float64{"DescribeNetworkInterfaces": 1, "DescribeInstances": 2, "DescribeSubnets": 1, "DeleteNetworkInterface": 3}
		for action, count := range totals["calls"].(map[string]any) {
			if count != want[action] {
				f.Errorf("%v calls of %s, want %v", count, action, want[action])
			}
			delete(want, action)
		}
		if len(want) != 0 || totals["throttles"] != 3.0 {
			f.Errorf("%v are not told; %v throttles, want 3", want, totals["throttles"])
		}
	})
}

// The line of metrics is the function's output, not its logger's.
func TestMetricsThatCannotBeWrittenFailNoRun(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		closed, err := os.CreateTemp(f.TempDir(), "")
		if err != nil {
			f.Fatal(err)
		}
		_ = closed.Close()
		f.Metrics = closed
		f.Start(map[string]string{"Dashboard": "true"})
		if _, err := f.Invoke(f.Sample("schedule")); err != nil || !strings.Contains(f.Stdout.String(), "writing metrics failed") {
			f.Errorf("%v\n%s", err, f.Stdout.String())
		}
	})
}
