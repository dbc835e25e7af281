package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

// A Function is a program at work: processes on a region and on the Lambda runtime API (Lambda
// Developer Guide, "Using the Lambda runtime API for custom runtimes"), from which each takes
// one invocation at a time. Both are behind sockets of the loopback interface.
type Function struct {
	Processes []*exec.Cmd
	Ended     chan error // gets the end of a process that was not stopped

	program Program
	begun   time.Time
	ctx     context.Context // of the processes
	end     context.CancelFunc
	ends    sync.WaitGroup
	servers []*httptest.Server

	next    chan *invocation
	ready   chan time.Time // when a process requested an invocation
	number  atomic.Int64   // of invocations
	running sync.Map       // ID to *invocation
}

// Start starts the processes. Nothing of this machine's AWS configuration reaches them.
func (p Program) Start() (*Function, error) {
	f := &Function{program: p, Ended: make(chan error, max(1, p.Processes)), next: make(chan *invocation), ready: make(chan time.Time, 1)}
	f.ctx, f.end = context.WithCancel(context.Background())
	f.servers = []*httptest.Server{httptest.NewServer(f.runtime()), httptest.NewServer(p.Region)}
	environment := p.environment(f.servers[0].Listener.Addr().String(), f.servers[1].URL)
	f.begun = time.Now()
	for range max(1, p.Processes) {
		if err := f.start(environment); err != nil {
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

func (f *Function) start(environment []string) error {
	p := f.program
	process := exec.CommandContext(f.ctx, p.Command[0], p.Command[1:]...)
	process.Env, process.Stdout, process.Stderr = environment, p.Stdout, p.Stderr
	if err := process.Start(); err != nil {
		return err
	}
	f.Processes = append(f.Processes, process)
	f.ends.Go(func() {
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
	f.ends.Wait()
	for _, server := range f.servers {
		server.Close()
	}
}

type invocation struct {
	id      string
	payload []byte
	done    chan outcome
}

type outcome struct {
	answer []byte
	err    error
}

// A FunctionError is an error that the function answered.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Invoke gives an event to the next free process and waits for its answer, no
// longer than the function's timeout.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", f.number.Add(1))
	i := &invocation{id: id, payload: payload, done: make(chan outcome, 1)}
	defer f.running.Delete(id)
	select {
	case f.next <- i:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a process: %w", ctx.Err())
	}
	select {
	case o := <-i.done:
		return o.answer, o.err
	case <-time.After(f.program.Timeout):
		return nil, &FunctionError{"Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", f.program.Timeout.Seconds())}
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the answer: %w", ctx.Err())
	}
}

// runtime serves the API to the function's processes.
func (f *Function) runtime() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", f.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", f.serveError)
	return mux
}

func (f *Function) serveNext(out http.ResponseWriter, in *http.Request) {
	select {
	case f.ready <- time.Now():
	default:
	}
	select {
	case <-in.Context().Done():
	case i := <-f.next:
		f.running.Store(i.id, i)
		header := out.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(f.program.Timeout).UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", f.program.ARN)
		header.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0")
		_, _ = out.Write(i.payload) // a process that died times out
	}
}

func (f *Function) serveResponse(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return // the process died in the middle of its answer
	}
	f.finish(out, in.PathValue("id"), outcome{answer: body})
}

func (f *Function) serveError(out http.ResponseWriter, in *http.Request) {
	var failed FunctionError
	if err := json.NewDecoder(in.Body).Decode(&failed); err != nil {
		f.finish(out, in.PathValue("id"), outcome{err: fmt.Errorf("reading the function's error: %w", err)})
		return
	}
	f.finish(out, in.PathValue("id"), outcome{err: &failed})
}

// finish ends a running invocation; one that timed out, or was answered, is unknown.
func (f *Function) finish(out http.ResponseWriter, id string, o outcome) {
	out.Header().Set("Content-Type", "application/json")
	i, known := f.running.LoadAndDelete(id)
	if !known {
		out.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(out, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
		return
	}
	i.(*invocation).done <- o
	out.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(out, `{"status":"OK"}`)
}
