package lambda

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain makes the tests' own binary a function's, where Lambda starts it.
func TestMain(m *testing.M) {
	api := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	if api == "" {
		os.Exit(m.Run())
	}
	for base := "http://" + api + "/2018-06-01/runtime/invocation/"; ; {
		next, err := http.Get(base + "next")
		if err != nil || os.Getenv("DIE") != "" {
			os.Exit(1)
		}
		region, err := http.PostForm(os.Getenv("AWS_ENDPOINT_URL"), url.Values{})
		if err != nil {
			os.Exit(1)
		}
		answer := strings.NewReader(os.Getenv("GREETING") + region.Header.Get("Name"))
		if _, err := http.Post(base+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "", answer); err != nil {
			os.Exit(1)
		}
	}
}

func TestProgram(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	region := http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { out.Header().Set("Name", "region") })
	program := Program{
		Command: []string{os.Args[0]}, Environment: map[string]string{"GREETING": "hello "}, Stderr: os.Stderr,
		ARN: "arn:aws:lambda:eu-west-1:123456789012:function:f", Timeout: time.Minute, Region: region, Processes: 2,
	}
	f, err := program.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Stop()
	if took, err := f.Ready(ctx); err != nil || took <= 0 {
		t.Errorf("ready after %v: %v", took, err)
	}
	answer, err := f.Invoke(ctx, []byte("{}"))
	if err != nil || string(answer) != "hello region" {
		t.Errorf("it answers %q, %v", answer, err)
	}
	f.Stop()
	f.Stop()
	equal(t, "processes", len(f.Processes), 2)
	equal(t, "ended by themselves", len(f.Ended), 0)

	program.Environment, program.Processes = map[string]string{"DIE": "1"}, 1
	dying, err := program.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer dying.Stop()
	go func() { _, _ = dying.Invoke(ctx, []byte("{}")) }()
	if err := <-dying.Ended; !strings.Contains(err.Error(), "exit status 1") {
		t.Error(err)
	}
}
