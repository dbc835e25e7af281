package main

import (
	"errors"
	"maps"
	"time"
)

// redrive breaks the function's setting by hand, as somebody in a hurry would, so that an event
// fails five times, beside a message that is invalid anyway; mends it, and redrives both.
func (a *acceptance) redrive() error {
	var now struct {
		Environment struct{ Variables map[string]string }
	}
	if err := a.aws.Call("lambda", "get_function_configuration", map[string]any{"FunctionName": a.stack.FunctionName}, &now); err != nil {
		return err
	}
	bad := maps.Clone(now.Environment.Variables)
	bad["DELETES_PER_MINUTE"] = "many"
	if err := a.configure(bad); err != nil {
		return err
	}
	// With the template's 6 minutes, five receives would take half an hour. AWS takes
	// no less than the function's timeout.
	visibility := "60"
	if a.emulated() {
		visibility = "5"
	}
	if err := a.aws.Call("sqs", "set_queue_attributes", map[string]any{"QueueUrl": a.stack.QueueURL, "Attributes": map[string]string{"VisibilityTimeout": visibility}}, nil); err != nil {
		return err
	}
	again, err := a.remake("leaked")
	if err != nil {
		return err
	}
	if err := errors.Join(a.send("invalid"), a.terminated(goneNode)); err != nil {
		return err
	}
	if err := a.untilDeadLetters("the event and the invalid message are dead letters", 2); err != nil {
		return err
	}
	if err := a.configure(now.Environment.Variables); err != nil {
		return err
	}
	if err := a.moveBack(); err != nil {
		return err
	}
	if err := a.until("the redriven event has released "+again, 5*time.Minute, func() (bool, error) {
		there, err := a.there()
		return !there["leaked"], err
	}); err != nil {
		return err
	}
	return a.untilDeadLetters("the invalid message alone is a dead letter again", 1)
}

func (a *acceptance) untilDeadLetters(what string, want int) error {
	return a.until(what, 20*time.Minute, func() (bool, error) {
		count, err := a.waiting(a.stack.DeadLetterQueueURL)
		return count == want, err
	})
}

func (a *acceptance) configure(variables map[string]string) error {
	if err := a.aws.Call("lambda", "update_function_configuration", map[string]any{"FunctionName": a.stack.FunctionName, "Environment": map[string]any{"Variables": variables}}, nil); err != nil {
		return err
	}
	a.say("DELETES_PER_MINUTE is set to %q", variables["DELETES_PER_MINUTE"])
	return a.until("the function is updated", time.Minute, func() (bool, error) {
		var now struct{ LastUpdateStatus string }
		err := a.aws.Call("lambda", "get_function_configuration", map[string]any{"FunctionName": a.stack.FunctionName}, &now)
		return now.LastUpdateStatus == "Successful" || now.LastUpdateStatus == "", err
	})
}

// moveBack redrives the dead letters, by hand where there is no redrive.
func (a *acceptance) moveBack() error {
	if err := a.aws.Call("sqs", "start_message_move_task", map[string]any{"SourceArn": a.stack.DeadLetterQueueARN}, nil); err == nil || !a.emulated() {
		return err
	}
	a.missing("sqs start-message-move-task", "the message was received and sent again")
	var answer struct {
		Messages []struct{ Body, ReceiptHandle string }
	}
	if err := a.aws.Call("sqs", "receive_message", map[string]any{"QueueUrl": a.stack.DeadLetterQueueURL, "MaxNumberOfMessages": 10}, &answer); err != nil {
		return err
	}
	for _, message := range answer.Messages {
		if err := a.aws.Call("sqs", "send_message", map[string]any{"QueueUrl": a.stack.QueueURL, "MessageBody": message.Body, "DelaySeconds": 0}, nil); err != nil {
			return err
		}
		if err := a.aws.Call("sqs", "delete_message", map[string]any{"QueueUrl": a.stack.DeadLetterQueueURL, "ReceiptHandle": message.ReceiptHandle}, nil); err != nil {
			return err
		}
	}
	return nil
}
