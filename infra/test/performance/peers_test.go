package performance

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
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

func peers() []peer {
	bin := func(name string) string { return filepath.Join(harness.Root(), ".venv-peers", "bin", name) }
	custodian := func(file, policy string) []string {
		return []string{bin("custodian"), "run", "--region", harness.StackRegion, "--cache-period", "0", "-s", "OUTPUT", "-p", policy, filepath.Join("testdata", "peers", file)}
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
	{10, "running", "in hand", 2 * time.Second, func(*ec2.Interface) {}},                              // their attach comes late
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

// A result is what a program made of a busy account.
type result struct {
	released, left, calls, suffered, caused int
	wrong                                   map[string]int
	longest                                 time.Duration
	back                                    []time.Duration
	memory                                  float64
}

// TestPeers plays each program on the same account, beside a CNI that deletes two
// interfaces a second: this one until a sweep finds nothing to release, the others for
// the one look in which they do all.
func TestPeers(t *testing.T) {
	if !*harness.Update {
		t.Skip("five minutes, for make bench-peers")
	}
	table := "| | released | wrongly released | still leaked | calls | throttled | CNI's calls throttled | run at longest | memory | death to addresses back, of those released: median | p99 |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
	for _, p := range peers() {
		t.Run(p.name, func(t *testing.T) {
			o := p.play(t)
			if o.calls == 0 || o.released == 0 {
				t.Fatalf("%s did not run: %+v", p.name, o)
			}
			var wrong []string
			total := 0
			for _, kind := range slices.Sorted(maps.Keys(o.wrong)) {
				wrong, total = append(wrong, fmt.Sprintf("%d %s", o.wrong[kind], kind)), total+o.wrong[kind]
			}
			detail := ""
			if total > 0 {
				detail = " (" + strings.Join(wrong, ", ") + ")"
			}
			table += fmt.Sprintf("| %s | %d | %d%s | %d | %d | %d | %d | %.1f s | %.0f MB | %s | %s |\n", p.name, o.released, total, detail, o.left, o.calls, o.suffered, o.caused,
				o.longest.Seconds(), o.memory/1e6, share(o.back, 0.5), share(o.back, 0.99))
			if p.command == nil && (total > 0 || o.suffered > 0 || o.caused > 0 || o.released < tagged) {
				t.Errorf("this project: %+v", o)
			}
		})
	}
	harness.Publish(t, page, "peers", table, false)
}

func (p peer) play(t *testing.T) (o result) {
	a := newBusy(t, p.every)
	region := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if strings.Contains(in.Header.Get("Authorization"), "/sts/aws4_request") { // Custodian asks for the account first
			_, _ = fmt.Fprint(out, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>`+harness.Account+`</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
			return
		}
		a.Front.ServeHTTP(out, in)
	}))
	defer region.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	beside.Go(func() { a.deleteTwoASecond(ctx, region.URL) })
	if p.command == nil {
		o.longest, o.memory = a.runThis(t)
	} else {
		o.longest, o.memory = a.runPeer(t, region.URL, p)
	}
	cancel()
	beside.Wait()
	o.wrong = map[string]int{}
	for _, d := range a.Deletions() {
		switch death, leaked := a.died[d.ID]; {
		case d.Caller == "CNI":
		case leaked:
			o.released++
			o.back = append(o.back, d.At.Sub(death))
		default:
			o.wrong[a.kept[d.ID]]++
		}
	}
	slices.Sort(o.back)
	o.left = len(a.died) - o.released
	for _, call := range a.Calls() {
		throttled := call.Status == 503
		switch {
		case call.Caller != "CNI":
			o.calls++
			if throttled {
				o.suffered++
			}
		case throttled:
			o.caused++
		}
	}
	return o
}
