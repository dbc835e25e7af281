//go:build e2e

package main

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// TestE2EDeploy deploys the template twice, by sam and as it is, and follows what
// the two stacks do: the first one by events alone, the second one, for another
// VPC, on its schedule.
func TestE2EDeploy(t *testing.T) {
	samBuild(t)
	m := startMinistack(t)
	own, second, near, far := m.scaleIn()
	released := append(own, near)

	one := m.deploy("one", `ScheduleExpression="rate(1 day)"`) // no sweep within the test
	m.hurry(one)
	told := time.Now()
	m.tell(m.sample("terminate"))
	m.progress("the first event is told")
	m.send(one.QueueURL, "not understood")

	// The second stack, and while the first event settles: a look, and no more.
	vpc := m.world.AddVPC("10.1.0.0/16")
	lateSubnet, subnet := m.world.AddSubnet(vpc, "10.1.0.0/20", "a"), m.world.AddSubnet(vpc, "10.1.16.0/20", "b")
	two := m.deploy("two", "VpcIds="+vpc, "AlarmTopicArn=arn:aws:sns:us-east-1:"+ministackAccount+":operators", "Dashboard=true")
	m.expectSeparateStacks(one, two)
	late := m.leak(lateSubnet, m.instance(instanceID(10), "terminated"))
	m.world.Update(late, func(i *simulator.Interface) {
		i.Status, i.Attachment = "in-use", &simulator.Attachment{Instance: instanceID(10), Status: "attached"}
	})
	m.tell(strings.NewReplacer(events.Instance, instanceID(10), m.subnets[0], lateSubnet, "my-asg", "gone-asg").Replace(m.sample("terminate")))
	m.progress("the second event is told, whose interface is late")
	m.deploy("two", "DryRun=true")
	seen := m.leak(subnet, m.instance(instanceID(11), "terminated"))

	m.until("what was not understood is in the dead-letter queue", time.Minute, func() bool { return m.waiting(one.DeadLetterQueueURL) == 1 })
	if body := m.take(one.DeadLetterQueueURL); body != "not understood" {
		t.Errorf("in the dead-letter queue is %q", body)
	}
	m.expectDeleted()

	m.until("the first event's interfaces are released", 2*time.Minute, func() bool { return m.gone(released...) })
	m.expectDeleted(released...)
	m.expectSettled(told)
	m.until("the first stack's log tells it", 10*time.Second, func() bool { return m.loggedReleases(one, released...) })

	m.until("a scheduled sweep of the second stack says what would be released", 3*time.Minute, func() bool {
		return m.logged(two, func(line logLine) bool { return line.Trigger == "schedule" && line.DryRun && line.Released == 1 })
	})
	m.until("both stacks had the second event, too early", time.Minute, func() bool {
		early := func(line logLine) bool { return line.Trigger == "event" && line.Kept.Attached == 1 }
		return m.logged(one, early) && m.logged(two, early)
	})
	m.expectDeleted(released...)
	m.deploy("two", "DryRun=false")
	m.world.Update(late, func(i *simulator.Interface) { i.Status, i.Attachment = "available", nil })
	m.until("the next sweep releases both, the late one, too", 3*time.Minute, func() bool { return m.gone(seen, late) })
	released = append(released, seen, late)
	m.expectDeleted(released...)
	m.until("the second stack's log tells it", 10*time.Second, func() bool { return m.loggedReleases(two, seen, late) })

	// EC2 fails for longer than an event is tried. Nothing is lost: it can be redriven.
	m.world.OnCall(func(c simulator.Call) simulator.Fault {
		if c.Service == "ec2" {
			return simulator.Fault{Code: "Unavailable"}
		}
		return simulator.Fault{}
	})
	m.tell(strings.NewReplacer(events.Instance, "i-0fedcba9876543210", m.subnets[0], m.subnets[1]).Replace(m.sample("terminate")))
	m.progress("EC2 fails; the third event is told")
	m.until("it is in the dead-letter queue", 3*time.Minute, func() bool { return m.waiting(one.DeadLetterQueueURL) == 1 })
	m.expectDeleted(released...)
	m.world.OnCall(nil)
	m.send(one.QueueURL, m.take(one.DeadLetterQueueURL))
	released = append(append(released, second...), far)
	m.until("EC2 is mended, the event redriven, its interfaces released", time.Minute, func() bool { return m.gone(append(second, far)...) })
	m.expectDeleted(released...)

	for _, d := range []deployment{one, two} {
		m.sam("delete", "--stack-name", d.Name, "--region", "us-east-1", "--no-prompts")
	}
	m.expectNothingLeft()
}

// hurry has failed messages come back after 5 seconds. With the template's 6
// minutes, five receives would take half an hour.
func (m *ministack) hurry(d deployment) {
	m.Helper()
	m.call("sqs", "set_queue_attributes", map[string]any{"QueueUrl": d.QueueURL, "Attributes": map[string]string{"VisibilityTimeout": "5"}}, &struct{}{})
}

// send sends a message that need not settle.
func (m *ministack) send(queue, body string) {
	m.Helper()
	m.call("sqs", "send_message", map[string]any{"QueueUrl": queue, "MessageBody": body, "DelaySeconds": 0}, &struct{}{})
}

func (m *ministack) waiting(queue string) int {
	m.Helper()
	var answer struct {
		Attributes struct {
			ApproximateNumberOfMessages int `json:",string"`
		}
	}
	m.call("sqs", "get_queue_attributes", map[string]any{"QueueUrl": queue, "AttributeNames": []string{"ApproximateNumberOfMessages"}}, &answer)
	return answer.Attributes.ApproximateNumberOfMessages
}

// take takes a message out of a queue. With send it is a redrive, by hand,
// because ministack has no StartMessageMoveTask.
func (m *ministack) take(queue string) string {
	m.Helper()
	var answer struct {
		Messages []struct{ Body, ReceiptHandle string }
	}
	m.call("sqs", "receive_message", map[string]any{"QueueUrl": queue}, &answer)
	if len(answer.Messages) != 1 {
		m.Fatalf("%s gives %d messages, not 1", queue, len(answer.Messages))
	}
	m.call("sqs", "delete_message", map[string]any{"QueueUrl": queue, "ReceiptHandle": answer.Messages[0].ReceiptHandle}, &struct{}{})
	return answer.Messages[0].Body
}

// expectSettled: no delete came before the queue's delay was over.
func (m *ministack) expectSettled(told time.Time) {
	m.Helper()
	for _, call := range m.world.Calls() {
		if call.Action == "DeleteNetworkInterface" {
			m.progress("deleted %.1f s after the event", call.At.Sub(told).Seconds())
			if call.At.Sub(told) < time.Minute {
				m.Error("the event had not settled for a minute")
			}
		}
	}
}

// inventory counts what stacks can leave behind.
func (m *ministack) inventory() map[string]int {
	m.Helper()
	counts := map[string]int{}
	for key, list := range map[string][2]string{
		"Functions": {"lambda", "list_functions"}, "EventSourceMappings": {"lambda", "list_event_source_mappings"}, "QueueUrls": {"sqs", "list_queues"},
		"Rules": {"events", "list_rules"}, "Schedules": {"scheduler", "list_schedules"}, "Roles": {"iam", "list_roles"}, "logGroups": {"logs", "describe_log_groups"},
		"MetricAlarms": {"cloudwatch", "describe_alarms"}, "DashboardEntries": {"cloudwatch", "list_dashboards"},
	} {
		var answer map[string]json.RawMessage
		var items []any
		m.call(list[0], list[1], map[string]any{}, &answer)
		if raw, some := answer[key]; some && json.Unmarshal(raw, &items) != nil {
			m.Fatalf("%s answers %s", list[1], raw)
		}
		counts[key] = len(items)
	}
	return counts
}

// expectSeparateStacks: two stacks of one region share nothing and lack nothing.
func (m *ministack) expectSeparateStacks(one, two deployment) {
	m.Helper()
	if one.FunctionName == two.FunctionName || one.QueueURL == two.QueueURL || one.DeadLetterQueueURL == two.DeadLetterQueueURL || one.LogGroupName == two.LogGroupName {
		m.Errorf("the stacks share something: %+v and %+v", one, two)
	}
	want := map[string]int{"Functions": 2, "EventSourceMappings": 2, "QueueUrls": 4, "Rules": 2, "Schedules": 2, "Roles": 4, "logGroups": 2, "MetricAlarms": 6, "DashboardEntries": 1}
	if got := m.inventory(); !maps.Equal(got, want) {
		m.Errorf("the two stacks have %v\nwant %v", got, want)
	}
}

// expectNothingLeft: but for the stack in which SAM keeps its bucket.
func (m *ministack) expectNothingLeft() {
	m.Helper()
	for kind, count := range m.inventory() {
		if count != 0 {
			m.Errorf("%d %s are left", count, kind)
		}
	}
	var answer struct{ Stacks []struct{ StackName string } }
	m.call("cloudformation", "describe_stacks", map[string]any{}, &answer)
	if len(answer.Stacks) != 1 || answer.Stacks[0].StackName != "aws-sam-cli-managed-default" {
		m.Errorf("the stacks %v are left", answer.Stacks)
	}
}
