package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
)

// A stack is the deployed template.
type stack struct {
	*sandbox
	name    string
	outputs map[string]string
}

// stackPrefix begins the names of all stacks that this program makes.
const stackPrefix = "releaser-acceptance-"

// deploy makes or changes the stack. Of one that exists, CloudFormation keeps the
// parameters that are not given.
func (s *stack) deploy(parameters ...string) {
	architecture := "arm64"
	if s.configEnv == "x86_64" {
		architecture = "x86_64"
	}
	s.sam(append([]string{"deploy", "--config-env", s.configEnv, "--stack-name", s.name, "--region", s.region,
		"--no-confirm-changeset", "--no-fail-on-empty-changeset", "--tags", tagRun + "=" + s.id, "--parameter-overrides", "Architecture=" + architecture}, parameters...)...)
	s.log("sam deploy, %s", strings.Join(parameters, " "))
	s.outputs = s.readOutputs()
}

func (s *stack) readOutputs() map[string]string {
	outputs := map[string]string{}
	for _, output := range ask[[][2]string](s.sandbox, "Stacks[0].Outputs[].[OutputKey, OutputValue]", "cloudformation", "describe_stacks", arguments{"StackName": s.name}) {
		outputs[output[0]] = output[1]
	}
	return outputs
}

// resource returns the physical ID of one of the stack's resources.
func (s *stack) resource(logical string) string {
	query := fmt.Sprintf("StackResources[?LogicalResourceId == '%s'].PhysicalResourceId | [0]", logical)
	return ask[string](s.sandbox, query, "cloudformation", "describe_stack_resources", arguments{"StackName": s.name})
}

// A resource is one of a stack's.
type resource struct{ PhysicalResourceID, ResourceType string }

func (s *stack) resources() []resource {
	return ask[[]resource](s.sandbox, "StackResources", "cloudformation", "describe_stack_resources", arguments{"StackName": s.name})
}

// logged reports whether a line of the function's log has these texts.
func (s *stack) logged(texts ...string) bool {
	lines := ask[[]string](s.sandbox, "events[].message", "logs", "filter_log_events", arguments{"logGroupName": s.outputs["LogGroupName"]})
	return slices.ContainsFunc(lines, func(line string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
	})
}

// invoke runs the function manually.
func (s *stack) invoke(payload string) eni.Report {
	text := ask[string](s.sandbox, "Payload", "lambda", "invoke", arguments{"FunctionName": s.outputs["FunctionName"], "Payload": payload})
	var answer struct {
		eni.Report
		ErrorMessage string
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		fail("the function answers %.300s: %w", text, err)
	}
	if answer.ErrorMessage != "" {
		must(errors.New(answer.ErrorMessage))
	}
	return answer.Report
}

// terminated sends the event of a node's end in a subnet. AWS takes no event of Auto Scaling's source
// from anybody else: there it is put into the queue, as the rule does, without the delay.
func (s *stack) terminated(node string, in subnet) {
	s.log("sent: %s was terminated", node)
	event := strings.NewReplacer(events.Instance, node, events.Subnet, in.id).Replace(string(events.Payload("terminate")))
	if !s.emulated() {
		s.send(event)
		return
	}
	var parts struct {
		Source string
		Type   string `json:"detail-type"`
		Detail json.RawMessage
	}
	must(json.Unmarshal([]byte(event), &parts))
	entry := arguments{"Source": parts.Source, "DetailType": parts.Type, "Resources": []string{}, "Detail": string(parts.Detail)}
	s.call("events", "put_events", arguments{"Entries": []arguments{entry}})
}

// send sends a message to the function's queue, without its delay.
func (s *stack) send(body string) {
	s.call("sqs", "send_message", arguments{"QueueUrl": s.outputs["QueueUrl"], "MessageBody": body, "DelaySeconds": 0})
}
