package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling event reference": the event's form.
func TestScaleInReachesTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, subnet := region(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var bodies []string
		buffer(t, w, func(_ context.Context, payload []byte) ([]byte, error) {
			for _, r := range parse(t, payload).Records {
				bodies = append(bodies, r.Body)
			}
			return []byte(`{"batchItemFailures":[]}`), nil
		})
		go w.Run(ctx)
		w.AddGroup(Group{Name: "asg", Subnets: []string{subnet}})
		nodes, err := w.ScaleOut("asg", 30)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		w.ScaleIn("asg", 30)
		time.Sleep(5 * time.Minute)
		cancel()
		synctest.Wait()
		equal(t, "events", len(bodies), len(nodes))
		if n := len(w.Invocations()); n > 4 {
			t.Errorf("%d invocations for one scale-in", n)
		}
		var event struct {
			Source     string
			DetailType string `json:"detail-type"`
			Resources  []string
			Detail     struct {
				StatusCode, AutoScalingGroupName, EC2InstanceId, Destination string
				Details                                                      map[string]string
			}
		}
		if err := json.Unmarshal([]byte(bodies[0]), &event); err != nil {
			t.Fatal(err)
		}
		equal(t, "status", event.Detail.StatusCode, "InProgress")
		equal(t, "subnet", event.Detail.Details["Subnet ID"], subnet)
		equal(t, "instance", event.Resources[1], "arn:aws:ec2:eu-west-1:123456789012:instance/"+event.Detail.EC2InstanceId)
	})
}

// Amazon EventBridge Events Reference, "Amazon EC2 Auto Scaling events": best effort.
func TestEventsAreLostAndDoubled(t *testing.T) {
	for _, test := range []struct {
		options Options
		want    int
	}{{Options{Lost: 1}, 0}, {Options{Doubled: 1}, 2}} {
		synctest.Test(t, func(t *testing.T) {
			w, subnet := region(t, test.options)
			queue := w.AddQueue(Queue{})
			if err := w.AddRule([]byte(pattern), queue); err != nil {
				t.Fatal(err)
			}
			w.AddGroup(Group{Name: "asg", Subnets: []string{subnet}})
			if _, err := w.ScaleOut("asg", 1); err != nil {
				t.Fatal(err)
			}
			w.ScaleIn("asg", 1)
			w.Advance(5 * time.Minute)
			equal(t, "messages", len(queue.Messages()), test.want)
		})
	}
}

// Observed: the event may come minutes before the interface is available.
func TestEarlyEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, subnet := region(t, Options{Early: 1})
		queue := w.AddQueue(Queue{})
		if err := w.AddRule([]byte(pattern), queue); err != nil {
			t.Fatal(err)
		}
		w.AddGroup(Group{Name: "asg", Subnets: []string{subnet}})
		nodes, err := w.ScaleOut("asg", 1)
		if err != nil {
			t.Fatal(err)
		}
		w.DieAt(nodes[0], Attached)
		w.Allocate(nodes[0], 1)
		for len(queue.Messages()) == 0 {
			w.Advance(time.Second)
		}
		equal(t, "with the event", made(t, w, nodes[0]).Status, "detaching")
		w.Advance(7 * time.Minute)
		equal(t, "later", len(w.Abandoned()), 1)
	})
}

// EventBridge User Guide, "Comparison operators for use in event patterns"; Amazon EC2 Auto
// Scaling User Guide, "Warm pool example events and patterns".
func TestPattern(t *testing.T) {
	var p map[string]any
	if err := json.Unmarshal([]byte(pattern), &p); err != nil {
		t.Fatal(err)
	}
	const event = `{"source": "aws.autoscaling", "detail-type": "EC2 Instance Terminate Successful", "detail": {"AutoScalingGroupName": "asg"%s}}`
	for detail, want := range map[string]bool{
		``: true, `, "Destination": "EC2"`: true, `, "Destination": "AutoScalingGroup"`: true, `, "Destination": "WarmPool"`: false,
	} {
		var e map[string]any
		if err := json.Unmarshal(fmt.Appendf(nil, event, detail), &e); err != nil {
			t.Fatal(err)
		}
		equal(t, detail, matchesPattern(p, e), want)
	}
}
