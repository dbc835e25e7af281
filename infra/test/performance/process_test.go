package performance

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// process is a function at work, the one that ships or another, with a region behind a socket.
type process struct{ *lambda.Function }

// launch starts a process with the settings of the template's defaults, but for those given.
func launch(t testing.TB, region *harness.Region, changed map[string]string, command ...string) process {
	t.Helper()
	environment := harness.Environment(t, nil)
	environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = fmt.Sprint(harness.At(t, harness.Deployed(t, nil), "ReleaseFunction", "Properties", "MemorySize"))
	maps.Copy(environment, changed)
	arn := "arn:aws:lambda:" + harness.StackRegion + ":" + harness.Account + ":function:" + harness.FunctionName
	f, err := lambda.Program{Command: command, Environment: environment, ARN: arn, Timeout: time.Minute, Region: region.Front, Stderr: os.Stderr}.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return process{f}
}

// startUp returns how long the process took from its start to its first request for work.
func (p process) startUp(t testing.TB) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	took, err := p.Ready(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return took
}

// invoke runs it once.
func (p process) invoke(t testing.TB, payload string) string {
	t.Helper()
	answer, err := p.Invoke(t.Context(), []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

var residentLine = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

func (p process) resident(t testing.TB) float64 {
	t.Helper()
	bytes, err := resident(p.Processes[0].Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// resident returns the most that a running process has had in memory, in bytes (proc(5), VmHWM).
func resident(pid int) (bytes float64, err error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	line := residentLine.FindSubmatch(status)
	if line == nil {
		return 0, fmt.Errorf("process %d has ended", pid)
	}
	kilobytes, err := strconv.ParseFloat(string(line[1]), 64)
	return kilobytes * 1024, err
}
