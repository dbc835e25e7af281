// Package api is the front of a region: what every AWS service of the query protocol
// does with a call before and after it does its own part. It finds the caller,
// counts and throttles, injects faults, judges permissions, and keeps the record.
//
// It imports loop and iam. Services register what they can do ([Front.Register]).
// Start reading at [Front.ServeHTTP], the door for clients, and at [Front.Call], by
// which CNIs and other cleaners call from inside the loop.
package api

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// A Service is what one AWS service does in its own way.
type Service struct {
	Operations map[string]Operation // by action

	// Success and Failure put an answer into the service's XML.
	Success func(action, requestID string, result any) any
	Failure func(requestID string, e *Error) any

	BadCredentials *Error
	Denied         string // the code that goes with 403
	BadToken       string // the code about a NextToken
	Throttled      *Error
	Buckets        map[string]Bucket
	BucketOf       func(*Call) []string // keys of Buckets, the last one counts most
	Closes         bool                 // the connection, after an error of the client's
}

// A Front answers calls to all services at one address.
type Front struct {
	loop     *loop.Loop
	account  iam.Account
	services map[string]Service
	fallback string             // the service that answers unsigned calls
	numbers  map[string]Bucket  // that replace those of the services' buckets
	buckets  map[string]*bucket // in use
	exempt   func(caller string) bool

	policies map[string]iam.Policy
	injected map[string][]Fault
	onCall   func(Call) Fault
	calls    []Call
	counts   map[string]int
}

// New returns a front without services. Numbers replace those of the services'
// buckets; injected faults leave exempt callers alone.
func New(l *loop.Loop, account iam.Account, numbers map[string]Bucket, exempt func(caller string) bool) *Front {
	return &Front{
		loop: l, account: account, services: map[string]Service{}, numbers: numbers, buckets: map[string]*bucket{}, exempt: exempt,
		policies: map[string]iam.Policy{}, injected: map[string][]Fault{}, counts: map[string]int{},
	}
}

// Register adds a service by the name that is in the scope of credentials. The first
// one also answers calls that name none.
func (f *Front) Register(name string, s Service) {
	if len(f.services) == 0 {
		f.fallback = name
	}
	f.services[name] = s
}

// ServeHTTP answers a client. The credential's scope holds caller and service;
// signatures are not verified.
func (f *Front) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	caller, service, err := f.identify(in)
	if err != nil { // no service gets the call
		a := answer{form: f.services[f.fallback], err: err}
		f.loop.Do(func() { a.requestID = f.loop.UUID() })
		a.write(out, "")
		return
	}
	var c *Call
	f.loop.Do(func() {
		c = f.arrive(service, in.Form.Get("Action"), caller, in.Form, in.Context())
	})
	if sleep(in.Context(), c.Fault.Latency) != nil {
		return
	}
	a := answer{form: f.services[service]}
	f.loop.Do(func() {
		if c.Fault.Reset {
			c.At, c.Code = f.loop.Now(), "connection reset"
			f.calls = append(f.calls, *c)
			return
		}
		if a.result, a.err = f.answer(c); !c.Fault.LoseAnswer {
			a.requestID = f.loop.UUID()
		}
	})
	if c.Fault.Reset || c.Fault.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	a.write(out, c.Action)
}

// identify reads a request's caller and service: "AWS4-HMAC-SHA256 Credential=<access
// key>/<date>/<region>/<service>/aws4_request, ..."
func (f *Front) identify(in *http.Request) (accessKey, service string, err *Error) {
	if in.ParseForm() != nil {
		return "", "", NewError(400, "MalformedQueryString", "The query string contains a syntax error.")
	}
	authorization := in.Header.Get("Authorization")
	if authorization == "" {
		return "", "", NewError(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	_, rest, _ := strings.Cut(authorization, "Credential=")
	scope, _, _ := strings.Cut(rest, ",")
	parts := strings.Split(strings.TrimSpace(scope), "/")
	if len(parts) != 5 || parts[0] == "" || f.services[parts[3]].Operations == nil {
		return "", "", f.services[f.fallback].BadCredentials
	}
	return parts[0], parts[3], nil
}

// An answer is on its way to a client, in a service's form.
type answer struct {
	form      Service
	requestID string
	result    any
	err       *Error
}

// write sends the answer; SDKs take the request's ID from its header.
func (a answer) write(out http.ResponseWriter, action string) {
	status, body := http.StatusOK, any(nil)
	if a.err != nil {
		status, body = a.err.Status, a.form.Failure(a.requestID, a.err)
	} else {
		body = a.form.Success(action, a.requestID, a.result)
	}
	raw, err := xml.Marshal(body)
	if err != nil {
		panic("simulator: writing an answer: " + err.Error())
	}
	out.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	out.Header().Set("X-Amzn-Requestid", a.requestID)
	if a.form.Closes && status/100 == 4 {
		out.Header().Set("Connection", "close")
	}
	out.WriteHeader(status)
	_, _ = out.Write(append([]byte(xml.Header), raw...)) // the client may be gone
}

// Timestamp writes a time as both services do.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// errReset is what a client gets from a connection that is cut.
var errReset = errors.New("read: connection reset by peer")

// RoundTrip answers without a socket, so that a client works inside a testing/synctest bubble.
func (f *Front) RoundTrip(in *http.Request) (answer *http.Response, err error) {
	served := in.Clone(in.Context()) // a handler writes into its request
	if served.Body == nil {
		served.Body = http.NoBody
	}
	defer func() {
		_ = served.Body.Close()
		if cut := recover(); cut == http.ErrAbortHandler {
			answer, err = nil, errReset
		} else if cut != nil {
			panic(cut)
		}
	}()
	out := httptest.NewRecorder()
	f.ServeHTTP(out, served)
	if err := in.Context().Err(); err != nil {
		return nil, err
	}
	answer = out.Result()
	answer.Request = in
	return answer, nil
}
