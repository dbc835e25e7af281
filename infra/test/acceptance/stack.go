package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A stack is the deployed template, by its outputs.
type stack struct{ name, FunctionName, LogGroupName, QueueURL, DeadLetterQueueURL, DeadLetterQueueARN string }

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
	deployed, err := a.deployAs(a.stackName(), parameters...)
	if err == nil {
		a.stack = deployed
	}
	return err
}

func (a *acceptance) deployAs(name string, parameters ...string) (stack, error) {
	architecture := "arm64"
	if a.configEnv == "x86_64" {
		architecture = "x86_64"
	}
	err := a.sam(append([]string{"deploy", "--config-env", a.configEnv, "--stack-name", name, "--region", a.region,
		"--no-confirm-changeset", "--no-fail-on-empty-changeset", "--tags", tagRun + "=" + a.id, "--parameter-overrides", "Architecture=" + architecture}, parameters...)...)
	if err != nil {
		return stack{}, err
	}
	a.say("sam deploy, %s", strings.Join(parameters, " "))
	outputs, err := a.outputs(name)
	return stack{name, outputs["FunctionName"], outputs["LogGroupName"], outputs["QueueUrl"], outputs["DeadLetterQueueUrl"], outputs["DeadLetterQueueArn"]}, err
}

func (a *acceptance) outputs(name string) (map[string]string, error) {
	var answer struct {
		Stacks []struct {
			Outputs []struct{ OutputKey, OutputValue string }
		}
	}
	if err := a.aws.Call("cloudformation", "describe_stacks", map[string]any{"StackName": name}, &answer); err != nil {
		return nil, err
	}
	outputs := map[string]string{}
	for _, output := range answer.Stacks[0].Outputs {
		outputs[output.OutputKey] = output.OutputValue
	}
	return outputs, nil
}

// A resource is one of a stack's.
type resource struct{ LogicalResourceID, PhysicalResourceID, ResourceType string }

func (a *acceptance) resources(s stack) ([]resource, error) {
	var answer struct{ StackResources []resource }
	err := a.aws.Call("cloudformation", "describe_stack_resources", map[string]any{"StackName": s.name}, &answer)
	return answer.StackResources, err
}

// resource returns the physical ID of one of the stack's resources.
func (a *acceptance) resource(logical string) (string, error) {
	all, err := a.resources(a.stack)
	for _, each := range all {
		if each.LogicalResourceID == logical {
			return each.PhysicalResourceID, nil
		}
	}
	return "", cmp.Or(err, fmt.Errorf("the stack has no %s", logical))
}

// deleteStacks deletes this run's stacks, or any run's where it only cleans.
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
			if strings.HasPrefix(each.StackName, a.stackName()) || a.clean && strings.HasPrefix(each.StackName, stackPrefix) {
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

// logged reports whether a line of the function's log has these texts.
func (a *acceptance) logged(texts ...string) (bool, error) {
	for page := map[string]any{"logGroupName": a.stack.LogGroupName}; ; {
		var answer struct {
			Events    []struct{ Message string }
			NextToken string
		}
		if err := a.aws.Call("logs", "filter_log_events", page, &answer); err != nil {
			return false, err
		}
		for _, event := range answer.Events {
			if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(event.Message, text) }) {
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

// terminated sends the event of a node's end. AWS takes no event of Auto Scaling's source from
// anybody else: there it is put into the queue, as the rule does, without the delay.
func (a *acceptance) terminated(node string) error {
	a.say("told: %s was terminated", node)
	detail := map[string]any{"EC2InstanceId": node, "AutoScalingGroupName": "releaser-acceptance", "Details": map[string]string{"Subnet ID": a.nets[0]}, "Destination": "EC2"}
	const source, kind = "aws.autoscaling", "EC2 Instance Terminate Successful"
	if a.emulated() {
		text, err := json.Marshal(detail)
		if err != nil {
			return err
		}
		entry := map[string]any{"Source": source, "DetailType": kind, "Resources": []string{}, "Detail": string(text)}
		return a.aws.Call("events", "put_events", map[string]any{"Entries": []any{entry}}, nil)
	}
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": "0acce97a-0000-0000-0000-000000000000", "source": source, "detail-type": kind,
		"account": a.account, "region": a.region, "time": time.Now().UTC().Format(time.RFC3339), "resources": []string{}, "detail": detail,
	})
	if err != nil {
		return err
	}
	return a.send(string(event))
}

// send sends a message to the function's queue, without its delay.
func (a *acceptance) send(body string) error {
	return a.aws.Call("sqs", "send_message", map[string]any{"QueueUrl": a.stack.QueueURL, "MessageBody": body, "DelaySeconds": 0}, nil)
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
