package main

import (
	"maps"
	"time"
)

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
