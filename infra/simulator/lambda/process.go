package lambda

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A Program is a real binary of a function, and what its processes start with.
type Program struct {
	Command        []string
	Environment    map[string]string // its settings; replaces what Start sets
	ARN            string
	Timeout        time.Duration
	Region         http.Handler // EC2 and Auto Scaling
	Stdout, Stderr io.Writer    // nil: nowhere
	Processes      int          // default 1; Lambda has one for each invocation at a time
}

// A Function is a program at work: processes on a runtime API and on a region, both
// behind sockets of the loopback interface.
type Function struct {
	*Runtime
	Processes []*exec.Cmd
	Ended     chan error // gets the end of a process that was not stopped

	begun   time.Time
	ctx     context.Context // of the processes
	end     context.CancelFunc
	running sync.WaitGroup
	servers []*httptest.Server
}

// Start starts the processes. Nothing of this machine's AWS configuration reaches them.
func (p Program) Start() (*Function, error) {
	f := &Function{Runtime: NewRuntime(p.ARN, p.Timeout), Ended: make(chan error, max(1, p.Processes))}
	f.ctx, f.end = context.WithCancel(context.Background())
	f.servers = []*httptest.Server{httptest.NewServer(f.Handler()), httptest.NewServer(p.Region)}
	environment := p.environment(f.servers[0].Listener.Addr().String(), f.servers[1].URL)
	f.begun = time.Now()
	for range max(1, p.Processes) {
		if err := f.start(p, environment); err != nil {
			f.Stop()
			return nil, fmt.Errorf("starting the function: %w", err)
		}
	}
	return f, nil
}

// environment is all that a process gets.
func (p Program) environment(runtime, region string) []string {
	parts := strings.Split(p.ARN, ":") // arn:aws:lambda:region:account:function:name
	all := map[string]string{
		"AWS_LAMBDA_RUNTIME_API": runtime, "AWS_LAMBDA_FUNCTION_NAME": parts[len(parts)-1], "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_LOG_FORMAT": "JSON",
		"AWS_ENDPOINT_URL": region, "AWS_REGION": parts[3], "AWS_DEFAULT_REGION": parts[3], "AWS_ACCESS_KEY_ID": "AKIAFUNCTION00000000", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	}
	maps.Copy(all, p.Environment)
	var pairs []string
	for name, value := range all {
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

func (f *Function) start(p Program, environment []string) error {
	process := exec.CommandContext(f.ctx, p.Command[0], p.Command[1:]...)
	process.Env, process.Stdout, process.Stderr = environment, p.Stdout, p.Stderr
	if err := process.Start(); err != nil {
		return err
	}
	f.Processes = append(f.Processes, process)
	f.running.Go(func() {
		if err := process.Wait(); f.ctx.Err() == nil {
			f.Ended <- fmt.Errorf("%s ended by itself: %v", p.Command[0], err)
		}
	})
	return nil
}

// Ready waits until a process requests an invocation, and returns how long that took
// from its start. It is of use once, before the first invocation.
func (f *Function) Ready(ctx context.Context) (time.Duration, error) {
	select {
	case at := <-f.ready:
		return at.Sub(f.begun), nil
	case err := <-f.Ended:
		return 0, err
	case <-ctx.Done():
		return 0, fmt.Errorf("waiting for the function's start: %w", ctx.Err())
	}
}

// Stop ends processes and servers, and waits for them. A second Stop does nothing.
func (f *Function) Stop() {
	f.end()
	f.running.Wait()
	for _, server := range f.servers {
		server.Close()
	}
}
