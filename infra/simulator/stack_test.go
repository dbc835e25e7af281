package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
)

// resources deploys the repository's template with some texts in it replaced: each one's first occurrence.
func resources(t *testing.T, given map[string]string, replaced ...string) cloudformation.Resources {
	t.Helper()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replaced); i += 2 {
		changed := strings.Replace(string(text), replaced[i], replaced[i+1], 1)
		if changed == string(text) {
			t.Fatalf("the template has no %q", replaced[i])
		}
		text = []byte(changed)
	}
	template, err := cloudformation.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	deployed, err := template.Deploy(given)
	if err != nil {
		t.Fatal(err)
	}
	return deployed
}

// A trial is a function on a deployed stack, and what came of it.
type trial struct {
	*Stack
	world *World
	takes time.Duration // how long a batch keeps the function
	fails bool          // whether a batch does

	mu            sync.Mutex
	sizes         []int // of the batches
	starts        []time.Duration
	longest       time.Duration
	sweeps        int
	running, most int
	begun         time.Time
}

func (r *trial) function(ctx context.Context, payload []byte) ([]byte, error) {
	var batch struct{ Records []any }
	if err := json.Unmarshal(payload, &batch); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if batch.Records == nil {
		r.sweeps++
		return nil, nil
	}
	start := time.Now()
	r.sizes, r.starts = append(r.sizes, len(batch.Records)), append(r.starts, start.Sub(r.begun))
	r.running++
	r.most = max(r.most, r.running)
	r.mu.Unlock()
	_ = sleep(ctx, r.takes)
	r.mu.Lock()
	r.running--
	r.longest = max(r.longest, time.Since(start))
	if r.fails {
		return nil, errors.New("as planned")
	}
	return nil, nil
}

// try lets a stack work for a time, with events at these moments; the schedule is started.
func try(t *testing.T, deployed cloudformation.Resources, r *trial, length time.Duration, events ...time.Duration) *trial {
	t.Helper()
	r.world, r.begun = New(NewClock(0), rand.New(rand.NewPCG(1, 1)), Options{}), time.Now()
	stack, err := Deploy(r.world, deployed, r.function)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.Stack = stack
	r.Start()
	for _, at := range events {
		r.world.After(at, func() {
			r.world.Emit([]byte(`{"source": "aws.autoscaling", "detail-type": "EC2 Instance Terminate Successful", "detail": {}}`))
		})
	}
	var running sync.WaitGroup
	running.Go(func() { r.world.Run(ctx) })
	time.Sleep(length + time.Second)
	synctest.Wait()
	cancel()
	running.Wait()
	return r
}

// numbers are those of the template that a simulated deployment follows: one is changed at a time.
var numbers = []struct {
	from, to  string
	see       func(*testing.T, cloudformation.Resources) any
	was, then any
}{
	{"DelaySeconds: 60", "DelaySeconds: 5", firstStart, 75 * time.Second, 20 * time.Second},
	{"MaximumBatchingWindowInSeconds: 15", "MaximumBatchingWindowInSeconds: 5", firstStart, 75 * time.Second, 65 * time.Second},
	{"VisibilityTimeout: 360", "VisibilityTimeout: 120", secondStart, 360 * time.Second, 120 * time.Second},
	{"maxReceiveCount: 5", "maxReceiveCount: 3", deadLetters, "1 after 5 runs", "1 after 3 runs"},
	{"BatchSize: 1000", "BatchSize: 2", firstSize, 3, 2},
	{"MaximumConcurrency: 2", "MaximumConcurrency: 3", atOnce, 2, 3},
	{"Default: rate(1 minute)", "Default: rate(5 minutes)", sweeps, 60, 12},
	{"Default: rate(1 minute)", "Default: rate(1 hour)", sweeps, 60, 1},
	{"Timeout: 60", "Timeout: 30", longestRun, 60 * time.Second, 30 * time.Second},
	{"MemorySize: 128", "MemorySize: 512", memoryMB, 128, 512},
}

func TestEachNumberOfTheTemplateIsPlayed(t *testing.T) {
	for _, n := range numbers {
		t.Run(n.to, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if was := n.see(t, resources(t, nil)); was != n.was {
					t.Errorf("with %s it is %v, want %v", n.from, was, n.was)
				}
				if then := n.see(t, resources(t, nil, n.from, n.to)); then != n.then {
					t.Errorf("with %s it is %v, want %v", n.to, then, n.then)
				}
			})
		})
	}
}

func firstStart(t *testing.T, r cloudformation.Resources) any {
	return try(t, r, &trial{}, time.Hour, 0).starts[0]
}

func secondStart(t *testing.T, r cloudformation.Resources) any {
	starts := try(t, r, &trial{fails: true}, time.Hour, 0).starts
	return starts[1] - starts[0]
}

func deadLetters(t *testing.T, r cloudformation.Resources) any {
	tried := try(t, r, &trial{fails: true}, 5*time.Hour, 0)
	return fmt.Sprintf("%d after %d runs", len(tried.DeadLetters.Messages()), len(tried.sizes))
}

func firstSize(t *testing.T, r cloudformation.Resources) any {
	return try(t, r, &trial{}, time.Hour, 0, 0, 0).sizes[0]
}

// atOnce has a run of 50 s begin every 16 s, just beyond the batching window, as long as the concurrency allows it.
func atOnce(t *testing.T, r cloudformation.Resources) any {
	var events []time.Duration
	for i := range 20 {
		events = append(events, time.Duration(i)*16*time.Second)
	}
	return try(t, r, &trial{takes: 50 * time.Second}, time.Hour, events...).most
}

func sweeps(t *testing.T, r cloudformation.Resources) any {
	return try(t, r, &trial{}, time.Hour).sweeps
}

func longestRun(t *testing.T, r cloudformation.Resources) any {
	return try(t, r, &trial{takes: time.Hour}, time.Hour, 0).longest
}

// memoryMB is none of the region's: the caller gives the function as much.
func memoryMB(t *testing.T, r cloudformation.Resources) any {
	return try(t, r, &trial{}, 0).MemoryMB
}

func TestTheTemplatesParametersArePlayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := try(t, resources(t, map[string]string{"TerminateEvents": "DISABLED", "DeletesPerMinute": "7"}), &trial{}, time.Hour, 0)
		equal(t, "runs for events of a disabled rule", len(r.sizes), 0)
		equal(t, "a variable of the function", r.Environment["DELETES_PER_MINUTE"], "7")
	})
}

func TestTheScheduleCanBePausedAndChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, sweeps := New(NewClock(0), rand.New(rand.NewPCG(1, 1)), Options{}), 0
		s, err := Deploy(w, resources(t, nil), func(context.Context, []byte) ([]byte, error) { sweeps++; return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
		s.Interval = 10 * time.Minute
		s.Start()
		w.After(31*time.Minute, func() { s.Paused = true })
		w.After(51*time.Minute, func() { s.Paused = false })
		ctx, cancel := context.WithCancel(t.Context())
		go w.Run(ctx)
		time.Sleep(61 * time.Minute)
		synctest.Wait()
		equal(t, "sweeps", sweeps, 4)
		cancel()
	})
}

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
		{"Type: AWS::SQS::QueuePolicy", "Type: AWS::SNS::TopicPolicy", "AWS::SNS::TopicPolicy"},
	} {
		w := New(NewClock(0), rand.New(rand.NewPCG(1, 1)), Options{})
		if _, err := Deploy(w, resources(t, nil, c.from, c.to), nil); err == nil || !strings.Contains(err.Error(), c.named) {
			t.Errorf("%s: %v, want an error that names %s", c.to, err, c.named)
		}
	}
}
