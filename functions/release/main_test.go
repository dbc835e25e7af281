package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// TestMain makes this binary the function where Lambda's runtime API calls for it.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		os.Exit(m.Run())
	}
	dial := &http.DefaultTransport.(*http.Transport).DialContext
	connect := *dial
	*dial = func(ctx context.Context, network, address string) (net.Conn, error) { // once, when it asks for an invocation
		fmt.Fprintf(os.Stderr, "limit %d, garbage %d\n", debug.SetMemoryLimit(-1), debug.SetGCPercent(gcPercent))
		return connect(ctx, network, address)
	}
	main()
}

// start starts the function in a region, with variables besides those of the template.
func start(t *testing.T, region *harness.Region, out, log *harness.Output, name, value string) *lambda.Function {
	environment := harness.Environment(t, map[string]string{"Dashboard": "true"})
	environment[name] = value
	f := harness.Must(lambda.Program{
		Command: os.Args[:1], Environment: environment, Region: region.Front, Stdout: out, Stderr: log, Timeout: time.Minute,
		ARN: "arn:aws:lambda:" + harness.StackRegion + ":" + harness.Account + ":function:" + harness.FunctionName,
	}.Start())(t)
	t.Cleanup(f.Stop)
	return f
}

// What main wires, by what leaves the process: limits of memory, deletes at random, log and metrics on its output.
func TestTheFunctionAtWork(t *testing.T) {
	var out, log harness.Output
	region := harness.NewRegion(t, 1, simulator.Options{})
	node := region.AddInstance(harness.InstanceID(1), "terminated")
	for range 12 { // sorted by chance once in 500 million runs
		region.AddLeak(region.Subnets[0], node)
	}
	f := start(t, region, &out, &log, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
	harness.Must(f.Ready(t.Context()))(t)
	harness.Must(f.Invoke(t.Context(), []byte(region.Sample("schedule"))))(t)
	f.Stop()
	if want := fmt.Sprintf("limit %d, garbage 50\n", 96<<20); !strings.HasPrefix(log.String(), want) { // three quarters of 128 MB
		t.Errorf("%s, want %s", log.String(), want)
	}
	var deleted []string
	for _, d := range region.Deletions() {
		deleted = append(deleted, d.Interface.ID)
	}
	if len(deleted) != 12 || slices.IsSorted(deleted) {
		t.Errorf("deletes %q, want 12 in random order", deleted)
	}
	for part, times := range map[string]int{`"message":"released"`: 12, `"level":"INFO"`: 14, `"requestId":"`: 14, `"CloudWatchMetrics"`: 1} {
		if strings.Count(out.String(), part) != times {
			t.Errorf("%s stands not %d times in\n%s", part, times, out.String())
		}
	}
}

func TestAnInvalidSettingEndsTheStart(t *testing.T) {
	var out, log harness.Output
	f := start(t, harness.NewRegion(t, 1, simulator.Options{}), &out, &log, "DRY_RUN", "maybe")
	if err := <-f.Ended; !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(out.String(), `"level":"ERROR","message":"the function cannot start"`) || !strings.Contains(out.String(), "DRY_RUN") {
		t.Errorf("%v, %s", err, out.String())
	}
}
