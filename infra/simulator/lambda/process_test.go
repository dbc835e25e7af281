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

// TestMain makes the tests' own binary a function's, where Lambda starts it: it
// answers with a setting and with a header of the region's answer.
func TestMain(m *testing.M) {
	api := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	if api == "" {
		os.Exit(m.Run())
	}
	_ = bootstrap(context.Background(), http.DefaultClient, "http://"+api, func(*http.Response, []byte) (string, string) {
		region, err := http.PostForm(os.Getenv("AWS_ENDPOINT_URL"), url.Values{})
		if err != nil || os.Getenv("DIE") != "" {
			return "", ""
		}
		return "/response", os.Getenv("GREETING") + region.Header.Get("Name")
	})
	os.Exit(1)
}

func TestProgram(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	region := http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { out.Header().Set("Name", "region") })
	start := func(processes int, environment map[string]string) *Function {
		f, err := Program{
			Command: []string{os.Args[0]}, Environment: environment, Stderr: os.Stderr, Processes: processes,
			ARN: "arn:aws:lambda:eu-west-1:123456789012:function:f", Timeout: time.Minute, Region: region,
		}.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.Stop)
		return f
	}
	f := start(2, map[string]string{"GREETING": "hello "})
	if took, err := f.Ready(ctx); err != nil || took <= 0 {
		t.Errorf("ready after %v: %v", took, err)
	}
	answer, err := f.Invoke(ctx, []byte("{}"))
	if err != nil || string(answer) != "hello region" {
		t.Errorf("it answers %q, %v", answer, err)
	}
	f.Stop()
	equal(t, "processes", len(f.Processes), 2)
	equal(t, "ended by themselves", len(f.Ended), 0)

	dying := start(1, map[string]string{"DIE": "1"})
	go func() { _, _ = dying.Invoke(ctx, []byte("{}")) }()
	if err := <-dying.Ended; !strings.Contains(err.Error(), "exit status 1") {
		t.Error(err)
	}
}
