package performance

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// A peer is a program that gives addresses back. Each runs as a process of its own
// against a region of its own, the same for all, and looks as often as its schedule says.
type peer struct {
	name    string
	every   time.Duration
	command []string // nil for this project's binary
	refused bool     // ends with an error where EC2 refuses a delete
}

func peers(output string) []peer {
	bin := func(name string) string { return filepath.Join(harness.Root(), ".venv-peers", "bin", name) }
	custodian := func(file, policy string) []string {
		return []string{bin("custodian"), "run", "--region", harness.StackRegion, "--cache-period", "0", "-s", output, "-p", policy, filepath.Join("testdata", "peers", file)}
	}
	return []peer{
		{"this, every minute", time.Minute, nil, false},
		{"cron script (boto3), every 15", 15 * time.Minute, []string{bin("python"), filepath.Join("testdata", "peers", "cron.py")}, false},
		{"Cloud Custodian, short, every 15", 15 * time.Minute, custodian("short.yml", "short"), true},
		{"Cloud Custodian, careful, every 15", 15 * time.Minute, custodian("careful.yml", "careful"), true},
		{"the same, not RequesterManaged", 15 * time.Minute, custodian("careful.yml", "unmanaged"), false},
	}
}

// A busy account is a region shortly before a program looks at it: 240 interfaces are
// leaked since its last look, and others look like them.
type busy struct {
	*harness.Region
	died map[string]time.Time // when the owner of an leaked interface died
	kept map[string]string    // why an interface must stay, by its ID
}

// busyKinds are the kinds of its interfaces, and how many there are of each. Those without a reason
// to be kept are leaked.
var busyKinds = []struct {
	count  int
	state  string // of the owner
	kept   string
	age    time.Duration
	change func(*ec2.Interface)
}{
	{tagged, "terminated", "", 2 * time.Hour, func(*ec2.Interface) {}},
	{12, "terminated", "", 2 * time.Hour, func(i *ec2.Interface) { i.Tags = nil }}, // made by CNI 1.6 or older
	{12, "terminated", "", 2 * time.Hour, tag("node.k8s.amazonaws.com/createdAt", "yesterday")},
	{8, "terminated", "opted out", 2 * time.Hour, tag("node.k8s.amazonaws.com/no_manage", "true")},
	{4, "terminated", "managed", 2 * time.Hour, func(i *ec2.Interface) { i.RequesterManaged = true }}, // EC2's refusal protects them
	{10, "running", "in flight", 2 * time.Second, func(*ec2.Interface) {}},                            // their attach comes late
	{3, "stopped", "hibernated", 2 * time.Hour, func(*ec2.Interface) {}},                              // attached when the instance wakes
	{5, "running", "clock behind", 15 * time.Minute, func(*ec2.Interface) {}},                         // in flight, of a node whose clock is 15 minutes behind
}

// tagged is how many leaks have the CNI's tags: the least that this project must release.
const tagged = 216

func tag(key, value string) func(*ec2.Interface) {
	return func(i *ec2.Interface) { i.Tags[key] = value }
}

func newBusy(t *testing.T, every time.Duration) *busy {
	a := &busy{Region: harness.NewRegion(t, 1, simulator.Options{}), died: map[string]time.Time{}, kept: map[string]string{}}
	random, number := rand.New(rand.NewPCG(1, 2)), 0
	for _, kind := range busyKinds {
		for range kind.count {
			number++
			owner, now := harness.InstanceID(number), time.Now()
			death := now.Add(-time.Duration(random.Int64N(int64(every))))
			instance := ec2.Instance{ID: owner, Subnet: a.Subnets[number%2], State: kind.state, LaunchedAt: now.Add(-3 * time.Hour)}
			i := a.Leak(a.Subnets[number%2], owner, kind.age)
			i.Creator, i.Addresses = owner, make([]ec2.Address, 15)
			if kind.state == "terminated" {
				instance.TerminatedAt, i.LeakedAt = death, death
			}
			kind.change(&i)
			a.Do(func() { a.EC2.AddInstance(instance) })
			id := a.AddInterface(i)
			if kind.kept == "" {
				a.died[id] = death
			} else {
				a.kept[id] = kind.kept
			}
		}
	}
	a.OnCall(func(api.Call) api.Fault { return api.Fault{Latency: harness.CallLatency} })
	return a
}

// TestPeers plays each program on the same account, beside a CNI that deletes two
// interfaces a second: this one until a sweep finds nothing to release, the others for
// the one look in which they do all.
func TestPeers(t *testing.T) {
	if !*harness.Update {
		t.Skip("five minutes, for make bench-peers")
	}
	table := "| | released | wrongly released | still leaked | calls | throttled | CNI's calls throttled | run at longest | memory | death to addresses back, of those released: median | p99 |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
	for _, p := range peers(t.TempDir()) {
		t.Run(p.name, func(t *testing.T) {
			a, longest, memory := p.play(t)
			var back []time.Duration // of the leaks that it released
			wrong := map[string]int{}
			for _, d := range a.Deletions() {
				switch death, leaked := a.died[d.ID]; {
				case d.Caller == "CNI":
				case leaked:
					back = append(back, d.At.Sub(death))
				default:
					wrong[a.kept[d.ID]]++
				}
			}
			slices.Sort(back)
			calls, throttled := callers(a.Calls())
			own, cni := throttled[harness.AccessKey], throttled["CNI"]
			if len(back) == 0 || p.command == nil && (len(back) < tagged || len(wrong) > 0 || own > 0 || cni > 0) {
				t.Fatalf("%d released, wrongly %v, %d and %d calls throttled", len(back), wrong, own, cni)
			}
			var kinds []string
			for _, kind := range slices.Sorted(maps.Keys(wrong)) {
				kinds = append(kinds, fmt.Sprintf("%d %s", wrong[kind], kind))
			}
			table += fmt.Sprintf("| %s | %d | %s | %d | %d | %d | %d | %.1f s | %.0f MB | %s | %s |\n", p.name, len(back), cmp.Or(strings.Join(kinds, ", "), "0"), len(a.died)-len(back),
				calls[harness.AccessKey], own, cni, longest.Seconds(), memory/1e6, share(back, 0.5), share(back, 0.99))
		})
	}
	harness.Publish(t, page, "peers", table, false)
}

func (p peer) play(t *testing.T) (a *busy, longest time.Duration, memory float64) {
	a = newBusy(t, p.every)
	region := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if strings.Contains(in.Header.Get("Authorization"), "/sts/aws4_request") { // Custodian reads the account first
			_, _ = fmt.Fprint(out, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>`+harness.Account+`</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
			return
		}
		a.Front.ServeHTTP(out, in)
	}))
	defer region.Close()
	config := harness.Client("CNI", http.DefaultTransport)
	config.BaseEndpoint = &region.URL
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	beside.Go(func() { deleteTwoASecond(ctx, a.Region, config) })
	defer beside.Wait()
	defer cancel()
	if p.command == nil {
		longest, memory = a.runThis(t)
	} else {
		longest, memory = a.runPeer(t, region.URL, p)
	}
	return a, longest, memory
}

// runThis runs the binary that ships, once a minute, until it finds nothing to release.
// What is left of a minute when a run is done passes at once.
func (a *busy) runThis(t *testing.T) (longest time.Duration, memory float64) {
	p := launch(t, a.Region, nil, build(t, architecture))
	defer p.Stop()
	now := func() time.Time { return simulator.Look(a.Region.Region, a.Loop.Now) } // it is ahead of the machine's
	for range 6 {
		begun := now()
		answer := p.invoke(t, sweepEvent)
		t.Log(answer)
		took := now().Sub(begun)
		longest = max(longest, took)
		if strings.Contains(answer, `"released":0,`) {
			break
		}
		a.Advance(time.Minute - took)
	}
	return longest, p.resident(t)
}

// runPeer runs a program once: it does all in one look.
func (a *busy) runPeer(t *testing.T, endpoint string, p peer) (longest time.Duration, memory float64) {
	program := exec.CommandContext(t.Context(), p.command[0], p.command[1:]...)
	program.Env = append(harness.SAMEnvironment(t), "AWS_ENDPOINT_URL="+endpoint)
	var said bytes.Buffer
	program.Stdout, program.Stderr = &said, &said
	begun := time.Now()
	harness.OK(t, program.Start())
	watched := make(chan float64)
	go func() { watched <- highest(program.Process.Pid) }()
	err := program.Wait()
	longest = time.Since(begun)
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	t.Logf("%v: %s", err, strings.Join(lines[max(0, len(lines)-8):], "\n"))
	if refused := strings.Contains(said.String(), "OperationNotPermitted"); (err != nil) != p.refused || p.refused && !refused {
		t.Errorf("%s ended with %v", p.name, err)
	}
	return longest, <-watched
}

// highest looks at a process until it is gone: the most that it has had in memory, in bytes.
// What Linux reports after its end is that of the process that started it, if that had more.
func highest(pid int) (bytes float64) {
	for {
		now, err := resident(pid)
		if err != nil {
			return bytes
		}
		bytes = now
		time.Sleep(20 * time.Millisecond)
	}
}
