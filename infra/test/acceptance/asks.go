package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// askedNode is one that EC2 does not show, and that nothing but questions is about.
const askedNode = "i-0acce97a9ce000003"

// spare makes an interface that the function never lists, but that its role may delete.
func (a *acceptance) spare() string {
	return a.make(kind{name: "for a question", node: askedNode, net: 1, description: "for a question of the acceptance"})
}

func (a *acceptance) askSecondDelete() {
	role := a.as(a, "")
	defer role.Close()
	id := a.spare()
	again := func() string { return answer(role, "delete_network_interface", arguments{"NetworkInterfaceId": id}) }
	a.until("the role has deleted "+id, 2*time.Minute, func() bool { return again() == done }) // a new policy takes seconds
	first := time.Now()
	for _, after := range []time.Duration{0, a.wait / 10, a.wait} {
		a.sleep(time.Until(first.Add(after)))
		a.found(fmt.Sprintf("a second delete under a condition on a tag, after %v", after), again())
	}
}

// askKeep asks what IAM makes of an empty value: not documented, hence both forms in the template.
func (a *acceptance) askKeep() {
	id := a.spare()
	a.call("ec2", "create_tags", arguments{"Resources": []string{id}, "Tags": []arguments{{"Key": tagKeep, "Value": ""}}})
	for _, sid := range []string{"KeepWhatIsTaggedKeep", "KeepWhateverTheValue"} {
		role := a.as(a, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},`+a.statements[sid]+`]}`)
		a.found("a delete of what has an empty "+tagKeep+", under the deny "+sid,
			answer(role, "delete_network_interface", arguments{"NetworkInterfaceId": id, "DryRun": true}))
		role.Close()
	}
}

// askManaged tries to delete an interface that is in use, so that it stays whatever EC2 makes of its operator.
func (a *acceptance) askManaged() {
	id := ask[string](a.sandbox, "NetworkInterfaces[?Status == 'in-use'].NetworkInterfaceId | [0]", "ec2", "describe_network_interfaces",
		arguments{"Filters": filter("operator.managed", "true"), "MaxResults": 1000, "IncludeManagedResources": true})
	got := "none in this account"
	if id != "" {
		got = answer(a.aws, "delete_network_interface", arguments{"NetworkInterfaceId": id})
	}
	a.found("a delete of an operator's interface", got)
}

// askNode ends a group's instance with a second interface that outlives it.
func (a *acceptance) askNode() {
	var node string
	a.until("the group has a running instance", 10*time.Minute, func() bool {
		node = ask[string](a.sandbox, "Reservations[].Instances[] | [?State.Name == 'running'].InstanceId | [0]", "ec2", "describe_instances",
			arguments{"Filters": filter("tag:aws:autoscaling:groupName", a.needs.outputs["Group"])})
		return node != ""
	})
	second, third := a.spare(), a.spare()
	a.call("ec2", "attach_network_interface", arguments{"NetworkInterfaceId": second, "InstanceId": node, "DeviceIndex": 1})
	a.until(second+" is attached", time.Minute, func() bool { return a.status(second) == "in-use" })
	ended := time.Now()
	a.call("autoscaling", "terminate_instance_in_auto_scaling_group", arguments{"InstanceId": node, "ShouldDecrementDesiredCapacity": true})
	a.until(node+" is shutting down", 5*time.Minute, func() bool { return a.state(node) == "shutting-down" })
	a.found("an attach to an instance that is shutting down",
		answer(a.aws, "attach_network_interface", arguments{"NetworkInterfaceId": third, "InstanceId": node, "DeviceIndex": 2}))
	a.timeEnd(ended, node, second)
}

// ends are what follows a terminate call. Emulators deliver none of the events.
var ends = []string{"the interface is available", "the instance is terminated", "EC2 Instance State-change Notification", "EC2 Instance Terminate Successful"}

// timeEnd notes when each of the ends is seen, for a quarter of an hour at most: events may be lost.
func (a *acceptance) timeEnd(ended time.Time, node, second string) {
	seen, events := map[string]string{}, !a.emulated()
	see := func(n int, is bool) {
		if is && seen[ends[n]] == "" {
			seen[ends[n]] = time.Since(ended).Round(time.Second).String()
		}
	}
	for (len(seen) < 2 || events && len(seen) < len(ends)) && time.Since(ended) < 15*time.Minute {
		see(0, a.status(second) == "available")
		see(1, a.state(node) == "terminated")
		var came []string
		if events {
			came = ask[[]string](a.sandbox, "Messages[].Body", "sqs", "receive_message", arguments{"QueueUrl": a.needs.outputs["Queue"], "MaxNumberOfMessages": 10})
		}
		for _, event := range came {
			see(2, strings.Contains(event, ends[2]) && strings.Contains(event, node) && strings.Contains(event, `"terminated"`))
			see(3, strings.Contains(event, ends[3]) && strings.Contains(event, node))
		}
		a.sleep(a.poll)
	}
	for _, each := range ends {
		a.found("from the terminate call until "+each, cmp.Or(seen[each], "never seen"))
	}
}

func (a *acceptance) status(eni string) string {
	return ask[string](a.sandbox, "NetworkInterfaces[0].Status", "ec2", "describe_network_interfaces", arguments{"NetworkInterfaceIds": []string{eni}})
}

func (a *acceptance) state(instance string) string {
	return ask[string](a.sandbox, "Reservations[0].Instances[0].State.Name", "ec2", "describe_instances", arguments{"InstanceIds": []string{instance}})
}

// batched is how many events askBatches sends.
const batched = 50

// askBatches sends events of which each logs one warning, so that the log has every batch's size.
func (a *acceptance) askBatches() {
	const body = `{"source":"aws.autoscaling","detail-type":"EC2 Instance Terminate Successful","detail":{"EC2InstanceId":"` + askedNode + `","Details":["unreadable"]}}`
	var entries []arguments // as many as one call takes
	for n := range 10 {
		entries = append(entries, arguments{"Id": fmt.Sprint(n), "MessageBody": body, "DelaySeconds": 0})
	}
	for range batched / len(entries) {
		a.call("sqs", "send_message_batch", arguments{"QueueUrl": a.stack.outputs["QueueUrl"], "Entries": entries})
	}
	sent, sizes, total := time.Now(), map[string]int{}, 0
	for ; total < batched && time.Since(sent) < 3*time.Minute; a.sleep(a.poll) {
		clear(sizes)
		total = 0
		for _, line := range ask[[]string](a.sandbox, "events[].message", "logs", "filter_log_events", arguments{"logGroupName": a.stack.outputs["LogGroupName"]}) {
			var run struct{ Message, RequestID string }
			if json.Unmarshal([]byte(line), &run) == nil && strings.HasPrefix(run.Message, "field of the event unreadable") {
				sizes[run.RequestID]++
				total++
			}
		}
	}
	a.found(fmt.Sprintf("the batches of %d events sent at once", batched),
		fmt.Sprintf("%d runs of %v events, in %v", len(sizes), slices.Sorted(maps.Values(sizes)), time.Since(sent).Round(time.Second)))
}
