package performance

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
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
	took, medians := map[string][]time.Duration{}, map[string]time.Duration{}
	memory := map[string]float64{}
	for b.Loop() {
		for name, command := range map[string][]string{"Go": {binary}, "Python": {python, filepath.Join("testdata", "handler.py")}} {
			p := launch(b, region, nil, command...)
			took[name] = append(took[name], harness.Must(p.Ready(b.Context()))(b))
			memory[name] = max(memory[name], p.resident(b))
			p.Stop()
		}
	}
	for name, all := range took {
		slices.Sort(all)
		medians[name] = all[len(all)/2]
	}
	ratio := medians["Python"].Seconds() / medians["Go"].Seconds()
	b.ReportMetric(ratio, "times-sooner")
	table := "| | start to ready, median | resident when ready |\n|---|---|---|\n"
	table += fmt.Sprintf("| this | %.1f ms | %.1f MB |\n| Python, boto3 | %.1f ms | %.1f MB |\n| ratio | **%.1f** | **%.1f** |\n",
		medians["Go"].Seconds()*1e3, memory["Go"]/1e6, medians["Python"].Seconds()*1e3, memory["Python"]/1e6, ratio, memory["Python"]/memory["Go"])
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
			byHand, _ := run("{}", 1)
			each := (processor - start).Seconds() / sweeps
			b.ReportMetric(resident/1e6, fmt.Sprintf("MB/%d-interfaces", count))
			b.ReportMetric(each, fmt.Sprintf("CPU-s/%d-interfaces", count))
			table += fmt.Sprintf("| %d | %.1f MB | %.1f MB | %d | %.3f s | %.1f s | %.1f s |\n", count, resident/1e6, byHand/1e6, reads, each, each*vCPU/128, each*vCPU/512)
		}
	}
	harness.Publish(b, page, "memory", table, false)
}

// BenchmarkIdle: CPU instructions of one sweep that finds nothing, by callgrind (the
// machine's own counters are not to be had everywhere), and where they go.
func BenchmarkIdle(b *testing.B) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		b.Skip("valgrind is not installed (apt-get install valgrind): no count of instructions")
	}
	binary := filepath.Join(b.TempDir(), "bootstrap") // what ships, with its symbols
	output(b, []string{"CGO_ENABLED=0"}, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-o", binary, "./functions/release")
	const few, many = 20, 220
	for b.Loop() {
		least, most := callgrind(b, binary, few), callgrind(b, binary, many)
		each, whole := map[string]float64{}, 0.0 // of a sweep, by package
		for group, count := range most {
			each[group] = float64(count-least[group]) / (many - few)
			whole += each[group]
		}
		groups := slices.SortedFunc(maps.Keys(each), func(a, b string) int { return cmp.Compare(each[b], each[a]) })
		b.ReportMetric(whole, "instructions/sweep")
		table := "| where | instructions | share |\n|---|---|---|\n"
		for _, group := range groups[:min(10, len(groups))] {
			table += fmt.Sprintf("| %s | %.0f | %.0f %% |\n", group, each[group], 100*each[group]/whole)
		}
		table += fmt.Sprintf("| **one sweep** | **%.0f** | 100 %% |\n", whole)
		harness.Publish(b, page, "idle", table, false)
	}
}

var callgrindLine = regexp.MustCompile(`(?m)^\s*([\d,]+) \([ \d.]+%\)\s+\S+?:(\S+)`)

// callgrind runs the function under callgrind for some sweeps, and sums up the
// instructions by package.
func callgrind(b *testing.B, binary string, sweeps int) map[string]int {
	out := filepath.Join(b.TempDir(), "callgrind.out")
	// Without asyncpreemptoff the runtime sends signals to itself, which valgrind does not always survive.
	p := launch(b, leaking(b, 0), map[string]string{"GOMAXPROCS": "1", "GODEBUG": "asyncpreemptoff=1"}, "valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file="+out, binary)
	for range sweeps {
		p.invoke(b, sweepEvent)
	}
	harness.OK(b, p.Processes[0].Process.Signal(os.Interrupt))
	<-p.Ended
	byPackage := map[string]int{}
	for _, match := range callgrindLine.FindAllStringSubmatch(output(b, nil, "callgrind_annotate", "--threshold=100", out), -1) {
		folder, symbol := filepath.Split(match[2])
		name, _, _ := strings.Cut(symbol, ".")
		folder = strings.TrimPrefix(folder, "github.com/network-interface-releaser/network-interface-releaser/")
		byPackage[folder+name] += harness.Must(strconv.Atoi(strings.ReplaceAll(match[1], ",", "")))(b)
	}
	return byPackage
}
