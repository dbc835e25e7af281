package handler_test

import (
	"maps"
	"os"
	"reflect"
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

// The log line of a release holds its cause: cluster, group, and the time since its node's termination.
func TestAReleaseIsLoggedWithItsCause(t *testing.T) {
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
		if requestID, _ := released[0]["ec2RequestId"].(string); requestID == "" || len(released) != 1 {
			f.Errorf("%v", released)
		}
		expectLine(f, released[0], `{"interface":"`+id+`","subnet":"`+f.Subnets[0]+`","addresses":10,"instance":"`+node+`","instanceState":"terminated","age":3642,
			"reason":"owner-terminated","cluster":"blue","group":"my-asg","sinceTermination":42,"level":"INFO"}`, "message", "timestamp", "ec2RequestId")
		freed := lines(f, "addresses freed")
		if len(freed) != 1 || freed[0]["subnet"] != f.Subnets[0] || freed[0]["interfaces"] != 1.0 || freed[0]["addresses"] != 10.0 || freed[0]["free"] != 4091.0 {
			f.Errorf("%v", freed)
		}
		expectLine(f, lines(f, "run completed")[0], `{"trigger":"schedule","dryRun":false,"throttles":0,"found":1,"released":1,"gone":0,"deferred":0,"failed":0,"addressesReleased":10,
			"kept":{},"leaksByCluster":{"blue":1},"freeAddresses":{"`+f.Subnets[0]+`":4091},"level":"INFO"}`, "message", "timestamp", "calls")
	})
}

// expectLine compares a line of the log, without some of its fields.
func expectLine(f *harness.Function, line map[string]any, want string, without ...string) {
	f.Helper()
	got := maps.Clone(line)
	for _, name := range without {
		delete(got, name)
	}
	if !reflect.DeepEqual(got, harness.Lines[map[string]any](f, want)[0]) {
		f.Errorf("%v\nwant %s", got, want)
	}
}

// The totals count each attempt, and the throttles.
func TestTotalsCountCalls(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.AddLeak(f.Subnets[0], f.AddInstance(harness.InstanceID(1), "terminated"))
		f.Inject("DeleteNetworkInterface", 2, api.Fault{Code: "RequestLimitExceeded", Status: 503})
		f.Inject("DescribeInstances", 1, api.Fault{Code: "RateExceeded", Status: 400})
		f.Report(f.Sample("schedule"))
		totals := lines(f, "run completed")[0]
		want := map[string]any{"DescribeNetworkInterfaces": 1.0, "DescribeInstances": 2.0, "DescribeSubnets": 1.0, "DeleteNetworkInterface": 3.0}
		if !reflect.DeepEqual(totals["calls"], want) || totals["throttles"] != 3.0 {
			f.Errorf("calls %v, want %v; %v throttles, want 3", totals["calls"], want, totals["throttles"])
		}
	})
}

// Metrics go to the function's output, not to its logger.
func TestMetricsThatCannotBeWrittenFailNoRun(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.Metrics = (*os.File)(nil) // no write to it succeeds
		f.Start(map[string]string{"Dashboard": "true"})
		if _, err := f.Invoke(f.Sample("schedule")); err != nil || !strings.Contains(f.Stdout.String(), "writing metrics failed") {
			f.Errorf("%v\n%s", err, f.Stdout.String())
		}
	})
}
