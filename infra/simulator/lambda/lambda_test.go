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

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/sqs"
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
	if len(f.Processes) != 2 {
		t.Errorf("%d processes", len(f.Processes))
	}

	start := time.Now()
	raw, err := f.Invoke(t.Context(), []byte(`"greet"`))
	var got answer
	if err != nil || json.Unmarshal(raw, &got) != nil || got.Words != "hello region" || got.Function != arn {
		t.Errorf("it answers %s, %v", raw, err)
	}
	if got.Deadline.Before(start.Add(timeout).Truncate(time.Millisecond)) || got.Deadline.After(time.Now().Add(timeout)) {
		t.Errorf("started at %v, it is to end by %v", start, got.Deadline)
	}
	start = time.Now()
	for order, want := range map[string]FunctionError{
		"fail": {"Refused", "no"}, "hang": {"Sandbox.Timedout", "Task timed out after 2.00 seconds"},
	} {
		var failed *FunctionError
		if _, err := f.Invoke(t.Context(), []byte(`"`+order+`"`)); !errors.As(err, &failed) || *failed != want {
			t.Errorf("%s: got %v, want %v", order, err, want)
		}
	}
	if took := time.Since(start); took < timeout {
		t.Errorf("timed out after %v", took)
	}
	go func() { _, _ = f.Invoke(t.Context(), []byte(`"die"`)) }()
	if err := <-f.Ended; !strings.Contains(err.Error(), "exit status 1") {
		t.Error(err)
	}
	f.Stop()
	if len(f.Ended) > 0 {
		t.Error("a process that was stopped has ended by itself")
	}
}

// Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": what is no
// partial batch answer fails the whole batch; an empty one is a success.
func TestAnswersToABatch(t *testing.T) {
	messages := []delivery{{Message: &sqs.Message{ID: "a"}}, {Message: &sqs.Message{ID: "b"}}}
	for answer, want := range map[string]int{
		"": 0, "null": 0, "{}": 0, `{"batchItemFailures":[]}`: 0, `{"batchItemFailures":null}`: 0,
		`{"batchItemFailures":[{"itemIdentifier":"a"}]}`: 1,
		`{"batchItemFailures":[{"itemIdentifier":"c"}]}`: 2, `{"batchItemFailures":[{"itemIdentifier":""}]}`: 2, `nonsense`: 2,
	} {
		failed, ok := failures(messages, []byte(answer))
		if !ok {
			failed = map[string]bool{"a": true, "b": true}
		}
		if len(failed) != want {
			t.Errorf("%s: %v failed, want %d", answer, failed, want)
		}
	}
}
