package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	bootstrap "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// TestMain makes the tests' own binary a function's, where Lambda starts it, with AWS's own bootstrap.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		os.Exit(m.Run())
	}
	bootstrap.Start(func(ctx context.Context, order string) (answer, error) {
		switch order {
		case "fail":
			return answer{}, messages.InvokeResponse_Error{Type: "Refused", Message: "no"}
		case "hang":
			time.Sleep(time.Hour)
		case "die":
			os.Exit(1)
		}
		region, err := http.Get(os.Getenv("AWS_ENDPOINT_URL"))
		if err != nil {
			return answer{}, err
		}
		deadline, _ := ctx.Deadline()
		invocation, _ := lambdacontext.FromContext(ctx)
		return answer{os.Getenv("GREETING") + region.Header.Get("Name"), invocation.InvokedFunctionArn, deadline}, nil
	})
}

type answer struct {
	Words, Function string
	Deadline        time.Time
}

// Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
func TestProgram(t *testing.T) {
	const arn, timeout = "arn:aws:lambda:eu-west-1:123456789012:function:f", 2 * time.Second
	region := http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { out.Header().Set("Name", "region") })
	f, err := Program{
		Command: []string{os.Args[0]}, Environment: map[string]string{"GREETING": "hello "}, Stderr: os.Stderr, Processes: 2,
		ARN: arn, Timeout: timeout, Region: region,
	}.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Stop()
	if took, err := f.Ready(t.Context()); err != nil || took <= 0 {
		t.Errorf("ready after %v: %v", took, err)
	}
	equal(t, "processes", len(f.Processes), 2)

	start := time.Now()
	raw, err := f.Invoke(t.Context(), []byte(`"greet"`))
	var got answer
	if err != nil || json.Unmarshal(raw, &got) != nil || got.Words != "hello region" || got.Function != arn {
		t.Errorf("it answers %s, %v", raw, err)
	}
	if got.Deadline.Before(start.Add(timeout).Truncate(time.Millisecond)) || got.Deadline.After(time.Now().Add(timeout)) {
		t.Errorf("started at %v, it is to end by %v", start, got.Deadline)
	}
	failure := func(order string) (failed FunctionError) {
		if _, err := f.Invoke(t.Context(), []byte(`"`+order+`"`)); !errors.As(err, new(*FunctionError)) {
			t.Errorf("%s: %v", order, err)
		} else {
			failed = *err.(*FunctionError)
		}
		return failed
	}
	equal(t, "an error", failure("fail"), FunctionError{"Refused", "no"})
	start = time.Now()
	equal(t, "a timeout", failure("hang"), FunctionError{"Sandbox.Timedout", "Task timed out after 2.00 seconds"})
	if took := time.Since(start); took < timeout {
		t.Errorf("timed out after %v", took)
	}
	go func() { _, _ = f.Invoke(t.Context(), []byte(`"die"`)) }()
	if err := <-f.Ended; !strings.Contains(err.Error(), "exit status 1") {
		t.Error(err)
	}
	f.Stop()
	equal(t, "ended by themselves, too", len(f.Ended), 0)
}
