package lambda

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
)

// process is a bootstrap that handles events in turn.
func process(ctx context.Context, t *testing.T, r *Runtime, handle func(in []byte) (path string, out []byte)) {
	client := http.Client{Transport: api.Transport{Handler: r.Handler()}}
	const base = "http://runtime/2018-06-01/runtime/invocation/"
	for {
		in, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"next", nil)
		if err != nil {
			t.Error(err)
			return
		}
		next, err := client.Do(in)
		if err != nil {
			return // the test is over
		}
		payload, _ := io.ReadAll(next.Body)
		deadline, _ := strconv.ParseInt(next.Header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
		equal(t, "deadline", time.UnixMilli(deadline).Equal(time.Now().Add(time.Minute)), true)
		equal(t, "function", next.Header.Get("Lambda-Runtime-Invoked-Function-Arn"), "arn:f")
		path, answer := handle(payload)
		if path == "" {
			return
		}
		out, err := http.NewRequestWithContext(ctx, http.MethodPost, base+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+path, bytes.NewReader(answer))
		if err != nil {
			t.Error(err)
			return
		}
		accepted, err := client.Do(out)
		if err != nil {
			t.Error(err)
			return
		}
		equal(t, "accepted", accepted.StatusCode, http.StatusAccepted)
	}
}

// Lambda Developer Guide, Using the Lambda runtime API.
func TestRuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := NewRuntime("arn:f", time.Minute)
		go process(ctx, t, r, func(in []byte) (string, []byte) {
			switch string(in) {
			case "fail":
				return "/error", []byte(`{"errorMessage":"no","errorType":"Refused"}`)
			case "die":
				return "", nil
			}
			return "/response", append(in, '!')
		})
		answer, err := r.Invoke(ctx, []byte("hello"))
		equal(t, "answer", string(answer), "hello!")
		equal(t, "error", err, nil)
		_, err = r.Invoke(ctx, []byte("fail"))
		var failed *FunctionError
		if !errors.As(err, &failed) || *failed != (FunctionError{"Refused", "no"}) {
			t.Errorf("got %v", err)
		}
		start := time.Now()
		_, err = r.Invoke(ctx, []byte("die"))
		if !errors.As(err, &failed) || failed.Type != "Sandbox.Timedout" {
			t.Errorf("got %v", err)
		}
		equal(t, "timed out after", time.Since(start), time.Minute)
		cancel()
	})
}
