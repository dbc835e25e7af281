package autoscaling_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
)

var equal = simtest.Equal

// A fixture is a region with a group of nodes.
type fixture struct {
	*simtest.Region
	nodes  []string
	events []events.AutoScalingEvent
}

func newFixture(t *testing.T, o simulator.Options, nodes int) *fixture {
	f := &fixture{Region: simtest.New(t, o)}
	f.Do(func() {
		f.AutoScaling.AddGroup(autoscaling.Group{Name: "asg", Subnets: []string{f.Subnet}})
		var err error
		if f.nodes, err = f.AutoScaling.ScaleOut("asg", nodes); err != nil {
			t.Fatal(err)
		}
		record := func(raw []byte) {
			var e events.AutoScalingEvent
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Error(err)
			}
			f.events = append(f.events, e)
		}
		if err := f.Bus.AddRule([]byte(`{"source": ["aws.autoscaling"], "detail-type": ["EC2 Instance Terminate Successful"]}`), record); err != nil {
			t.Fatal(err)
		}
	})
	return f
}

// Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling event reference": the event's form.
func TestScaleIn(t *testing.T) {
	f := newFixture(t, simulator.Options{}, 30)
	f.Advance(5 * time.Minute)
	f.Do(func() { f.AutoScaling.ScaleIn("asg", 30) })
	f.Advance(5 * time.Minute)
	equal(t, "events", len(f.events), len(f.nodes))
	first, last := f.events[0], f.events[29]
	if took := last.Time.Sub(first.Time); took > time.Minute {
		t.Errorf("the events of one scale-in come within %s", took)
	}
	equal(t, "status", first.Detail["StatusCode"], "InProgress")
	equal(t, "subnet", first.Detail["Details"].(map[string]any)["Subnet ID"], f.Subnet)
	equal(t, "instance", first.Resources[1], fmt.Sprint("arn:aws:ec2:eu-west-1:123456789012:instance/", first.Detail["EC2InstanceId"]))
}

// Amazon EventBridge Events Reference, "Amazon EC2 Auto Scaling events": best effort.
func TestEventsAreLostAndDoubled(t *testing.T) {
	for want, options := range map[int]simulator.Options{0: {Lost: 1}, 1: {}, 2: {Doubled: 1}} {
		f := newFixture(t, options, 1)
		f.Do(func() { f.AutoScaling.ScaleIn("asg", 1) })
		f.Advance(5 * time.Minute)
		equal(t, "events", len(f.events), want)
	}
}

// Observed: the event may come minutes before the interface is available.
func TestEarlyEvent(t *testing.T) {
	f := newFixture(t, simulator.Options{Early: 1}, 1)
	f.Do(func() {
		f.Nodes.CrashAt(f.nodes[0], cni.Attached)
		f.Nodes.AllocENI(f.nodes[0], 1)
	})
	for len(f.events) == 0 {
		f.Advance(time.Second)
	}
	for _, eni := range simulator.Look(f.Region.Region, f.EC2.Interfaces) {
		equal(t, "with the event", eni.Status, "detaching")
	}
	f.Advance(7 * time.Minute)
	equal(t, "later", len(simulator.Look(f.Region.Region, f.EC2.Leaked)), 1)
}

// Amazon EC2 Auto Scaling API Reference, DescribeAutoScalingGroups.
func TestGroupsOnTheWire(t *testing.T) {
	r := simtest.New(t, simulator.Options{Buckets: map[string]api.Bucket{"autoscaling": {Size: 5}}})
	r.Do(func() {
		for i := range 60 {
			r.AutoScaling.AddGroup(autoscaling.Group{Name: fmt.Sprintf("asg-%02d", i), Subnets: []string{r.Subnet, "subnet-00000000"}})
		}
	})
	list := func(pairs ...string) simtest.Reply { return r.Call("DescribeAutoScalingGroups", pairs...) }
	names := func(n int, pairs ...string) string {
		return list(simtest.List(pairs, "AutoScalingGroupNames.member", n, "asg-00")...).ASCode
	}
	got := list("AutoScalingGroupNames.member.1", "asg-00", "AutoScalingGroupNames.member.2", "gone")
	equal(t, "by name", strings.Join(got.Groups, " "), "asg-00")
	equal(t, "subnets", got.Subnets, r.Subnet+",subnet-00000000")
	got = list()
	equal(t, "no name is all, a page", len(got.Groups), 50)
	equal(t, "the rest", len(list("NextToken", got.GroupToken).Groups), 10)
	equal(t, "51 names", names(51), "ValidationError")
	equal(t, "100 names", names(100, "MaxRecords", "100"), "")
	equal(t, "throttled", list().ASCode, "Throttling")
}
