package lambda

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
)

// bootstrap handles invocations in turn, until handle returns no path.
func bootstrap(ctx context.Context, client *http.Client, address string, handle func(next *http.Response, payload []byte) (path, answer string)) error {
	base := address + "/2018-06-01/runtime/invocation/"
	for {
		in, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"next", nil)
		if err != nil {
			return err
		}
		next, err := client.Do(in)
		if err != nil {
			return err
		}
		payload, _ := io.ReadAll(next.Body)
		path, answer := handle(next, payload)
		if path == "" {
			return nil
		}
		out, err := http.NewRequestWithContext(ctx, http.MethodPost, base+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+path, strings.NewReader(answer))
		if err != nil {
			return err
		}
		if accepted, err := client.Do(out); err != nil || accepted.StatusCode != http.StatusAccepted {
			return fmt.Errorf("answering: %v, %v", accepted, err)
		}
	}
}

// Lambda Developer Guide, Using the Lambda runtime API.
func TestRuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := NewRuntime("arn:f", time.Minute)
		client := &http.Client{Transport: api.Transport{Handler: r.Handler()}}
		handle := func(next *http.Response, payload []byte) (path, answer string) {
			deadline, _ := strconv.ParseInt(next.Header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
			equal(t, "deadline", time.UnixMilli(deadline).Equal(time.Now().Add(time.Minute)), true)
			equal(t, "function", next.Header.Get("Lambda-Runtime-Invoked-Function-Arn"), "arn:f")
			switch string(payload) {
			case "fail":
				return "/error", `{"errorMessage":"no","errorType":"Refused"}`
			case "die":
				return "", ""
			}
			return "/response", string(payload) + "!"
		}
		go func() {
			if err := bootstrap(ctx, client, "http://runtime", handle); err != nil {
				t.Error(err)
			}
		}()
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
