package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A stack is the deployed template, by its outputs.
type stack struct{ FunctionName, LogGroupName, QueueURL, DeadLetterQueueURL, DeadLetterQueueARN string }

// stackPrefix begins the names of all stacks that this program makes.
const stackPrefix = "releaser-acceptance-"

func (a *acceptance) stackName() string { return stackPrefix + a.id }

// sam runs the SAM CLI; its error ends with what it printed last.
func (a *acceptance) sam(arguments ...string) error {
	ctx, cancel := context.WithTimeout(a.ctx, 10*time.Minute)
	defer cancel()
	var out bytes.Buffer
	command := exec.CommandContext(ctx, filepath.Join(".venv", "bin", "sam"), arguments...)
	command.Env, command.Stdout, command.Stderr = a.environment, &out, &out
	if err := command.Run(); err != nil {
		text := out.String()
		return fmt.Errorf("sam %s: %w\n%s", arguments[0], err, text[max(0, len(text)-1500):])
	}
	return nil
}

// deploy makes or changes the stack. Of one that exists, CloudFormation keeps the
// parameters that are not given.
func (a *acceptance) deploy(parameters ...string) error {
	architecture := "arm64"
	if a.configEnv == "x86_64" {
		architecture = "x86_64"
	}
	err := a.sam(append([]string{"deploy", "--config-env", a.configEnv, "--stack-name", a.stackName(), "--region", a.region,
		"--no-confirm-changeset", "--no-fail-on-empty-changeset", "--tags", tagRun + "=" + a.id, "--parameter-overrides", "Architecture=" + architecture}, parameters...)...)
	if err != nil {
		return err
	}
	a.say("sam deploy, %s", strings.Join(parameters, " "))
	outputs, err := a.outputs()
	if err != nil {
		return err
	}
	a.stack = stack{outputs["FunctionName"], outputs["LogGroupName"], outputs["QueueUrl"], outputs["DeadLetterQueueUrl"], outputs["DeadLetterQueueArn"]}
	return nil
}

func (a *acceptance) outputs() (map[string]string, error) {
	var answer struct {
		Stacks []struct {
			Outputs []struct{ OutputKey, OutputValue string }
		}
	}
	if err := a.aws.Call("cloudformation", "describe_stacks", map[string]any{"StackName": a.stackName()}, &answer); err != nil {
		return nil, err
	}
	outputs := map[string]string{}
	for _, output := range answer.Stacks[0].Outputs {
		outputs[output.OutputKey] = output.OutputValue
	}
	return outputs, nil
}

// resource is the physical id of one of the stack's resources.
func (a *acceptance) resource(logical string) (string, error) {
	var answer struct {
		StackResourceDetail struct{ PhysicalResourceID string }
	}
	err := a.aws.Call("cloudformation", "describe_stack_resource", map[string]any{"StackName": a.stackName(), "LogicalResourceId": logical}, &answer)
	return answer.StackResourceDetail.PhysicalResourceID, err
}

// deleteStacks deletes this run's stack, or any run's where it only cleans.
func (a *acceptance) deleteStacks() error {
	var names []string
	for page := map[string]any{}; page != nil; {
		var answer struct {
			Stacks    []struct{ StackName string }
			NextToken string
		}
		if err := a.aws.Call("cloudformation", "describe_stacks", page, &answer); err != nil {
			return err
		}
		for _, each := range answer.Stacks {
			if each.StackName == a.stackName() || a.clean && strings.HasPrefix(each.StackName, stackPrefix) {
				names = append(names, each.StackName)
			}
		}
		if page = nil; answer.NextToken != "" {
			page = map[string]any{"NextToken": answer.NextToken}
		}
	}
	var failures []error
	for _, name := range names {
		failures = append(failures, a.sam("delete", "--stack-name", name, "--region", a.region, "--no-prompts"))
		a.say("deleted the stack %s", name)
	}
	return errors.Join(failures...)
}

// logged tells whether a line of the function's log has this text.
func (a *acceptance) logged(text string) (bool, error) {
	for page := map[string]any{"logGroupName": a.stack.LogGroupName}; ; {
		var answer struct {
			Events    []struct{ Message string }
			NextToken string
		}
		if err := a.aws.Call("logs", "filter_log_events", page, &answer); err != nil {
			return false, err
		}
		for _, event := range answer.Events {
			if strings.Contains(event.Message, text) {
				return true, nil
			}
		}
		if answer.NextToken == "" {
			return false, nil
		}
		page["nextToken"] = answer.NextToken
	}
}

// A report is the function's answer to a run by hand.
type report struct {
	Found, Released int
	Interfaces      []struct{ ID, Decision, Reason string }
	ErrorMessage    string
}

// invoke runs the function by hand.
func (a *acceptance) invoke(payload string) (r report, err error) {
	var answer struct{ Payload string }
	if err := a.aws.Call("lambda", "invoke", map[string]any{"FunctionName": a.stack.FunctionName, "Payload": payload}, &answer); err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(answer.Payload), &r); err != nil {
		return r, fmt.Errorf("the function answers %.300s: %w", answer.Payload, err)
	}
	if r.ErrorMessage != "" {
		return r, errors.New(r.ErrorMessage)
	}
	return r, nil
}

// tell puts the end of a node into the queue, as the rule does with Auto Scaling's event; it need not settle.
func (a *acceptance) tell(node string) error {
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": "0acce97a-0000-0000-0000-000000000000", "source": "aws.autoscaling", "detail-type": "EC2 Instance Terminate Successful",
		"account": a.account, "region": a.region, "time": time.Now().UTC().Format(time.RFC3339), "resources": []string{},
		"detail": map[string]any{"EC2InstanceId": node, "AutoScalingGroupName": "releaser-acceptance", "Details": map[string]string{"Subnet ID": a.nets[0]}, "Destination": "EC2"},
	})
	if err != nil {
		return err
	}
	a.say("told: %s was terminated", node)
	return a.aws.Call("sqs", "send_message", map[string]any{"QueueUrl": a.stack.QueueURL, "MessageBody": string(event), "DelaySeconds": 0}, nil)
}

// waiting is how many messages are in a queue, also those that a run has in hand.
func (a *acceptance) waiting(queue string) (count int, err error) {
	var answer struct{ Attributes map[string]json.Number }
	names := []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}
	if err := a.aws.Call("sqs", "get_queue_attributes", map[string]any{"QueueUrl": queue, "AttributeNames": names}, &answer); err != nil {
		return 0, err
	}
	for _, name := range names {
		n, _ := answer.Attributes[name].Int64()
		count += int(n)
	}
	return count, nil
}
