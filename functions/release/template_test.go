package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/handler"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

var update = flag.Bool("update", false, "write the golden files anew")

// root is the repository's, seen from this package.
const root = "../.."

// template reads template.yaml with its short forms written out, as
// CloudFormation does: !Ref X is {Ref: X}, !GetAtt A.B is {Fn::GetAtt: A.B}.
func template(t *testing.T) map[string]any {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(read(t, "template.yaml"), &document); err != nil {
		t.Fatal(err)
	}
	value, err := plain(document.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	return value.(map[string]any)
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func plain(node *yaml.Node) (value any, err error) {
	switch node.Kind {
	case yaml.MappingNode:
		fields := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			if fields[node.Content[i].Value], err = plain(node.Content[i+1]); err != nil {
				return nil, err
			}
		}
		value = fields
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, each := range node.Content {
			if list[i], err = plain(each); err != nil {
				return nil, err
			}
		}
		value = list
	default:
		tag := node.Tag
		if strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
			node.Tag = "!!str"
		}
		if err = node.Decode(&value); err != nil {
			return nil, fmt.Errorf("line %d: %w", node.Line, err)
		}
		node.Tag = tag
	}
	switch function, short := strings.CutPrefix(node.Tag, "!"); {
	case !short || strings.HasPrefix(node.Tag, "!!"):
		return value, nil
	case function == "Ref":
		return map[string]any{"Ref": value}, nil
	default:
		return map[string]any{"Fn::" + function: value}, nil
	}
}

// at follows a path of names and indices into a document.
func at(t *testing.T, document any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			document = document.(map[string]any)[step]
		case int:
			document = document.([]any)[step]
		}
		if document == nil {
			t.Fatalf("the template has nothing at %v", path)
		}
	}
	return document
}

func parameters(t *testing.T) map[string]any {
	return at(t, template(t), "Parameters").(map[string]any)
}

// The parameters that reach the function, and by which variable.
func TestEachSettingIsAParameter(t *testing.T) {
	got := at(t, template(t), "Resources", "ReleaseFunction", "Properties", "Environment", "Variables")
	want := map[string]any{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[handler.Settings]()) {
		parameter := strings.NewReplacer("VPCIDs", "VpcIds", "AccountID", "AWS::AccountId").Replace(field.Name)
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		want[name] = map[string]any{"Ref": parameter}
	}
	want["METRICS"] = map[string]any{"Fn::If": []any{"HasReaders", "true", "false"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the template sets  %v\nthe function reads %v", got, want)
	}
}

// The function takes exactly what the template allows, and its defaults.
func TestTheTemplatesLimitsAreTheSettings(t *testing.T) {
	given := func(variable, value string) error {
		environment := map[string]string{}
		for name, value := range at(t, deployed(t, nil), "ReleaseFunction", "Properties", "Environment", "Variables").(map[string]any) {
			environment[name] = value.(string)
		}
		if variable != "" {
			environment[variable] = value
		}
		_, err := handler.ParseSettings(environment)
		return err
	}
	if err := given("", ""); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for parameter, variable := range map[string]string{"GracePeriodMinutes": "GRACE_PERIOD_MINUTES", "DeletesPerMinute": "DELETES_PER_MINUTE"} {
		least, most := at(t, parameters(t), parameter, "MinValue").(int), at(t, parameters(t), parameter, "MaxValue").(int)
		for value, allowed := range map[int]bool{least - 1: false, least: true, most: true, most + 1: false} {
			if err := given(variable, fmt.Sprint(value)); (err == nil) != allowed {
				t.Errorf("the template allows %s from %d to %d, the function says of %d: %v", parameter, least, most, value, err)
			}
		}
	}
}

func TestEachParameterSaysWhatItTakes(t *testing.T) {
	for name, p := range parameters(t) {
		p := p.(map[string]any)
		_, pattern := p["AllowedPattern"]
		_, values := p["AllowedValues"]
		_, least := p["MinValue"]
		if p["Description"] == nil || p["ConstraintDescription"] == nil || !pattern && !values && !least {
			t.Errorf("%s lacks a description, a constraint or its sentence", name)
		}
	}
}

// README.md's table of parameters has each, with its default.
func TestTheReadmeListsTheParameters(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\| `?([^|`]*)`? \\|")
	listed := map[string]string{}
	_, section, _ := strings.Cut(string(read(t, "README.md")), "## Parameters")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, match := range row.FindAllStringSubmatch(section, -1) {
		listed[match[1]] = strings.TrimSpace(match[2])
	}
	want := map[string]string{}
	for name, p := range parameters(t) {
		want[name] = fmt.Sprint(p.(map[string]any)["Default"])
		if want[name] == "" {
			want[name] = "none"
		}
	}
	if !maps.Equal(listed, want) {
		t.Errorf("README.md lists   %v\nthe template has %v", listed, want)
	}
}

// The roles' statements are compared word by word: a change of what the function
// may do is seen in review as a change of the golden file.
func TestTheRolesAreAsReviewed(t *testing.T) {
	resources := at(t, template(t), "Resources").(map[string]any)
	roles := map[string]any{}
	for name, resource := range resources {
		resource := resource.(map[string]any)
		if resource["Type"] != "AWS::IAM::Role" {
			continue
		}
		properties := resource["Properties"].(map[string]any)
		if properties["ManagedPolicyArns"] != nil || properties["PermissionsBoundary"] == nil {
			t.Errorf("%s has a managed policy, or no permissions boundary", name)
		}
		roles[name] = map[string]any{"Assume": properties["AssumeRolePolicyDocument"], "Policies": properties["Policies"]}
	}
	golden := filepath.Join("testdata", "roles.golden.yaml")
	got, err := yaml.Marshal(roles)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(got) != string(want) {
		t.Errorf("the roles differ from %s (%v); if that is meant: go test ./functions/release -run Roles -update\n%s", golden, err, got)
	}
}

// The one write, whatever else changes.
func TestTheOnlyWriteIsDeleteNetworkInterface(t *testing.T) {
	reads := regexp.MustCompile(`^(ec2|autoscaling):Describe`)
	own := []string{"logs:CreateLogStream", "logs:PutLogEvents", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
	statements := at(t, template(t), "Resources", "ReleaseFunctionRole", "Properties", "Policies", 0, "PolicyDocument", "Statement").([]any)
	for _, s := range statements {
		statement := s.(map[string]any)
		if statement["Effect"] != "Allow" {
			continue
		}
		actions, many := statement["Action"].([]any)
		if !many {
			actions = []any{statement["Action"]}
		}
		for _, a := range actions {
			action := a.(string)
			if reads.MatchString(action) || slices.Contains(own, action) {
				continue
			}
			if action != "ec2:DeleteNetworkInterface" || statement["Condition"] == nil || statement["Resource"] == "*" {
				t.Errorf("the role may %s on %v", action, statement["Resource"])
			}
		}
	}
}

// No resource has a name of its own, or one without the stack's: two stacks of a
// region stand side by side.
func TestTwoStacksCanStandSideBySide(t *testing.T) {
	naming := regexp.MustCompile(`^(\w*Name|Name)$`)
	for id, r := range at(t, template(t), "Resources").(map[string]any) {
		resource := r.(map[string]any)
		properties, _ := resource["Properties"].(map[string]any)
		for key, value := range properties {
			if naming.MatchString(key) && key != "MetricName" && !strings.Contains(fmt.Sprint(value), "${AWS::StackName}") {
				t.Errorf("%s has the fixed %s %v", id, key, value)
			}
		}
	}
	if at(t, template(t), "Resources", "ReleaseFunction", "Properties", "Events", "Sweep", "Properties", "OmitName") != true {
		t.Error("SAM would name the schedule without the stack")
	}
}

// The template goes to China and GovCloud as it is: no ARN names a partition, but in
// what a parameter takes.
func TestNoPartitionIsFixed(t *testing.T) {
	for n, line := range strings.Split(string(read(t, "template.yaml")), "\n") {
		if strings.Contains(line, "arn:aws") && !strings.Contains(line, "AllowedPattern: ^(arn:aws[a-z-]*:") {
			t.Errorf("line %d names a partition: %s", n+1, line)
		}
	}
}

// The template's own pattern, held against the samples by the simulator's rule.
func TestTheRulesPatternTakesTerminationsOnly(t *testing.T) {
	pattern, err := json.Marshal(at(t, template(t), "Resources", "TerminateEventsRule", "Properties", "EventPattern"))
	if err != nil {
		t.Fatal(err)
	}
	for _, sample := range events.Samples {
		w := simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(1, 1)), simulator.Options{})
		queue := w.AddQueue(simulator.Queue{Name: "queue"})
		if err := w.AddRule(pattern, queue); err != nil {
			t.Fatal(err)
		}
		w.Emit(sample.Payload())
		w.Advance(time.Minute)
		if got := len(queue.Messages()) == 1; got != sample.ByRule {
			t.Errorf("the pattern takes %s: %t, want %t", sample.Name, got, sample.ByRule)
		}
	}
}

// The constants that no parameter changes.
func TestTheTemplatesConstants(t *testing.T) {
	resources := at(t, template(t), "Resources")
	function := at(t, resources, "ReleaseFunction", "Properties")
	mapping := at(t, function, "Events", "TerminateEvents", "Properties")
	queue := at(t, resources, "TerminateEventsQueue", "Properties")
	timeout := at(t, function, "Timeout").(int)
	for what, pair := range map[string][2]any{
		"memory":             {at(t, function, "MemorySize"), 128},
		"timeout":            {timeout, 60},
		"async retries":      {at(t, function, "EventInvokeConfig", "MaximumRetryAttempts"), 0},
		"schedule's retries": {at(t, function, "Events", "Sweep", "Properties", "RetryPolicy", "MaximumRetryAttempts"), 0},
		"batch window":       {at(t, mapping, "MaximumBatchingWindowInSeconds"), 15},
		"concurrency":        {at(t, mapping, "ScalingConfig", "MaximumConcurrency"), 2},
		"partial answers":    {at(t, mapping, "FunctionResponseTypes", 0), "ReportBatchItemFailures"},
		"delay":              {at(t, queue, "DelaySeconds"), 60},
		"visibility":         {at(t, queue, "VisibilityTimeout"), 6 * timeout},
		"receives":           {at(t, queue, "RedrivePolicy", "maxReceiveCount"), 5},
		"encryption":         {at(t, queue, "SqsManagedSseEnabled"), true},
		"DLQ's encryption":   {at(t, resources, "DeadLetterQueue", "Properties", "SqsManagedSseEnabled"), true},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
		}
	}
	if function.(map[string]any)["ReservedConcurrentExecutions"] != nil {
		t.Error("the function reserves concurrency")
	}
}
