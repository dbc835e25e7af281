package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
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

	number  atomic.Int64 // of invocations
	running sync.Map     // ID to *invocation
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
	return &Runtime{arn: arn, timeout: timeout, next: make(chan *invocation), ready: make(chan time.Time, 1)}
}

// Invoke gives an event to the next free process and waits for its answer, no
// longer than the function's timeout.
func (r *Runtime) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", r.number.Add(1))
	i := &invocation{id: id, payload: payload, done: make(chan outcome, 1)}
	defer r.running.Delete(id)
	select {
	case r.next <- i:
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

// Handler serves the API to the function's processes.
func (r *Runtime) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", r.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", r.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", r.serveError)
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
		r.running.Store(i.id, i)
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
	var failed FunctionError
	if err := json.NewDecoder(in.Body).Decode(&failed); err != nil {
		r.finish(out, in.PathValue("id"), outcome{err: fmt.Errorf("reading the function's error: %w", err)})
		return
	}
	r.finish(out, in.PathValue("id"), outcome{err: &failed})
}

// finish ends a running invocation; one that timed out, or was answered, is unknown.
func (r *Runtime) finish(out http.ResponseWriter, id string, o outcome) {
	out.Header().Set("Content-Type", "application/json")
	i, known := r.running.LoadAndDelete(id)
	if !known {
		out.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(out, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
		return
	}
	i.(*invocation).done <- o
	out.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(out, `{"status":"OK"}`)
}
