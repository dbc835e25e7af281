package performance

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// maxBinary keeps the cold start and the upload small. A reflection trap, which
// ends the linker's dead-code elimination, would make it five times as large.
const (
	maxBinary     = 10_000_000 // bytes
	maxCompressed = 4_000_000
)

// build makes the binary as `sam build` does, for one value of Architecture.
func build(t testing.TB, architecture string) string {
	t.Helper()
	folder := t.TempDir()
	output(t, nil, "make", "-s", "build-ReleaseFunction", "ARTIFACTS_DIR="+folder, "ARCHITECTURE="+architecture)
	return filepath.Join(folder, "bootstrap")
}

// output runs a command in the repository's folder, and returns what it writes.
func output(t testing.TB, environment []string, command ...string) string {
	t.Helper()
	c := exec.Command(command[0], command[1:]...)
	c.Dir, c.Env = harness.Root(), append(os.Environ(), environment...)
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", c, err, output)
	}
	return string(output)
}

func TestTheBinaryIsSmallAndOfItsArchitecture(t *testing.T) {
	t.Parallel()
	machines := map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64}
	if allowed := harness.At(t, harness.Template(t), "Parameters", "Architecture", "AllowedValues").([]any); len(allowed) != len(machines) {
		t.Errorf("the template allows %v", allowed)
	}
	table := "| Architecture | bytes | compressed |\n|---|---|---|\n"
	for _, architecture := range slices.Sorted(maps.Keys(machines)) {
		content := harness.Must(os.ReadFile(build(t, architecture)))(t)
		if file := harness.Must(elf.NewFile(bytes.NewReader(content)))(t); file.Machine != machines[architecture] {
			t.Errorf("%s is built as %s", architecture, file.Machine)
		}
		var small bytes.Buffer
		writer := gzip.NewWriter(&small)
		harness.Must(writer.Write(content))(t)
		harness.OK(t, writer.Close())
		table += fmt.Sprintf("| %s | %d | %d |\n", architecture, len(content), small.Len())
		if architecture == "arm64" && (len(content) > maxBinary || small.Len() > maxCompressed) {
			t.Errorf("the binary has %d bytes, %d compressed; it may have %d and %d", len(content), small.Len(), maxBinary, maxCompressed)
		}
	}
	harness.Publish(t, page, "binary", table, false)
}

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

// invoke runs it once.
func (p process) invoke(t testing.TB, payload string) string {
	t.Helper()
	return string(harness.Must(p.Invoke(t.Context(), []byte(payload)))(t))
}

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
	_, most, _ := strings.Cut(string(status), "VmHWM:") // there is none once the process has ended
	_, err = fmt.Sscan(most, &bytes)
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
