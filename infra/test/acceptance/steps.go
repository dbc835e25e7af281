package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

func (a *acceptance) deployDry() {
	a.stack = stack{sandbox: a.sandbox, name: stackPrefix + a.id}
	// No sweep in between: what happens, is by manual runs and by events.
	a.stack.deploy("DryRun=true", `ScheduleExpression="rate(1 day)"`, "VpcIds="+a.nets[0].vpc)
}

// manualRun compares the decision and the reason of each interface with its kind's.
func (a *acceptance) manualRun() {
	got := map[string]string{}
	for _, line := range a.stack.invoke(fmt.Sprintf(`{"subnetIds":[%q,%q,%q]}`, a.nets[0].id, a.nets[1].id, a.nets[2].id)).Interfaces {
		got[line.ID] = fmt.Sprintf("%s %s", line.Outcome, line.Reason)
	}
	var wrong []error
	for _, kind := range kinds {
		id, want := a.made[kind.name], kind.decision+" "+kind.reason
		if got[id] != want {
			wrong = append(wrong, fmt.Errorf("%s (%s) is %q, want %q", id, kind.name, got[id], want))
		}
		a.log("%s: %s: %s", id, kind.name, got[id])
	}
	must(errors.Join(wrong...))
}

// expectExist expects all interfaces but those of the kinds that must be released.
func (a *acceptance) expectExist(released ...string) {
	ids := a.listed("network_interface", "NetworkInterface")
	for _, kind := range kinds {
		if exists := slices.Contains(ids, a.made[kind.name]); exists == slices.Contains(released, kind.name) {
			fail("%s (%s) exists: %t", a.made[kind.name], kind.name, exists)
		}
	}
	a.log("%d of %d interfaces exist, as they must", len(kinds)-len(released), len(kinds))
}

func (a *acceptance) untilReleased(what string, patience time.Duration, names ...string) {
	a.until(what, patience, func() bool {
		ids := a.listed("network_interface", "NetworkInterface")
		return !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(ids, a.made[name]) })
	})
}

func (a *acceptance) eventInDryStack() {
	a.stack.terminated(goneNode, a.nets[0])
	a.until("the log has the event's run, a dry one", 5*time.Minute, func() bool {
		return a.stack.logged(`"trigger":"event","dryRun":true`)
	})
	a.expectExist()
}

func (a *acceptance) release() {
	a.stack.deploy("DryRun=false")
	sent := time.Now()
	a.stack.terminated(goneNode, a.nets[0])
	a.untilReleased("what is leaked is released", 3*time.Minute, leaks...)
	if took := time.Since(sent); a.emulated() && took < time.Minute { // by the rule, so after the queue's delay
		fail("it was released after %v, before the queue's delay was over", took)
	}
	for _, name := range leaks {
		a.until("the log has the release of "+a.made[name], time.Minute, func() bool {
			return a.stack.logged(`"message":"released"`, `"interface":"`+a.made[name]+`"`)
		})
	}
	a.expectExist(leaks...)
}

// badUpdate gives the roles a boundary that there is none of, which CloudFormation must roll back.
func (a *acceptance) badUpdate() {
	before := a.stack.outputs
	bad := "PermissionsBoundaryArn=arn:aws:iam::" + a.account + ":policy/there-is-none-" + a.id
	switch err := attempt(func() { a.stack.deploy(bad) }); {
	case err != nil:
		a.log("rolled back: %s", bad)
	case a.emulated():
		a.missing("that CloudFormation rolls back "+bad, "nothing but AWS")
		a.stack.deploy(`PermissionsBoundaryArn=""`)
	default:
		fail("CloudFormation takes %s", bad)
	}
	if after := a.stack.readOutputs(); !maps.Equal(before, after) {
		fail("the stack has changed from %v to %v", before, after)
	}
	a.stack.invoke(`{}`)
}

func (a *acceptance) pause() {
	rule := a.stack.resource("TerminateEventsRule")
	for _, want := range []string{"DISABLED", "ENABLED"} {
		a.stack.deploy("TerminateEvents=" + want)
		if state := ask[string](a.sandbox, "State", "events", "describe_rule", arguments{"Name": rule}); state != want {
			fail("the rule %s is %s, not %s", rule, state, want)
		}
		a.log("the rule is %s", want)
	}
}

// secondStack deploys a stack beside the first one, for the other VPC and on its schedule, with all
// that is optional. It releases what no event did.
func (a *acceptance) secondStack() {
	second := stack{sandbox: a.sandbox, name: a.stack.name + "-2"}
	second.deploy("DryRun=true", "VpcIds="+a.nets[2].vpc, "Dashboard=true", "AlarmTopicArn=arn:aws:sns:"+a.region+":"+a.account+":operators")
	a.until("a scheduled sweep, a dry one, logs what it would release", 4*time.Minute, func() bool {
		return second.logged(`"trigger":"schedule","dryRun":true`, `"released":1,`)
	})
	a.expectExist(leaks...)
	second.deploy("DryRun=false")
	a.untilReleased("a scheduled sweep has released "+a.made[elsewhere.name], 4*time.Minute, elsewhere.name)
}

// redrive sets an invalid environment variable, so that an event fails five times, beside a message
// that is invalid anyway; fixes it, and redrives both.
func (a *acceptance) redrive() {
	good := ask[map[string]string](a.sandbox, "Environment.Variables", "lambda", "get_function_configuration", arguments{"FunctionName": a.stack.outputs["FunctionName"]})
	bad := maps.Clone(good)
	bad["DELETES_PER_MINUTE"] = "many"
	a.stack.configure(bad)
	// With the template's 6 minutes, five receives would take half an hour. AWS takes
	// no less than the function's timeout.
	visibility := "60"
	if a.emulated() {
		visibility = "5"
	}
	a.call("sqs", "set_queue_attributes", arguments{"QueueUrl": a.stack.outputs["QueueUrl"], "Attributes": map[string]string{"VisibilityTimeout": visibility}})
	again := a.make(leaked)
	a.made[leaked.name] = again
	a.stack.send("invalid")
	a.stack.terminated(goneNode, a.nets[0])
	a.stack.untilDeadLetters("the event and the invalid message are dead letters", 2)
	a.stack.configure(good)
	a.stack.moveBack()
	a.untilReleased("the redriven event has released "+again, 5*time.Minute, leaked.name)
	a.stack.untilDeadLetters("the invalid message alone is a dead letter again", 1)
}

// untilDeadLetters waits for a count of dead letters, also of those that are being received.
func (s *stack) untilDeadLetters(what string, want int) {
	names := []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}
	s.until(what, 20*time.Minute, func() bool {
		return want == ask[int](s.sandbox, "sum(map(&to_number(@), values(Attributes)))", "sqs", "get_queue_attributes",
			arguments{"QueueUrl": s.outputs["DeadLetterQueueUrl"], "AttributeNames": names})
	})
}

func (s *stack) configure(variables map[string]string) {
	s.call("lambda", "update_function_configuration", arguments{"FunctionName": s.outputs["FunctionName"], "Environment": arguments{"Variables": variables}})
	s.log("DELETES_PER_MINUTE is set to %q", variables["DELETES_PER_MINUTE"])
	s.until("the function is updated", time.Minute, func() bool {
		status := ask[string](s.sandbox, "LastUpdateStatus", "lambda", "get_function_configuration", arguments{"FunctionName": s.outputs["FunctionName"]})
		return status == "Successful" || status == ""
	})
}

// moveBack redrives the dead letters, one by one where there is no redrive.
func (s *stack) moveBack() {
	err := s.aws.Call("sqs", "start_message_move_task", arguments{"SourceArn": s.outputs["DeadLetterQueueArn"]}, "", nil)
	if err == nil || !s.emulated() {
		must(err)
		return
	}
	s.missing("sqs start-message-move-task", "they were received and sent again")
	dead := s.outputs["DeadLetterQueueUrl"]
	for _, message := range ask[[][2]string](s.sandbox, "Messages[].[Body, ReceiptHandle]", "sqs", "receive_message", arguments{"QueueUrl": dead, "MaxNumberOfMessages": 10}) {
		s.send(message[0])
		s.call("sqs", "delete_message", arguments{"QueueUrl": dead, "ReceiptHandle": message[1]})
	}
}
