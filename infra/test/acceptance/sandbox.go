package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
)

// A sandbox is the account that a run works in.
type sandbox struct {
	region, account string
	configEnv       string // of samconfig.toml
	id              string // of the run: all that it makes is tagged with it; "" is any run's
	ctx             context.Context
	aws             *boto3.Client
	environment     []string
	begun           time.Time
	poll            time.Duration // between two looks
	notShown        []string
}

// failure ends a step, however deep it happens: a step is a script, in which all must succeed.
type failure struct{ error }

func fail(format string, values ...any) { panic(failure{fmt.Errorf(format, values...)}) }

func must(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// attempt returns the failure that ends a step.
func attempt(step func()) (err error) {
	defer func() {
		if ended := recover(); ended != nil {
			err = ended.(failure).error
		}
	}()
	step()
	return nil
}

// arguments are those of a call.
type arguments = boto3.Arguments

func (s *sandbox) call(service, operation string, with arguments) {
	must(s.aws.Call(service, operation, with, "", nil))
}

// ask makes a call and returns what a query finds in its answer.
func ask[T any](s *sandbox, query, service, operation string, with arguments) (answer T) {
	must(s.aws.Call(service, operation, with, query, &answer))
	return answer
}

// sam runs the SAM CLI; its failure ends with what it printed last.
func (s *sandbox) sam(words ...string) {
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(".venv", "bin", "sam"), words...)
	command.Env = s.environment
	if out, err := command.CombinedOutput(); err != nil {
		fail("sam %s: %w\n%s", words[0], err, out[max(0, len(out)-1500):])
	}
}

// emulated reports whether this is not AWS, but stand-ins of it.
func (s *sandbox) emulated() bool { return os.Getenv("AWS_ENDPOINT_URL") != "" }

func (s *sandbox) log(format string, values ...any) {
	fmt.Printf("%4.0f s  %s\n", time.Since(s.begun).Seconds(), fmt.Sprintf(format, values...))
}

// until waits for what is true in the end.
func (s *sandbox) until(what string, patience time.Duration, done func() bool) {
	for limit := time.Now().Add(patience); !done(); {
		if time.Now().After(limit) {
			fail("timed out after %v waiting until %s", patience, what)
		}
		s.sleep(s.poll)
	}
	s.log("%s", what)
}

func (s *sandbox) sleep(while time.Duration) {
	select {
	case <-s.ctx.Done():
		fail("interrupted")
	case <-time.After(while):
	}
}

// missing notes what could not be shown here, and what shows it instead.
func (s *sandbox) missing(what, instead string) {
	s.notShown = append(s.notShown, what+": "+instead)
	s.log("not shown here: %s", what)
}

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
