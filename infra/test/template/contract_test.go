// Package template holds the contract of template.yaml: parameters and settings, roles and policies,
// names, constants; and of the module, which package imports which. Start reading at
// contract_test.go. It may import anything but other tests.
package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/handler"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

func parameters(t *testing.T) map[string]any {
	return harness.At(t, harness.Template(t), "Parameters").(map[string]any)
}

// The parameters that reach the function, and by which variable.
func TestEachSettingIsAParameter(t *testing.T) {
	got := harness.At(t, harness.Template(t), "Resources", "ReleaseFunction", "Properties", "Environment", "Variables")
	want := map[string]any{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[handler.Settings]()) {
		parameter := strings.NewReplacer("VPCIDs", "VpcIds", "AccountID", "AWS::AccountId").Replace(field.Name)
		name, _, required := strings.Cut(field.Tag.Get("env"), ",")
		if !required { // the SAM CLI sets it
			continue
		}
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
		environment := harness.Environment(t, nil)
		environment[variable] = value
		_, err := handler.ParseSettings(environment)
		return err
	}
	if err := given("AWS_LAMBDA_FUNCTION_NAME", harness.FunctionName); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for parameter, variable := range map[string]string{"GracePeriodMinutes": "GRACE_PERIOD_MINUTES", "DeletesPerMinute": "DELETES_PER_MINUTE"} {
		least, most := harness.At(t, parameters(t), parameter, "MinValue").(int), harness.At(t, parameters(t), parameter, "MaxValue").(int)
		for value, allowed := range map[int]bool{least - 1: false, least: true, most: true, most + 1: false} {
			if err := given(variable, fmt.Sprint(value)); (err == nil) != allowed {
				t.Errorf("the template allows %s from %d to %d, the function says of %d: %v", parameter, least, most, value, err)
			}
		}
	}
}

var (
	hundred = strings.Repeat("a", 100)
	arnOf   = func(rest string) string { return "arn:aws-cn:" + rest }
)

// taken are values at the edges of what each parameter takes, without a blank: the default, too, which may be empty.
var taken = map[string]struct{ takes, refuses []string }{
	"DryRun":             {[]string{"true", "false"}, []string{"", "True"}},
	"ReleaseUntagged":    {[]string{"true", "false"}, []string{"", "True"}},
	"Dashboard":          {[]string{"true", "false"}, []string{"", "True"}},
	"VpcIds":             {[]string{"", "vpc-12345678,vpc-0123456789abcdef0"}, []string{"vpc-123456789", "vpc-12345678,", "vpc-12345678, vpc-12345678", "vpc-12345678x", "subnet-12345678"}},
	"ClusterNames":       {[]string{"", "blue,G_2.b-c", hundred + "," + hundred}, []string{"*", "bl*", "-blue", "blue,", "blue, green", hundred + "a", hundred + "a,b", "b," + hundred + "a"}},
	"GracePeriodMinutes": {[]string{"22", "1440"}, []string{"21", "1441"}},
	"DeletesPerMinute":   {[]string{"1"}, []string{"0"}},
	"ScheduleExpression": {[]string{"rate(1 minute)", "rate(10 hours)", "cron(0/5 * * * ? *)"}, []string{"", "rate(0 minutes)", "rate(1 second)", "a rate(1 minute)", "rate(1 minute) "}},
	"TerminateEvents":    {[]string{"ENABLED", "DISABLED"}, []string{"", "OFF"}},
	"StateChangeEvents":  {[]string{"ENABLED", "DISABLED"}, []string{"", "OFF"}},
	"AlarmTopicArn":      {[]string{"", arnOf("sns:cn-north-1:123456789012:a_B-2")}, []string{arnOf("sqs:cn-north-1:123456789012:a"), arnOf("sns:cn-north-1:1234567890123:a"), arnOf("sns:cn-north-1:123456789012:a.fifo")}},
	"LeaksPerHour":       {[]string{"1", "3600"}, []string{"0", "3601"}},
	"LogLevel":           {[]string{"DEBUG", "INFO", "WARN", "ERROR"}, []string{"", "WARNING", "info"}},
	"LogRetentionDays":   {[]string{"1", "3", "3653"}, []string{"0", "2", "3654"}},
	"PermissionsBoundaryArn": {[]string{"", arnOf("iam::123456789012:policy/a/b"), arnOf("iam::aws:policy/b")},
		[]string{arnOf("iam::123456789012:role/a"), arnOf("iam::123456789012:policy/"), arnOf("iam::1234567890123:policy/a")}},
	"Architecture": {[]string{"arm64", "x86_64"}, []string{"", "amd64"}},
}

func TestEachParameterSaysWhatItTakes(t *testing.T) {
	for name, p := range parameters(t) {
		p := p.(map[string]any)
		if p["Description"] == nil || p["ConstraintDescription"] == nil || taken[name].takes == nil {
			t.Errorf("%s lacks a description, the sentence of its constraint, or a row of taken", name)
		}
		allows := func(value string) bool {
			number, err := strconv.Atoi(value)
			switch {
			case p["AllowedPattern"] != nil: // the whole value (CloudFormation User Guide, "Parameters")
				return regexp.MustCompile(`^(?:` + p["AllowedPattern"].(string) + `)$`).MatchString(value)
			case p["AllowedValues"] != nil:
				return slices.ContainsFunc(p["AllowedValues"].([]any), func(one any) bool { return fmt.Sprint(one) == value })
			}
			return err == nil && number >= p["MinValue"].(int) && number <= p["MaxValue"].(int)
		}
		for _, value := range taken[name].takes {
			if !allows(value) {
				t.Errorf("%s refuses %q", name, value)
			}
		}
		if i := slices.IndexFunc(taken[name].refuses, allows); i >= 0 {
			t.Errorf("%s takes %q", name, taken[name].refuses[i])
		}
	}
}

// The outputs are what the runbook's commands take.
func TestTheOutputs(t *testing.T) {
	for name, want := range map[string]string{
		"FunctionName": "map[Ref:ReleaseFunction]", "LogGroupName": "map[Ref:ReleaseFunctionLogGroup]", "QueueUrl": "map[Ref:TerminateEventsQueue]",
		"DeadLetterQueueUrl": "map[Ref:DeadLetterQueue]", "DeadLetterQueueArn": "map[Fn::GetAtt:DeadLetterQueue.Arn]",
	} {
		if got := fmt.Sprint(harness.At(t, harness.Template(t), "Outputs", name, "Value")); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
}

// README.md's table of parameters has each, with its default.
func TestTheReadmeListsTheParameters(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\| `?([^|`]*)`? \\|")
	listed := map[string]string{}
	_, section, _ := strings.Cut(string(harness.Read(t, "README.md")), "## Parameters")
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

// No resource has a name of its own, or one without the stack's: two stacks of a
// region stand side by side.
func TestTwoStacksCanStandSideBySide(t *testing.T) {
	naming := regexp.MustCompile(`^(\w*Name|Name)$`)
	for id, r := range harness.At(t, harness.Template(t), "Resources").(map[string]any) {
		resource := r.(map[string]any)
		properties, _ := resource["Properties"].(map[string]any)
		for key, value := range properties {
			if naming.MatchString(key) && key != "MetricName" && !strings.Contains(fmt.Sprint(value), "${AWS::StackName}") {
				t.Errorf("%s has the fixed %s %v", id, key, value)
			}
		}
	}
	if harness.At(t, harness.Template(t), "Resources", "ReleaseFunction", "Properties", "Events", "Sweep", "Properties", "OmitName") != true {
		t.Error("SAM would name the schedule without the stack")
	}
}

// The template goes to China and GovCloud as it is: no ARN names a partition, but in
// what a parameter takes.
func TestNoPartitionIsFixed(t *testing.T) {
	for n, line := range strings.Split(string(harness.Read(t, "template.yaml")), "\n") {
		if strings.Contains(line, "arn:aws") && !strings.Contains(line, "AllowedPattern: ^(arn:aws[a-z-]*:") {
			t.Errorf("line %d names a partition: %s", n+1, line)
		}
	}
}

// The template's own patterns, on the samples, by the simulator's rules: no sample comes twice, and none
// of another source or kind comes. The way that an instance went matters only where it leads to a warm pool.
func TestTheRulesPatternsTakeTerminationsOnly(t *testing.T) {
	expect := func(event []byte, want int) {
		taken, r := 0, harness.NewRegion(t, 1, simulator.Options{})
		r.Do(func() {
			for _, rule := range []string{"TerminateEventsRule", "StateChangeEventsRule"} {
				pattern := harness.Must(json.Marshal(harness.At(t, harness.Deployed(t, nil), rule, "Properties", "EventPattern")))(t)
				harness.OK(t, r.Bus.AddRule(pattern, func([]byte) { taken++ }))
			}
			r.Bus.Emit(event)
		})
		r.Advance(time.Minute)
		if taken != want {
			t.Errorf("the patterns take %s\n%d times, want %d", event, taken, want)
		}
	}
	for _, sample := range events.Samples {
		if !sample.ByRule {
			expect(sample.Payload(), 0)
			continue
		}
		expect(sample.Payload(), 1)
		for _, change := range [][]string{{`"aws.autoscaling"`, `"aws.ec2"`, `"my.app"`}, {`Terminate Successful"`, `State-change Notification"`, `"`}, {`"terminated"`, `"terminated"`, `"shutting-down"`}} {
			other := strings.NewReplacer(change[0], change[2], change[1], change[2]).Replace(string(sample.Payload()))
			if other != string(sample.Payload()) {
				expect([]byte(other), 0)
			}
		}
		for _, destination := range []string{`"Destination":"EC2"`, `"Destination":"AutoScalingGroup"`, `"Older":""`} {
			expect(regexp.MustCompile(`"Destination": *"[^"]*"`).ReplaceAll(sample.Payload(), []byte(destination)), 1)
		}
	}
}
