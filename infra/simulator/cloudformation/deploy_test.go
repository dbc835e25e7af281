package cloudformation

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// small is a template in which a thing has the VALUE.
const small = `
Transform: AWS::Serverless-2016-10-31
Parameters: {Name: {Default: blue}, Count: {Default: 3}}
Conditions: {IsBlue: !Equals [!Ref Name, blue], IsRed: !Not [Condition: IsBlue]}
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Named: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${Name}-queue"}}
  Never: {Type: AWS::SQS::Queue, Condition: IsRed}
  Table: {Type: AWS::DynamoDB::Table}
  Thing: {Type: Thing, Value: VALUE}
`

func deploySmall(value string, given map[string]string) (Resources, error) {
	template, err := Read([]byte(strings.Replace(small, "VALUE", value, 1)))
	if err != nil {
		return nil, err
	}
	return template.Deploy(given)
}

func TestFunctions(t *testing.T) {
	for value, want := range map[string]string{
		"plain": "plain", "12": "12", "!Ref Name": "blue", "!Ref Count": "3", "!Ref Queue": "releaser-Queue", "!Ref AWS::Region": "eu-west-1",
		"!Ref Named": "blue-queue", "!GetAtt Named.Arn": "arn:aws:sqs:eu-west-1:123456789012:blue-queue", "!GetAtt Queue.QueueName": "releaser-Queue",
		"!If [IsBlue, !Ref Name, red]": "blue", "!If [IsRed, !Ref Never, other]": "other",
		"{a: !If [IsRed, 1, !Ref AWS::NoValue], b: 2}": "map[b:2]", "[1, !Ref AWS::NoValue]": "[1]",
		`!Sub "${Name} ${!Name} ${Queue.QueueName}"`: "blue ${Name} releaser-Queue", `!Sub ["${A}-${Name}", {A: !Ref Count}]`: "3-blue",
		`!Join ["-", [a, !Ref Count]]`: "a-3", `!Split [",", "a,b"]`: "[a b]", "{Fn::Split: [\",\", !Ref Name]}": "[blue]",
		"!Equals [a, b]": "false", "!Not [!Equals [a, b]]": "true", "!Equals [!Ref Count, 3]": "true", "!Not [!Condition IsBlue]": "false",
		"!And [{Condition: IsBlue}, {Condition: IsRed}]": "false", "!And [{Condition: IsBlue}, !Equals [a, a]]": "true",
		"!Or [{Condition: IsBlue}, {Condition: IsRed}]": "true", "!Or [{Condition: IsRed}, !Equals [a, b]]": "false",
	} {
		resources, err := deploySmall(value, nil)
		if got := fmt.Sprint(resources["Thing"]); err != nil || got != "map[Type:Thing Value:"+want+"]" || resources["Never"] != nil {
			t.Errorf("%s is %s (%v), want %s", value, got, err, want)
		}
	}
	if resources, err := deploySmall("1", map[string]string{"Name": "red"}); err != nil || resources["Never"] == nil {
		t.Errorf("another parameter makes %v (%v)", resources, err)
	}
}

// What is not supported, or not there, is an error that names it.
func TestWhatIsNotSupportedIsAnError(t *testing.T) {
	for value, named := range map[string]string{
		"!Select [0, [a]]": "Fn::Select", "!ImportValue x": "Fn::ImportValue", "!Ref Nothing": "Nothing", "!Ref AWS::StackId": "AWS::StackId",
		"!GetAtt Queue.Color": "Color", "!GetAtt Name.Arn": "Name", "!Ref Table": "Table", "!Ref Never": "Never", "!Sub '${Gone.Arn}'": "Gone",
		"!If [IsGreen, 1, 2]": "IsGreen", "!If [IsBlue, 1]": "2 arguments", "!Join [',', a]": "is string", "!Join [',', [[a]]]": "[a]",
		"!Not [a]": "not bool", "!Ref {a: b}": "map[a:b]", "{a: 1, a: 2}": `"a"`, "1}\nGlobals: {a: b": "Globals", "{": "yaml",
	} {
		if _, err := deploySmall(value, nil); err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("%s: %v, want an error that names %s", value, err, named)
		}
	}
	if _, err := deploySmall("1", map[string]string{"Nothing": "1"}); err == nil || !strings.Contains(err.Error(), "Nothing") {
		t.Errorf("a parameter that is not there: %v", err)
	}
	if _, err := Read([]byte("Transform: Macro")); err == nil {
		t.Error("another transform is taken")
	}
	for _, path := range [][]any{{"x"}, {"a", 1}, {"a", "b"}, {0}, {"a", 0, "b"}} {
		if value, err := At(mapping{"a": []any{1}}, path...); err == nil {
			t.Errorf("%v is %v", path, value)
		}
	}
}

// The constants that no simulation plays: simulator.Deploy plays the others.
func TestTheConstantsThatNothingPlays(t *testing.T) {
	resources := must(must(Read(must(os.ReadFile("../../../template.yaml")))).Deploy(map[string]string{"LogLevel": "WARN", "LogRetentionDays": "7", "Architecture": "x86_64"}))
	for path, want := range map[string]string{
		"ReleaseFunction/Metadata":                                                           "map[BuildMethod:makefile ContextPath:.ci/build/x86_64]",
		"ReleaseFunction/Properties/Architectures":                                           "[x86_64]",
		"ReleaseFunction/Properties/CodeUri":                                                 ".",
		"ReleaseFunction/Properties/Handler":                                                 "bootstrap", // as the Makefile names the binary
		"ReleaseFunction/Properties/Runtime":                                                 "provided.al2023",
		"ReleaseFunction/Properties/Role":                                                    "arn:aws:iam::123456789012:role/releaser-ReleaseFunctionRole",
		"ReleaseFunction/Properties/LoggingConfig":                                           "map[ApplicationLogLevel:WARN LogFormat:JSON LogGroup:/aws/lambda/releaser]",
		"ReleaseFunction/Properties/Events/Sweep/Type":                                       "ScheduleV2",
		"ReleaseFunction/Properties/Events/Sweep/Properties/RoleArn":                         "arn:aws:iam::123456789012:role/releaser-ScheduleRole",
		"ReleaseFunction/Properties/Events/TerminateEvents/Type":                             "SQS",
		"ReleaseFunctionLogGroup/Properties":                                                 "map[LogGroupName:/aws/lambda/releaser RetentionInDays:7]",
		"ReleaseFunction/Properties/EventInvokeConfig":                                       "map[MaximumEventAgeInSeconds:60 MaximumRetryAttempts:0]",
		"ReleaseFunction/Properties/Events/Sweep/Properties/RetryPolicy":                     "map[MaximumEventAgeInSeconds:60 MaximumRetryAttempts:0]",
		"ReleaseFunction/Properties/Events/TerminateEvents/Properties/FunctionResponseTypes": "[ReportBatchItemFailures]",
		"ReleaseFunction/Properties/Events/TerminateEvents/Properties/BatchSize":             "1000", // no simulation fills one
		"ReleaseFunction/Properties/Timeout":                                                 "60",
		"TerminateEventsQueue/Properties/VisibilityTimeout":                                  "360", // six times the timeout: Lambda Developer Guide, "Using Lambda with Amazon SQS"
		"TerminateEventsQueue/Properties/SqsManagedSseEnabled":                               "true",
		"DeadLetterQueue/Properties":                                                         "map[MessageRetentionPeriod:1209600 SqsManagedSseEnabled:true]", // 14 days
	} {
		var part any = resources
		for name := range strings.SplitSeq(path, "/") {
			part = must(At(part, name))
		}
		if got := fmt.Sprint(part); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if value, err := At(resources, "ReleaseFunction", "Properties", "ReservedConcurrentExecutions"); err == nil {
		t.Errorf("the function reserves the concurrency %v", value)
	}
}
