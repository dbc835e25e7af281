package performance

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"strings"
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
	f := harness.Must(lambda.Program{Command: command, Environment: environment, ARN: arn, Timeout: time.Minute, Region: region.Front, Stderr: os.Stderr}.Start())(t)
	t.Cleanup(f.Stop)
	return process{f}
}

// startUp returns how long the process took from its start to its first request for work.
func (p process) startUp(t testing.TB) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return harness.Must(p.Ready(ctx))(t)
}

// invoke runs it once.
func (p process) invoke(t testing.TB, payload string) string {
	t.Helper()
	return string(harness.Must(p.Invoke(t.Context(), []byte(payload)))(t))
}

var residentLine = regexp.MustCompile(`VmHWM:\s+\d+`)

func (p process) resident(t testing.TB) float64 {
	t.Helper()
	return harness.Must(resident(p.Processes[0].Process.Pid))(t)
}

// resident returns the most that a running process has had in memory, in bytes (proc(5), VmHWM).
func resident(pid int) (bytes float64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscanf(string(residentLine.Find(status)), "VmHWM: %f", &bytes) // none once it has ended
	return bytes * 1024, err
}

// maxResident is what a sweep of 10,000 interfaces may have in memory, in bytes.
const maxResident = 32e6

// The binary that ships, in a dry sweep of 10,000 leaked interfaces.
func TestTenThousandInterfacesFit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what ships runs on Linux only")
	}
	p := launch(t, leaking(t, 10000), map[string]string{"DRY_RUN": "true"}, build(t, architecture))
	if answer := p.invoke(t, sweepEvent); !strings.Contains(answer, `"released":10000,`) {
		t.Fatal(answer)
	}
	resident := p.resident(t)
	t.Logf("%.1f MB resident", resident/1e6)
	if resident > maxResident {
		t.Errorf("%.1f MB resident, more than %.0f", resident/1e6, maxResident/1e6)
	}
}
