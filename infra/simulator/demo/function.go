package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

const (
	source     = "github.com/network-interface-releaser/network-interface-releaser/functions/release"
	accessKey  = "THE-FUNCTION" // what the function signs with, so that its calls are known by it
	processes  = 3              // Lambda starts up to three: two batches and a sweep
	maxRunTime = time.Minute    // template.yaml's Timeout

	// pattern is that of template.yaml's TerminateEventsRule.
	pattern = `{"source": ["aws.autoscaling"], "detail-type": ["EC2 Instance Terminate Successful"],
		"detail": {"Destination": [{"anything-but": "WarmPool"}, {"exists": false}]}}`
)

// A function is the real binary, running on a simulated region.
type function struct {
	runtime *simulator.Runtime
	witness *witness
	journal *journal
	fail    context.CancelCauseFunc // ends all, with a reason or, by nil, as planned
	running sync.WaitGroup
}

// compile builds the function as it ships, but for this machine, and returns its path.
func compile(ctx context.Context, screen *screen) (string, error) {
	folder, err := os.MkdirTemp("", "network-interface-releaser-")
	if err != nil {
		return "", fmt.Errorf("making a folder for the binary: %w", err)
	}
	binary := filepath.Join(folder, "bootstrap")
	done := screen.wait("Compiling the function (the first time takes a minute or two)")
	command := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, source)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := command.CombinedOutput()
	done()
	if err != nil {
		_ = os.RemoveAll(folder)
		return "", fmt.Errorf("compiling the function: %w\n%s", err, output)
	}
	return binary, nil
}

// startFunction serves the region and the Lambda runtime on the loopback
// interface, and starts the function's processes on them. All that ends with ctx;
// fail is called where a process ends by itself.
func startFunction(ctx context.Context, fail context.CancelCauseFunc, binary string, world *simulator.World) (*function, error) {
	journal, err := newJournal()
	if err != nil {
		return nil, err
	}
	f := &function{
		runtime: simulator.NewRuntime("arn:aws:lambda:eu-west-1:"+account+":function:release", maxRunTime),
		witness: &witness{world: world, next: world.Handler(), before: map[string]simulator.Interface{}},
		journal: journal,
		fail:    fail,
	}
	region, err := f.serve(ctx, f.witness)
	if err != nil {
		return f, fmt.Errorf("serving the region: %w", err)
	}
	runtime, err := f.serve(ctx, f.runtime.Handler())
	if err != nil {
		return f, fmt.Errorf("serving the Lambda runtime: %w", err)
	}
	for range processes {
		if err := f.startProcess(ctx, binary, environment(runtime, "http://"+region, filepath.Dir(binary))); err != nil {
			return f, fmt.Errorf("starting the function: %w", err)
		}
	}
	return f, nil
}

// environment is all that a process knows: nothing of this machine's AWS
// configuration can get into it, and every endpoint is the region's.
func environment(runtime, region, folder string) []string {
	nowhere := filepath.Join(folder, "none")
	return []string{
		"ACCOUNT_ID=" + account, "DRY_RUN=false", "VPC_IDS=", "CLUSTER_NAMES=", "RELEASE_UNTAGGED=false",
		"GRACE_PERIOD_MINUTES=30", "DELETES_PER_MINUTE=60", "METRICS=false",
		"AWS_LAMBDA_RUNTIME_API=" + runtime, "AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_ENDPOINT_URL=" + region, "AWS_ENDPOINT_URL_EC2=" + region, "AWS_ENDPOINT_URL_AUTO_SCALING=" + region,
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=none",
		"AWS_CONFIG_FILE=" + nowhere, "AWS_SHARED_CREDENTIALS_FILE=" + nowhere,
	}
}

func (f *function) startProcess(ctx context.Context, binary string, environment []string) error {
	process := exec.CommandContext(ctx, binary)
	process.Env, process.Stdout, process.Stderr = environment, f.journal.file, f.journal.file
	if err := process.Start(); err != nil {
		return err
	}
	f.running.Go(func() {
		err := process.Wait()
		_ = pause(ctx, 100*time.Millisecond) // an interrupt may end it before it ends the demo
		f.fail(fmt.Errorf("a process of the function ended by itself (%v); its log is %s", err, f.journal.path))
	})
	return nil
}

// serve serves a handler on a free port of the loopback interface.
func (f *function) serve(ctx context.Context, handler http.Handler) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	f.running.Go(func() { _ = server.Serve(listener) })
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return listener.Addr().String(), nil
}

// connect lays the ways of events and of the schedule to the function.
func (f *function) connect(world *simulator.World) error {
	queue := world.AddQueue(simulator.Queue{Name: "terminate-events", Delay: settle, Visibility: 6 * time.Minute, Receives: 5})
	if err := world.AddRule([]byte(pattern), queue); err != nil {
		return err
	}
	world.AddMapping(simulator.Mapping{Queue: queue, BatchSize: 1000, Window: gather, Invoke: f.runtime.Invoke})
	world.AddSchedule(sweepEvery, f.runtime.Invoke)
	return nil
}

// ask runs the function by hand.
func (f *function) ask(ctx context.Context, input string) (report, error) {
	answer, err := f.runtime.Invoke(ctx, []byte(input))
	if err != nil {
		return report{}, err
	}
	var r report
	if err := json.Unmarshal(answer, &r); err != nil {
		return report{}, fmt.Errorf("reading the report: %w", err)
	}
	return r, nil
}

// stop ends the processes and the servers, and waits for them.
func (f *function) stop() {
	f.fail(nil)
	f.running.Wait()
	_ = f.journal.file.Close()
}
