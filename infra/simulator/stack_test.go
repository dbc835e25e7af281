package simulator_test

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

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
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

// deploy deploys into a new region, and then lets prepare go on, inside.
func deploy(deployed cloudformation.Resources, f lambda.Invoke, prepare func(*simulator.Stack, *simulator.Region)) (*simulator.Region, error) {
	r := simulator.New(loop.NewClock(0), rand.New(rand.NewPCG(1, 1)), simulator.Options{})
	var err error
	r.Do(func() {
		var stack *simulator.Stack
		if stack, err = simulator.Deploy(r, deployed, f); err == nil {
			prepare(stack, r)
		}
	})
	return r, err
}

// A trial is a function on a deployed stack, and what came of it.
type trial struct {
	*simulator.Stack
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
	select {
	case <-time.After(r.takes):
	case <-ctx.Done():
	}
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
	r.begun = time.Now()
	region, err := deploy(deployed, r.function, func(stack *simulator.Stack, region *simulator.Region) {
		r.Stack = stack
		stack.Start()
		for _, at := range events {
			region.Loop.After(at, func() {
				region.Bus.Emit([]byte(`{"source": "aws.autoscaling", "detail-type": "EC2 Instance Terminate Successful", "detail": {}}`))
			})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { region.Run(ctx) })
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
		if len(r.sizes) > 0 || r.Environment["DELETES_PER_MINUTE"] != "7" {
			t.Errorf("%d runs for events of a disabled rule; the function's variables are %v", len(r.sizes), r.Environment)
		}
	})
}

func TestTheScheduleCanBePausedAndChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sweeps := 0
		r, err := deploy(resources(t, nil), func(context.Context, []byte) ([]byte, error) { sweeps++; return nil, nil }, func(s *simulator.Stack, r *simulator.Region) {
			s.Interval = 10 * time.Minute
			s.Start()
			r.Loop.After(31*time.Minute, func() { s.Paused = true })
			r.Loop.After(51*time.Minute, func() { s.Paused = false })
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go r.Run(ctx)
		time.Sleep(61 * time.Minute)
		synctest.Wait()
		if sweeps != 4 {
			t.Errorf("%d sweeps, want 4", sweeps)
		}
		cancel()
	})
}
