package mutation

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

const templateFile = "template.yaml"

// bentTemplate are changes of template.yaml: within which parameter, condition, resource or output, and what.
var bentTemplate = []struct{ in, old, new string }{
	{"VpcIds", "(,vpc-", "(, ?vpc-"},
	{"VpcIds", "{8}|[0-9a-f]{17})(", "{8,17})("},
	{"ClusterNames", "^([0-9A-Za-z]", "^([0-9A-Za-z*]"},
	{"ClusterNames", "{0,99}(,", "{0,100}(,"},
	{"ScheduleExpression", "[1-9][0-9]*", "[0-9]+"},
	{"AlarmTopicArn", "[0-9]{12}", "[0-9]+"},
	{"AlarmTopicArn", ":sns:", ":s[nq]s:"},
	{"PermissionsBoundaryArn", ":policy/.+)?$", ":.+)?$"},
	{"PermissionsBoundaryArn", "|aws)", ")"},
	{"ReleaseUntagged", `["true", "false"]`, `["true", "false", "True"]`},
	{"LeaksPerHour", "MinValue: 1", "MinValue: 0"},
	{"StateChangeEvents", "[ENABLED, DISABLED]", "[DISABLED]"},
	{"LogLevel", "[DEBUG, INFO, WARN, ERROR]", "[DEBUG, INFO, WARN, WARNING, ERROR]"},
	{"LogRetentionDays", "[1, 3,", "[1, 2, 3,"},

	{"OnlyTagged", `"false"`, `"true"`},
	{"OnlySomeVpcs", `!Not [!Equals [!Ref VpcIds, ""]]`, `!Equals [!Ref VpcIds, "*"]`},
	{"HasReaders", "!Or", "!And"},
	{"HasPermissionsBoundary", `!Not [!Equals [!Ref PermissionsBoundaryArn, ""]]`, `!Equals [!Ref PermissionsBoundaryArn, ""]`},
	{"SweepsOften", "rate(3 minutes)", "rate(4 minutes)"},

	{"ReleaseFunction", "Handler: bootstrap", "Handler: main"},
	{"ReleaseFunction", "provided.al2023", "provided.al2"},
	{"ReleaseFunction", ".ci/build/${Architecture}", ".ci/build/arm64"},
	{"ReleaseFunction", "Timeout: 60", "Timeout: 61"},
	{"ReleaseFunction", "Role: !GetAtt ReleaseFunctionRole.Arn", "Role: !GetAtt ScheduleRole.Arn"},
	{"ReleaseFunction", "LogFormat: JSON", "LogFormat: Text"},
	{"ReleaseFunction", "ApplicationLogLevel: !Ref LogLevel", "ApplicationLogLevel: INFO"},
	{"ReleaseFunction", "        LogGroup: !Ref ReleaseFunctionLogGroup\n", ""},
	{"ReleaseFunction", "EventInvokeConfig:\n        # Of the schedule's invocations. The next sweep is the retry.\n        MaximumRetryAttempts: 0", "EventInvokeConfig:\n        MaximumRetryAttempts: 2"},
	{"ReleaseFunction", "0\n        MaximumEventAgeInSeconds: 60", "0\n        MaximumEventAgeInSeconds: 21600"},
	{"ReleaseFunction", "ScheduleExpression: !Ref ScheduleExpression\n", "ScheduleExpression: !Ref ScheduleExpression\n            Input: '{\"dryRun\": true}'\n"},
	{"ReleaseFunction", "RoleArn: !GetAtt ScheduleRole.Arn", "RoleArn: !GetAtt ReleaseFunctionRole.Arn"},
	{"ReleaseFunction", "RetryPolicy:\n              MaximumRetryAttempts: 0", "RetryPolicy:\n              MaximumRetryAttempts: 1"},
	{"ReleaseFunction", "0\n              MaximumEventAgeInSeconds: 60", "0\n              MaximumEventAgeInSeconds: 300"},
	{"ReleaseFunction", "Type: ScheduleV2", "Type: Schedule"},
	{"ReleaseFunction", "BatchSize: 1000", "BatchSize: 100"},
	{"ReleaseFunction", "            FunctionResponseTypes: [ReportBatchItemFailures]\n", ""},

	{"ReleaseFunctionLogGroup", "RetentionInDays: !Ref LogRetentionDays", "RetentionInDays: 30"},
	{"ReleaseFunctionLogGroup", "      RetentionInDays: !Ref LogRetentionDays\n", ""},

	{"TerminateEventsRule", "        source: [aws.autoscaling]\n", ""},
	{"TerminateEventsRule", "        detail-type: [EC2 Instance Terminate Successful]\n", ""},
	{"TerminateEventsRule", "[{anything-but: WarmPool}, {exists: false}]", "[{anything-but: WarmPool}]"},
	{"TerminateEventsRule", "[{anything-but: WarmPool}, {exists: false}]", "[{exists: false}]"},
	{"TerminateEventsRule", "{anything-but: WarmPool}", "EC2"},
	{"StateChangeEventsRule", "        source: [aws.ec2]\n", ""},
	{"StateChangeEventsRule", "        detail-type: [EC2 Instance State-change Notification]\n", ""},
	{"TerminateEventsQueue", "SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false"},
	{"TerminateEventsQueuePolicy", "Action: sqs:SendMessage", "Action: sqs:*"},
	{"TerminateEventsQueuePolicy", "[!GetAtt TerminateEventsRule.Arn, !GetAtt StateChangeEventsRule.Arn]", "[!GetAtt TerminateEventsRule.Arn]"},
	{"TerminateEventsQueuePolicy", "Effect: Deny", "Effect: Allow"},
	{"DeadLetterQueue", "SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false"},
	{"DeadLetterQueue", "1209600", "345600"},
	{"DeadLetterQueuePolicy", "Queues: [!Ref DeadLetterQueue]", "Queues: [!Ref TerminateEventsQueue]"},

	{"RunsFailAlarm", "EvaluationPeriods: 3", "EvaluationPeriods: 2"},
	{"RunsFailAlarm", "      AlarmActions: [!Ref AlarmTopicArn]\n", ""},
	{"RunsFailAlarm", "      OKActions: [!Ref AlarmTopicArn]\n", ""},
	{"RunsFailAlarm", "      AlarmActions: [!Ref AlarmTopicArn]\n", "      AlarmActions: [!Ref AlarmTopicArn]\n      ActionsEnabled: false\n"},
	{"SweepsMissingAlarm", "EvaluationPeriods: 3", "EvaluationPeriods: 4"},
	{"SweepsMissingAlarm", "Threshold: 1", "Threshold: 5"},
	{"SweepsMissingAlarm", "AlarmActions: [!Ref AlarmTopicArn]", "AlarmActions: []"},
	{"DeadLetterAlarm", "EvaluationPeriods: 1", "EvaluationPeriods: 3"},
	{"DeadLetterAlarm", "Period: 300", "Period: 3600"},
	{"DeadLetterAlarm", "Threshold: 0", "Threshold: 1"},
	{"DeadLetterAlarm", "OKActions: [!Ref AlarmTopicArn]", "OKActions: []"},
	{"OldLeaksAlarm", "EvaluationPeriods: 12", "EvaluationPeriods: 3"},
	{"OldLeaksAlarm", "EvaluationPeriods: 12", "EvaluationPeriods: 13"},
	{"OldLeaksAlarm", "Threshold: 129600", "Threshold: 86400"},
	{"OldLeaksAlarm", "Threshold: 129600", "Threshold: 137000"},
	{"OldLeaksAlarm", "      AlarmActions: [!Ref AlarmTopicArn]\n", ""},
	{"DeletesFailAlarm", "EvaluationPeriods: 3", "EvaluationPeriods: 2"},
	{"DeletesFailAlarm", "EvaluationPeriods: 3", "EvaluationPeriods: 4"},
	{"DeletesFailAlarm", "#deletes-fail", "#runs-fail"},
	{"DeletesFailAlarm", "Threshold: 0", "Threshold: 1"},
	{"LeaksAlarm", "DatapointsToAlarm: 3", "DatapointsToAlarm: 2"},
	{"LeaksAlarm", "      DatapointsToAlarm: 3\n", ""},
	{"LeaksAlarm", "EvaluationPeriods: 6", "EvaluationPeriods: 3"},
	{"LeaksAlarm", "Threshold: !Ref LeaksPerHour", "Threshold: 50"},
	{"LeaksAlarm", "Statistic: Sum", "Statistic: Maximum"},

	{"LeaksDashboard", "    Condition: HasDashboard\n", ""},
	{"LeaksDashboard", "${AWS::StackName}-${AWS::Region}", "${AWS::StackName}"},
	{"ReleaseFunctionRole", "Action: ec2:DeleteNetworkInterface\n                Resource: !Sub", "Action: ec2:*NetworkInterface\n                Resource: !Sub"},
	{"ReleaseFunctionRole", "PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]", "PermissionsBoundary: !Ref AWS::NoValue"},
	{"ScheduleRole", "      PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]\n", ""},
	{"ScheduleRole", "            Condition:\n              StringEquals: {\"aws:SourceAccount\": !Ref AWS::AccountId} # no other account's schedules\n", ""},
	{"DeadLetterQueueUrl", "!Ref DeadLetterQueue", "!Ref TerminateEventsQueue"},
}

// nextPart begins the next parameter, condition, resource or section.
var nextPart = regexp.MustCompile(`\n {0,2}\S`)

// ofTemplate makes the mutants of template.yaml.
func ofTemplate(t *testing.T) (all []mutant) {
	source := string(harness.Read(t, templateFile))
	for _, row := range bentTemplate {
		begin := "\n  " + row.in + ":"
		_, part, _ := strings.Cut(source, begin)
		if end := nextPart.FindStringIndex(part); end != nil {
			part = part[:end[0]]
		}
		name := strings.Join(strings.Fields(fmt.Sprintf("%s: %s -> %s", row.in, row.old, row.new)), " ")
		if strings.Count(part, row.old) != 1 {
			t.Fatalf("%s: it stands %d times there; mend the mutant", name, strings.Count(part, row.old))
		}
		all = append(all, mutant{name: name, file: templateFile, old: begin + part, new: begin + strings.Replace(part, row.old, row.new, 1)})
	}
	// Where this one is caught, a test fails whatever is broken.
	return append(all, mutant{name: "a comment", file: templateFile, old: "AWSTemplateFormatVersion", new: "# A comment.\nAWSTemplateFormatVersion", equivalent: "it is a comment"})
}
