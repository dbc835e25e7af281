package cloudformation

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// deploy reads and deploys the repository's template.
func deploy(t *testing.T, given map[string]string) Resources {
	t.Helper()
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	template, err := Read(text)
	if err != nil {
		t.Fatal(err)
	}
	resources, err := template.Deploy(given)
	if err != nil {
		t.Fatal(err)
	}
	return resources
}

func at(t *testing.T, document any, path ...any) string {
	t.Helper()
	value, err := At(document, path...)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(value)
}

// The repository's template deploys without parameters, and with lists and conditions filled.
func TestTheTemplateDeploys(t *testing.T) {
	resources := deploy(t, nil)
	if _, made := resources["DeadLetterAlarm"]; made {
		t.Error("the defaults make an alarm")
	}
	full := deploy(t, map[string]string{"AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:operators", "VpcIds": "vpc-01234567,vpc-89abcdef"})
	vpcs := []any{"ReleaseFunctionRole", "Properties", "Policies", 0, "PolicyDocument", "Statement", 0, "Condition", "ArnLike", "ec2:Vpc"}
	for _, c := range []struct {
		resources Resources
		want      string
		path      []any
	}{
		{resources, "30", []any{"ReleaseFunction", "Properties", "Environment", "Variables", "GRACE_PERIOD_MINUTES"}},
		{resources, "releaser-ReleaseFunction", []any{"ReleaseFunction", "PhysicalResourceId"}},
		{resources, "/aws/lambda/releaser", []any{"ReleaseFunctionLogGroup", "PhysicalResourceId"}},
		{full, "arn:aws:sns:eu-west-1:123456789012:operators", []any{"DeadLetterAlarm", "Properties", "AlarmActions", 0}},
		{full, "[arn:*:ec2:*:*:vpc/vpc-01234567 arn:*:ec2:*:*:vpc/vpc-89abcdef]", vpcs},
	} {
		if got := at(t, c.resources, c.path...); got != c.want {
			t.Errorf("%v is %s, want %s", c.path, got, c.want)
		}
	}
}

// small is a template whose CONDITION and VALUE each case below replaces.
const small = `
Parameters:
  Name: {Type: String, Default: blue, AllowedPattern: "[a-z,]*"}
  Count: {Type: Number, Default: 3, MinValue: 1, MaxValue: 5}
  Kind: {Type: String, Default: a, AllowedValues: [a, b]}
Conditions:
  IsBlue: !Equals [!Ref Name, blue]
  Asked: CONDITION
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Named: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${Name}-queue"}}
  Never: {Type: AWS::SQS::Queue, Condition: IsRed}
  Table: {Type: AWS::DynamoDB::Table}
  Thing: {Type: Thing, Condition: Asked, Properties: {Value: VALUE}}
`

func deploySmall(condition, value string, given map[string]string) (Resources, error) {
	text := strings.NewReplacer("IsBlue:", "IsRed: !Not [Condition: IsBlue]\n  IsBlue:", "CONDITION", condition, "VALUE", value).Replace(small)
	template, err := Read([]byte(text))
	if err != nil {
		return nil, err
	}
	return template.Deploy(given)
}

func TestFunctions(t *testing.T) {
	for value, want := range map[string]string{
		"plain": "plain", "12": "12", "!Ref Name": "blue", "!Ref Count": "3", "!Ref Queue": "releaser-Queue", "!Ref AWS::Region": "eu-west-1",
		"!Ref Named": "blue-queue", "!GetAtt Named.Arn": "arn:aws:sqs:eu-west-1:123456789012:blue-queue", "!GetAtt Queue.QueueName": "releaser-Queue",
		"!If [IsBlue, !Ref Name, red]": "blue", "!If [IsRed, red, other]": "other",
		"{a: !If [IsRed, 1, !Ref AWS::NoValue], b: 2}": "map[b:2]", "[1, !Ref AWS::NoValue]": "[1]",
		`!Sub "${Name} ${!Name} ${Queue.QueueName}"`: "blue ${Name} releaser-Queue", `!Sub ["${A}-${Name}", {A: !Ref Count}]`: "3-blue",
		`!Join ["-", [a, !Ref Count]]`: "a-3", `!Split [",", "a,b"]`: "[a b]", "{Fn::Split: [\",\", !Ref Name]}": "[blue]",
	} {
		resources, err := deploySmall("!Equals [a, a]", value, nil)
		if err != nil {
			t.Errorf("%s: %v", value, err)
		} else if got := at(t, resources, "Thing", "Properties", "Value"); got != want {
			t.Errorf("%s is %s, want %s", value, got, want)
		}
	}
}

func TestConditions(t *testing.T) {
	for condition, want := range map[string]bool{
		"!Equals [a, b]": false, "!Not [!Equals [a, b]]": true, "!Equals [!Ref Count, 3]": true, "!Not [!Condition IsBlue]": false,
		"!And [{Condition: IsBlue}, {Condition: IsRed}]": false, "!And [{Condition: IsBlue}, !Equals [!Ref Kind, a]]": true,
		"!Or [{Condition: IsBlue}, {Condition: IsRed}]": true, "!Or [{Condition: IsRed}, !Equals [a, b]]": false,
	} {
		resources, err := deploySmall(condition, "1", nil)
		if err != nil {
			t.Errorf("%s: %v", condition, err)
		} else if _, made := resources["Thing"]; made != want {
			t.Errorf("%s makes the resource: %v", condition, made)
		}
	}
}

// What is not supported, or not there, is an error that names it.
func TestWhatIsNotSupportedIsAnError(t *testing.T) {
	for value, named := range map[string]string{
		"!Select [0, [a]]": "Fn::Select", "!ImportValue x": "Fn::ImportValue", "!Ref Nothing": "Nothing", "!Ref AWS::StackId": "AWS::StackId",
		"!GetAtt Queue.Color": "Color", "!GetAtt [Queue, Arn]": "[Queue Arn]", "!GetAtt Name.Arn": "Name", "!Ref Table": "AWS::DynamoDB::Table",
		"!Ref Never": "Never", "!Sub '${Gone.Arn}'": "Gone", "!If [IsGreen, 1, 2]": "IsGreen", "!If [IsBlue, 1]": "3 arguments",
		"{Ref: Name, Fn::Sub: a}": "beside it", "!Join [a, b]": "not a list", "!Join [',', [[a]]]": "not a text",
		"[&a 1, *a]": "aliases", "{a: 1, a: 2}": `"a"`, "!Ref {a: b}": "not a text",
	} {
		wantError(t, value, named, "!Equals [a, a]", value, nil)
	}
	for condition, named := range map[string]string{
		"!Condition IsGreen": "IsGreen", "!Contains [a]": "Fn::Contains", "[a]": "not a mapping", "!Equals [a]": "2 arguments", "{Fn::Not: [a], Fn::Or: [a]}": "Fn::Or",
	} {
		wantError(t, condition, named, condition, "1", nil)
	}
	for given, named := range map[string]string{"Nothing=1": "Nothing", "Name=RED": "AllowedPattern", "Count=0": "MinValue", "Count=6": "MaxValue", "Count=x": "not a number", "Kind=c": "AllowedValues"} {
		name, value, _ := strings.Cut(given, "=")
		wantError(t, given, named, "!Equals [a, a]", "1", map[string]string{name: value})
	}
	for text, named := range map[string]string{"": "empty", "[1]": "not a mapping", "Globals: {}": "Globals", "Transform: Macro": "Macro", "{": "yaml"} {
		if _, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("%q: %v, want an error that names %s", text, err, named)
		}
	}
	for text, named := range map[string]string{"{Type: List<Number>, Default: 1}": "List<Number>", "{Type: String}": "no default", "{Type: String, Default: a, MaxLength: 2}": "MaxLength"} {
		template, err := Read([]byte("Parameters: {Name: " + text + "}"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := template.Deploy(nil); err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("%s: %v, want an error that names %s", text, err, named)
		}
	}
}

func wantError(t *testing.T, what, named, condition, value string, given map[string]string) {
	t.Helper()
	if _, err := deploySmall(condition, value, given); err == nil || !strings.Contains(err.Error(), named) {
		t.Errorf("%s: %v, want an error that names %s", what, err, named)
	}
}

func TestAt(t *testing.T) {
	document := map[string]any{"a": []any{1, map[string]any{"b": "c"}}}
	if got := at(t, document, "a", 1, "b"); got != "c" {
		t.Errorf("got %s", got)
	}
	for _, path := range [][]any{{"x"}, {"a", 2}, {"a", "b"}, {0}, {"a", 0, "b"}} {
		if value, err := At(document, path...); err == nil {
			t.Errorf("%v is %v", path, value)
		}
	}
}

// The constants that no simulation plays; simulator.Deploy plays the others, or takes no other value.
func TestTheConstantsThatNothingPlays(t *testing.T) {
	resources := deploy(t, nil)
	for _, c := range []struct {
		want string
		path []any
	}{
		{"0", []any{"ReleaseFunction", "Properties", "EventInvokeConfig", "MaximumRetryAttempts"}},
		{"60", []any{"ReleaseFunction", "Properties", "EventInvokeConfig", "MaximumEventAgeInSeconds"}},
		{"0", []any{"ReleaseFunction", "Properties", "Events", "Sweep", "Properties", "RetryPolicy", "MaximumRetryAttempts"}},
		{"60", []any{"ReleaseFunction", "Properties", "Events", "Sweep", "Properties", "RetryPolicy", "MaximumEventAgeInSeconds"}},
		{"[ReportBatchItemFailures]", []any{"ReleaseFunction", "Properties", "Events", "TerminateEvents", "Properties", "FunctionResponseTypes"}},
		{"true", []any{"TerminateEventsQueue", "Properties", "SqsManagedSseEnabled"}},
		{"true", []any{"DeadLetterQueue", "Properties", "SqsManagedSseEnabled"}},
		{"1209600", []any{"DeadLetterQueue", "Properties", "MessageRetentionPeriod"}}, // 14 days
	} {
		if got := at(t, resources, c.path...); got != c.want {
			t.Errorf("%v is %s, want %s", c.path, got, c.want)
		}
	}
	if _, err := At(resources, "ReleaseFunction", "Properties", "ReservedConcurrentExecutions"); err == nil {
		t.Error("the function reserves concurrency")
	}
	// Lambda Developer Guide, "Using Lambda with Amazon SQS": six times the function's.
	timeout, visibility := at(t, resources, "ReleaseFunction", "Properties", "Timeout"), at(t, resources, "TerminateEventsQueue", "Properties", "VisibilityTimeout")
	if number(visibility) != 6*number(timeout) {
		t.Errorf("the queue's visibility timeout is %s s, the function's timeout %s s", visibility, timeout)
	}
}
