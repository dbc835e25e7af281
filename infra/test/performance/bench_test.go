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

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// architecture is this machine's, as the template names it.
var architecture = map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]

// leaking returns a region with so many leaks, of ten addresses each.
func leaking(t testing.TB, count int) *harness.Region {
	r := harness.NewRegion(t, 1, simulator.Options{})
	addLeaks(r, count, 10)
	return r
}

// addLeaks adds leaks, four of each of their terminated owners, each of another age, with some
// addresses that have DNS names.
func addLeaks(r *harness.Region, count, addresses int) {
	_, subnets := r.AddSubnets("10.128.0.0/9", "10.128.0.0/11")
	for n := range count {
		owner := harness.InstanceID(n/4 + 1)
		if n%4 == 0 {
			r.AddInstance(owner, "terminated")
		}
		leak := r.Leak(subnets[0], owner, time.Hour+time.Duration(n)*time.Second)
		leak.Addresses = slices.Repeat([]ec2.Address{{DNSName: "ip-10-128-128-128." + harness.StackRegion + ".compute.internal"}}, addresses)
		r.AddInterface(leak)
	}
}

const sweepEvent = `{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.scheduler","account":"` + harness.Account + `","time":"2026-11-23T10:00:00Z","region":"eu-west-1","resources":[],"detail":"{}"}`

// BenchmarkStart: from the start of the process to its first question for work, the
// binary that ships and a Python handler with boto3 in turns.
func BenchmarkStart(b *testing.B) {
	binary, python := build(b, architecture), filepath.Join(harness.Root(), ".venv", "bin", "python")
	region := leaking(b, 0)
	took, memory := map[string][]time.Duration{}, map[string]float64{}
	for b.Loop() {
		for name, command := range map[string][]string{"Go": {binary}, "Python": {python, filepath.Join("testdata", "handler.py")}} {
			p := launch(b, region, nil, command...)
			took[name] = append(took[name], harness.Must(p.Ready(b.Context()))(b))
			memory[name] = max(memory[name], p.resident(b)/1e6)
			p.Stop()
		}
	}
	median := func(name string) (milliseconds float64) {
		slices.Sort(took[name])
		return took[name][len(took[name])/2].Seconds() * 1e3
	}
	this, boto3 := median("Go"), median("Python")
	b.ReportMetric(boto3/this, "times-sooner")
	table := "| | start to ready, median | resident when ready |\n|---|---|---|\n"
	table += fmt.Sprintf("| this | %.1f ms | %.1f MB |\n| Python, boto3 | %.1f ms | %.1f MB |\n| ratio | **%.1f** | **%.1f** |\n",
		this, memory["Go"], boto3, memory["Python"], boto3/this, memory["Python"]/memory["Go"])
	harness.Publish(b, page, "start", table, false)
}

// vCPU is how much memory, in MB, has Lambda give a process one processor; less gives it
// the same part of one (AWS Lambda Developer Guide, "Configure Lambda function memory").
const vCPU = 1769

// BenchmarkMemory: what two dry sweeps of so many interfaces take at most of memory, what
// a manual dry run does, which answers with a list, and the processor time of one sweep.
func BenchmarkMemory(b *testing.B) {
	const sweeps = 2
	binary := build(b, architecture)
	table := "| interfaces | resident at most | in a manual run | reads | processor time of a sweep | the same at 128 MB's share | at 512 MB's |\n|---|---|---|---|---|---|---|\n"
	for b.Loop() {
		for _, count := range []int{0, 100, 1000, 10000, 50000} {
			region := leaking(b, count)
			run := func(payload string, times int) (resident float64, processor time.Duration) {
				p := launch(b, region, map[string]string{"DRY_RUN": "true"}, binary)
				harness.Must(p.Ready(b.Context()))(b)
				for range times {
					if answer := p.invoke(b, payload); !strings.Contains(answer, fmt.Sprintf(`"released":%d,`, count)) {
						b.Fatalf("%d interfaces: %.300s", count, answer)
					}
				}
				resident = p.resident(b)
				p.Stop()
				ended := p.Processes[0].ProcessState
				return resident, ended.UserTime() + ended.SystemTime()
			}
			resident, processor := run(sweepEvent, sweeps)
			reads := len(region.Calls()) / sweeps
			_, start := run("", 0)
			manual, _ := run("{}", 1)
			each := (processor - start).Seconds() / sweeps
			b.ReportMetric(resident/1e6, fmt.Sprintf("MB/%d-interfaces", count))
			b.ReportMetric(each, fmt.Sprintf("CPU-s/%d-interfaces", count))
			table += fmt.Sprintf("| %d | %.1f MB | %.1f MB | %d | %.3f s | %.1f s | %.1f s |\n", count, resident/1e6, manual/1e6, reads, each, each*vCPU/128, each*vCPU/512)
		}
	}
	harness.Publish(b, page, "memory", table, false)
}

// BenchmarkIdle: CPU instructions of one sweep that finds nothing, by callgrind (the
// machine's own counters are not to be had everywhere).
func BenchmarkIdle(b *testing.B) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		b.Skip("valgrind is not installed (apt-get install valgrind): no count of instructions")
	}
	binary, out := build(b, architecture), filepath.Join(b.TempDir(), "callgrind.out")
	count := func(sweeps int) (instructions float64) {
		// Without asyncpreemptoff the runtime sends signals to itself, which valgrind does not always survive.
		p := launch(b, leaking(b, 0), map[string]string{"GOMAXPROCS": "1", "GODEBUG": "asyncpreemptoff=1"}, "valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file="+out, binary)
		for range sweeps {
			p.invoke(b, sweepEvent)
		}
		harness.OK(b, p.Processes[0].Process.Signal(os.Interrupt))
		b.Log(<-p.Ended) // it was interrupted
		_, sum, _ := strings.Cut(string(harness.Must(os.ReadFile(out))(b)), "\ntotals: ")
		harness.Must(fmt.Sscan(sum, &instructions))(b)
		return instructions
	}
	const few, many = 20, 220
	for b.Loop() {
		each := (count(many) - count(few)) / (many - few)
		b.ReportMetric(each, "instructions/sweep")
		harness.Publish(b, page, "idle", fmt.Sprintf("| | instructions |\n|---|---|\n| one sweep | %.0f |\n", each), false)
	}
}

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
	command := exec.Command("make", "-s", "build-ReleaseFunction", "ARTIFACTS_DIR="+folder, "ARCHITECTURE="+architecture)
	command.Dir, command.Stderr = harness.Root(), os.Stderr
	harness.OK(t, command.Run())
	return filepath.Join(folder, "bootstrap")
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
