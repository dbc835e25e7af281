package simulator_test

import (
	"strings"
	"testing"
)

// What the template may not have, because AWS or the simulator would not do it.
func TestDeployRefuses(t *testing.T) {
	const schedule, mapping = "ScheduleExpression: !Ref ScheduleExpression", "FunctionResponseTypes: [ReportBatchItemFailures]"
	for _, c := range []struct{ from, to, named string }{
		{"      EventInvokeConfig:\n        # Of the schedule's invocations. The next sweep is the retry.\n        MaximumRetryAttempts: 0", "      EventInvokeConfig:", "EventInvokeConfig"},
		{"MaximumRetryAttempts: 0", "MaximumRetryAttempts: 1", "EventInvokeConfig"},
		{"RetryPolicy:\n              MaximumRetryAttempts: 0", "RetryPolicy:\n              MaximumRetryAttempts: 1", "RetryPolicy"},
		{mapping, "FunctionResponseTypes: []", "ReportBatchItemFailures"},
		{mapping, mapping + "\n            FilterCriteria: {}", "FilterCriteria"},
		{"MemorySize: 128", "MemorySize: 128\n      ReservedConcurrentExecutions: 1", "ReservedConcurrentExecutions"},
		{"MemorySize: 128", "MemorySize: much", "much"},
		{schedule, "ScheduleExpression: cron(0/5 * * * ? *)", "cron"},
		{schedule, schedule + "\n            State: DISABLED", "State"},
		{"Type: ScheduleV2", "Type: Api", "Api"},
		{"        TerminateEvents:\n          Type: SQS", "        TerminateEvents:\n          Type: ScheduleV2", "BatchSize"},
		{"VisibilityTimeout: 360", "VisibilityTimeout: 59", "VisibilityTimeout"},
		{"MaximumConcurrency: 2", "MaximumConcurrency: 1", "MaximumConcurrency"},
		{"MaximumBatchingWindowInSeconds: 15", "MaximumBatchingWindowInSeconds: 0", "batching window"},
		{"DelaySeconds: 60", "FifoQueue: true", "FifoQueue"},
		{"Queue: !GetAtt TerminateEventsQueue.Arn", "Queue: arn:aws:sqs:eu-west-1:123456789012:other", "dead-letter queue"},
		{"deadLetterTargetArn: !GetAtt DeadLetterQueue.Arn", "deadLetterTargetArn: arn:aws:sqs:eu-west-1:123456789012:other", "dead-letter queue"},
		{"Arn: !GetAtt TerminateEventsQueue.Arn\n\n", "Arn: !GetAtt ReleaseFunction.Arn\n\n", "ReleaseFunction"},
		{"State: !Ref TerminateEvents", "State: ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", "CLOUDTRAIL"},
		{"source: [aws.autoscaling]", "source: [{suffix: autoscaling}]", "suffix"},
		{"anything-but: WarmPool", "anything-but: {prefix: Warm}", "anything-but"},
		{"detail-type: [EC2 Instance Terminate Successful]", "detail-type: EC2", "detail-type"},
		{"Type: AWS::SQS::QueuePolicy", "Type: AWS::SNS::TopicPolicy", "AWS::SNS::TopicPolicy"},
	} {
		if _, err := deploy(resources(t, nil, c.from, c.to), nil, nil); err == nil || !strings.Contains(err.Error(), c.named) {
			t.Errorf("%s: %v, want an error that names %s", c.to, err, c.named)
		}
	}
}
