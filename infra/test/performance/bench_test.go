package performance

import (
	"fmt"
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
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// architecture is this machine's, as the template names it.
var architecture = map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]

// leaking returns a region with so many leaks, four of each of their terminated owners, each of
// another age, ten addresses each, with DNS names.
func leaking(t testing.TB, count int) *harness.Region {
	r := harness.NewRegion(t, 1, simulator.Options{})
	_, subnets := r.AddSubnets("10.0.0.0/8", "10.0.0.0/12")
	for n := range count {
		owner := harness.InstanceID(n/4 + 1)
		if n%4 == 0 {
			r.AddInstance(owner, "terminated")
		}
		leak := r.Leak(subnets[0], owner, time.Hour+time.Duration(n)*time.Second)
		for each := range leak.Addresses {
			leak.Addresses[each].DNSName = "ip-10-128-128-128." + harness.StackRegion + ".compute.internal"
		}
		r.AddInterface(leak)
	}
	return r
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
			took[name] = append(took[name], p.startUp(b))
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
// a dry run by hand does, which answers with a list, and the processor time of one sweep.
func BenchmarkMemory(b *testing.B) {
	const sweeps = 2
	binary := build(b, architecture)
	table := "| interfaces | resident at most | in a run by hand | reads | processor time of a sweep | the same at 128 MB's share | at 512 MB's |\n|---|---|---|---|---|---|---|\n"
	for b.Loop() {
		for _, count := range []int{0, 100, 1000, 10000, 50000} {
			region := leaking(b, count)
			run := func(payload string, times int) (resident float64, processor time.Duration) {
				p := launch(b, region, map[string]string{"DRY_RUN": "true"}, binary)
				p.startUp(b)
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
	compile := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-o", binary, "./functions/release")
	compile.Dir = harness.Root()
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := compile.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, output)
	}
	const few, many = 20, 220
	for b.Loop() {
		least, most := callgrind(b, binary, few), callgrind(b, binary, many)
		total := 0
		type share struct {
			name string
			each float64
		}
		var shares []share
		for group, count := range most {
			each := float64(count-least[group]) / (many - few)
			shares = append(shares, share{group, each})
			total += count - least[group]
		}
		slices.SortFunc(shares, func(a, b share) int { return int(b.each - a.each) })
		whole := float64(total) / (many - few)
		b.ReportMetric(whole, "instructions/sweep")
		table := "| where | instructions | share |\n|---|---|---|\n"
		for _, s := range shares[:min(10, len(shares))] {
			table += fmt.Sprintf("| %s | %.0f | %.0f %% |\n", s.name, s.each, 100*s.each/whole)
		}
		table += fmt.Sprintf("| **one sweep** | **%.0f** | 100 %% |\n", whole)
		harness.Publish(b, page, "idle", table, false)
	}
}

var callgrindLine = regexp.MustCompile(`(?m)^\s*([\d,]+) \([ \d.]+%\)\s+\S+?:(\S+)`)

// callgrind runs the function under callgrind for some sweeps, and sums up the
// instructions by package.
func callgrind(b *testing.B, binary string, sweeps int) map[string]int {
	b.Helper()
	out := filepath.Join(b.TempDir(), "callgrind.out")
	// Without asyncpreemptoff the runtime sends signals to itself, which valgrind does not always survive.
	p := launch(b, leaking(b, 0), map[string]string{"GOMAXPROCS": "1", "GODEBUG": "asyncpreemptoff=1"}, "valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file="+out, binary)
	for range sweeps {
		p.invoke(b, sweepEvent)
	}
	if err := p.Processes[0].Process.Signal(os.Interrupt); err != nil {
		b.Fatal(err)
	}
	b.Log(<-p.Ended) // it was interrupted
	listing, err := exec.Command("callgrind_annotate", "--threshold=100", out).Output()
	if err != nil {
		b.Fatal(err)
	}
	byPackage := map[string]int{}
	for _, match := range callgrindLine.FindAllStringSubmatch(string(listing), -1) {
		count, err := strconv.Atoi(strings.ReplaceAll(match[1], ",", ""))
		if err != nil {
			b.Fatal(err)
		}
		byPackage[packageOf(match[2])] += count
	}
	return byPackage
}

// packageOf is a symbol's Go package, in the words of a table.
func packageOf(symbol string) string {
	folder, name := filepath.Split(symbol)
	pkg, _, _ := strings.Cut(name, ".")
	return strings.TrimPrefix(folder, "github.com/network-interface-releaser/network-interface-releaser/") + pkg
}
