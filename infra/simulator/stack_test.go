package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
)

var equal = simtest.Equal

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// template reads the repository's.
func template() cloudformation.Template {
	return must(cloudformation.Read(must(os.ReadFile("../../template.yaml"))))
}

// deployed deploys the template with another value at a path.
func deployed(at string, value any) cloudformation.Resources {
	template := template()
	var parent any = template
	for name := range strings.SplitSeq(path.Dir(at), "/") {
		parent = must(cloudformation.At(parent, name))
	}
	parent.(map[string]any)[path.Base(at)] = value
	return must(template.Deploy(nil))
}

// A trial is an hour of a deployed stack whose function hangs on each batch of events, and fails at once on others.
type trial struct {
	*simulator.Region
	*simulator.Stack
	invoke  lambda.Invoke // hang, unless it is prepared
	batches []string      // when each began, how long it took, how many events it held
	sweeps  []lambda.Invocation
}

func hang(ctx context.Context, payload []byte) ([]byte, error) {
	if bytes.Contains(payload, []byte("Records")) {
		<-ctx.Done()
	}
	return nil, errors.New("failed")
}

// try starts the schedule once the trial is prepared, inside.
func try(t *testing.T, resources cloudformation.Resources, prepare func(*trial)) *trial {
	r := &trial{Region: simulator.New(0, rand.New(rand.NewPCG(1, 1)), simulator.Options{}), invoke: hang}
	r.Do(func() {
		r.Stack = must(simulator.Deploy(r.Region, resources, func(ctx context.Context, payload []byte) ([]byte, error) { return r.invoke(ctx, payload) }))
		prepare(r)
		r.Stack.Start()
	})
	begun := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	time.Sleep(time.Hour + time.Second)
	synctest.Wait()
	cancel()
	running.Wait()
	for _, i := range r.Lambda.Invocations() {
		if count := bytes.Count(i.Payload, []byte("messageId")); count > 0 {
			r.batches = append(r.batches, fmt.Sprintf("at %s for %s: %d", i.Start.Sub(begun), i.End.Sub(i.Start), count))
		} else {
			r.sweeps = append(r.sweeps, i)
		}
	}
	return r
}

// emit makes events come, three at once and two later, each of these in a window of its own, and one of a
// state change.
func emit(r *trial) {
	for _, at := range []time.Duration{0, 0, 0, 16 * time.Second, 32 * time.Second} {
		r.Loop.After(at, func() {
			r.Bus.Emit([]byte(`{"source": "aws.autoscaling", "detail-type": "EC2 Instance Terminate Successful", "detail": {}}`))
		})
	}
	r.Loop.After(0, func() {
		r.Bus.Emit([]byte(`{"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {"state": "terminated"}}`))
	})
}

const (
	queue    = "Resources/TerminateEventsQueue/Properties/"
	function = "Resources/ReleaseFunction/Properties/"
	mapping  = function + "Events/TerminateEvents/Properties/"
	nothing  = function + "Description" // no simulation plays it
)

// Each number of the template changes what is measured.
func TestEachNumberOfTheTemplateIsPlayed(t *testing.T) {
	batch := func(n int) func(*trial) any { return func(r *trial) any { return r.batches[n] } }
	ends := func(r *trial) any {
		return fmt.Sprint(len(r.batches), " runs, ", len(r.DeadLetters.Messages()), " dead")
	}
	sweeps := func(r *trial) any { return len(r.sweeps) }
	for _, c := range []struct {
		path    string
		value   any
		measure func(*trial) any
		was     string
		then    string
	}{
		{queue + "DelaySeconds", 5, batch(0), "at 1m15s for 1m0s: 3", "at 20s for 1m0s: 3"},
		{mapping + "MaximumBatchingWindowInSeconds", 5, batch(0), "at 1m15s for 1m0s: 3", "at 1m5s for 1m0s: 3"},
		{mapping + "BatchSize", 2, batch(0), "at 1m15s for 1m0s: 3", "at 1m0s for 1m0s: 2"},
		{function + "Timeout", 30, batch(0), "at 1m15s for 1m0s: 3", "at 1m15s for 30s: 3"},
		{mapping + "ScalingConfig/MaximumConcurrency", 3, batch(2), "at 2m30s for 1m0s: 1", "at 1m47s for 1m0s: 1"},
		{queue + "VisibilityTimeout", 120, batch(3), "at 7m15s for 1m0s: 3", "at 3m15s for 1m0s: 3"},
		{queue + "RedrivePolicy/maxReceiveCount", 3, ends, "15 runs, 5 dead", "9 runs, 5 dead"},
		{"Parameters/ScheduleExpression/Default", "rate(5 minutes)", sweeps, "60", "12"},
		{"Parameters/ScheduleExpression/Default", "rate(1 hour)", sweeps, "60", "1"},
		{function + "MemorySize", 512, func(r *trial) any { return r.MemoryMB }, "128", "512"}, // the caller plays it
		{"Parameters/TerminateEvents/Default", "DISABLED", ends, "15 runs, 5 dead", "0 runs, 0 dead"},
		{"Parameters/StateChangeEvents/Default", "ENABLED", ends, "15 runs, 5 dead", "15 runs, 6 dead"},
		{"Parameters/DeletesPerMinute/Default", 7, func(r *trial) any { return r.Environment["DELETES_PER_MINUTE"] }, "60", "7"},
	} {
		t.Run(c.path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				was, then := try(t, deployed(nothing, ""), emit), try(t, deployed(c.path, c.value), emit)
				if got, want := fmt.Sprint(c.measure(was), ", then ", c.measure(then)), c.was+", then "+c.then; got != want {
					t.Errorf("with %v it is %s, want %s", c.value, got, want)
				}
			})
		})
	}
}

// Scheduler's event has the string "{}" for a detail (observed). A run that fails is not repeated.
func TestTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := try(t, deployed(nothing, ""), func(r *trial) {
			r.Interval = 10 * time.Minute
			r.Loop.After(31*time.Minute, func() { r.Paused = true })
			r.Loop.After(51*time.Minute, func() { r.Paused = false })
		})
		equal(t, "sweeps, paused for two", len(r.sweeps), 4)
		var event struct{ Source, Detail string }
		if err := json.Unmarshal(r.sweeps[0].Payload, &event); err != nil {
			t.Fatal(err)
		}
		equal(t, "source", event.Source, "aws.scheduler")
		equal(t, "detail", event.Detail, "{}")
	})
}

// What the template may not have, because the simulator would not play it.
func TestDeployRefuses(t *testing.T) {
	const rule, changes, other = "Resources/TerminateEventsRule/Properties/", "Resources/StateChangeEventsRule/Properties/", "arn:aws:sqs:eu-west-1:123456789012:other"
	for _, c := range []struct {
		path  string
		value any
		named string
	}{
		{"Resources/Topic", map[string]any{"Type": "AWS::SNS::Topic"}, "Topic"},
		{"Resources/TerminateEventsQueuePolicy/Type", "AWS::SNS::TopicPolicy", "TerminateEventsQueuePolicy"},
		{function + "ReservedConcurrentExecutions", 1, "ReservedConcurrentExecutions"},
		{function + "MemorySize", "much", "MemorySize"},
		{function + "Timeout", 0, "Timeout"},
		{function + "Events/More", map[string]any{"Type": "Api"}, "More"},
		{function + "Events/Sweep/Properties/State", "DISABLED", "State"},
		{function + "Events/Sweep/Properties/ScheduleExpression", "cron(0/5 * * * ? *)", "cron"},
		{mapping + "FilterCriteria", map[string]any{}, "FilterCriteria"},
		{mapping + "Queue", other, other},
		{queue + "FifoQueue", true, "FifoQueue"},
		{queue + "MessageRetentionPeriod", 60, "MessageRetentionPeriod"}, // the simulator loses no message
		{queue + "RedrivePolicy/deadLetterTargetArn", other, other},
		{rule + "Targets", []any{map[string]any{"Id": "other", "Arn": other}}, other},
		{rule + "State", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", "CLOUDTRAIL"},
		{changes + "Targets", []any{map[string]any{"Id": "other", "Arn": other}}, other},
		{changes + "State", "", "State"},
		{rule + "EventPattern/source", []any{map[string]any{"suffix": "autoscaling"}}, "suffix"},
		{rule + "EventPattern/source", []any{map[string]any{"anything-but": map[string]any{"prefix": "Warm"}}}, "anything-but"},
		{rule + "EventPattern/detail-type", "EC2", "detail-type"},
	} {
		region := simulator.New(0, rand.New(rand.NewPCG(1, 1)), simulator.Options{})
		region.Do(func() {
			if _, err := simulator.Deploy(region, deployed(c.path, c.value), nil); err == nil || !strings.Contains(err.Error(), c.named) {
				t.Errorf("%s: %v, want an error that names %s", c.path, err, c.named)
			}
		})
	}
}
