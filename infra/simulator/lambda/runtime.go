package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A Runtime is the Lambda runtime API (Lambda Developer Guide, "Using the Lambda
// runtime API for custom runtimes"). A real bootstrap, started with
// AWS_LAMBDA_RUNTIME_API at its address, takes invocations from it, one at a time.
type Runtime struct {
	arn     string
	timeout time.Duration
	next    chan *invocation
	ready   chan time.Time // when a process requested an invocation

	mu      sync.Mutex
	running map[string]*invocation
	number  int
	initErr chan error
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

// NewRuntime returns the runtime API of a function with an ARN and a timeout.
func NewRuntime(arn string, timeout time.Duration) *Runtime {
	return &Runtime{arn: arn, timeout: timeout, next: make(chan *invocation), ready: make(chan time.Time, 1), running: map[string]*invocation{}, initErr: make(chan error, 1)}
}

// Invoke gives an event to the next free process and waits for its answer, no
// longer than the function's timeout.
func (r *Runtime) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	i := &invocation{id: r.register(), payload: payload, done: make(chan outcome, 1)}
	defer r.forget(i.id)
	select {
	case r.next <- i:
	case err := <-r.initErr:
		return nil, err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a process: %w", ctx.Err())
	}
	timer := time.NewTimer(r.timeout)
	defer timer.Stop()
	select {
	case o := <-i.done:
		return o.answer, o.err
	case <-timer.C:
		return nil, &FunctionError{"Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", r.timeout.Seconds())}
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the answer: %w", ctx.Err())
	}
}

func (r *Runtime) register() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", r.number)
}

func (r *Runtime) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, id)
}

// Handler serves the API to the function's processes.
func (r *Runtime) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", r.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", r.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", r.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", r.serveInitError)
	return mux
}

func (r *Runtime) serveNext(out http.ResponseWriter, in *http.Request) {
	select {
	case r.ready <- time.Now():
	default:
	}
	select {
	case <-in.Context().Done():
	case i := <-r.next:
		r.mu.Lock()
		r.running[i.id] = i
		r.mu.Unlock()
		header := out.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(r.timeout).UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", r.arn)
		header.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0")
		_, _ = out.Write(i.payload) // a process that died times out
	}
}

func (r *Runtime) serveResponse(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return // the process died in the middle of its answer
	}
	r.finish(out, in.PathValue("id"), outcome{answer: body})
}

func (r *Runtime) serveError(out http.ResponseWriter, in *http.Request) {
	r.finish(out, in.PathValue("id"), outcome{err: functionError(in)})
}

// serveInitError fails the invocation that waits, or the next one.
func (r *Runtime) serveInitError(out http.ResponseWriter, in *http.Request) {
	select {
	case r.initErr <- functionError(in):
	default:
	}
	accept(out)
}

func functionError(in *http.Request) error {
	var e FunctionError
	if err := json.NewDecoder(in.Body).Decode(&e); err != nil {
		return fmt.Errorf("reading the function's error: %w", err)
	}
	return &e
}

// finish ends a running invocation; one that timed out, or was answered, is unknown.
func (r *Runtime) finish(out http.ResponseWriter, id string, o outcome) {
	r.mu.Lock()
	i := r.running[id]
	delete(r.running, id)
	r.mu.Unlock()
	if i == nil {
		out.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(out, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
		return
	}
	i.done <- o
	accept(out)
}

func accept(out http.ResponseWriter) {
	out.Header().Set("Content-Type", "application/json")
	out.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(out, `{"status":"OK"}`)
}
