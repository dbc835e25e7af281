//go:build peers

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"golang.org/x/time/rate"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
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
	bin := func(name string) string { return filepath.Join(root, ".venv-peers", "bin", name) }
	custodian := func(file, policy string) []string {
		return []string{bin("custodian"), "run", "--region", stackRegion, "--cache-period", "0", "-s", "OUTPUT", "-p", policy, filepath.Join("testdata", "peers", file)}
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
// abandoned since its last look, and others look like them.
type busy struct {
	*stage
	died map[string]time.Time // when the owner of an abandoned interface died
	kept map[string]string    // why an interface must stay, by its ID
}

// The kinds of interfaces, and how many there are of each.
const (
	tagged     = 216 // tagged, abandoned by terminated instances
	untagged   = 12  // abandoned, made by CNI 1.6 or older
	garbled    = 12  // abandoned, createdAt unreadable
	optedOut   = 8   // no_manage=true
	managed    = 4   // EC2's refusal protects them
	inHand     = 10  // created two seconds ago, their attach is one that comes late
	hibernated = 3   // created two hours ago, attached when the instance wakes
	behind     = 5   // in hand, too, of a node whose clock is 15 minutes behind
)

func newBusy(t *testing.T, every time.Duration) *busy {
	world := simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(1, 1)), simulator.Options{Account: ownAccount})
	a := &busy{stage: &stage{T: t, world: world}, died: map[string]time.Time{}, kept: map[string]string{}}
	a.populate()
	random, number := rand.New(rand.NewPCG(1, 2)), 0
	seed := func(count int, state, kind string, age time.Duration, change func(*simulator.Interface)) {
		for range count {
			number++
			owner, now := instanceID(number), world.Now()
			death := now.Add(-time.Duration(random.Int64N(int64(every))))
			instance := simulator.Instance{ID: owner, Subnet: a.subnets[number%2], State: state, LaunchedAt: now.Add(-3 * time.Hour)}
			i := simulator.Interface{
				Subnet: a.subnets[number%2], Description: eni.DescriptionPrefix + owner, Creator: owner, Addresses: make([]simulator.Address, 15),
				Tags: map[string]string{"node.k8s.amazonaws.com/instance_id": owner, "node.k8s.amazonaws.com/createdAt": now.Add(-age).Format(time.RFC3339)},
			}
			if state == "terminated" {
				instance.TerminatedAt, i.LeakedAt = death, death
			}
			change(&i)
			world.SeedInstance(instance)
			id := world.Seed(i)
			if kind == "" {
				a.died[id] = death
			} else {
				a.kept[id] = kind
			}
		}
	}
	as := func(*simulator.Interface) {}
	tag := func(key, value string) func(*simulator.Interface) {
		return func(i *simulator.Interface) { i.Tags[key] = value }
	}
	seed(tagged, "terminated", "", 2*time.Hour, as)
	seed(untagged, "terminated", "", 2*time.Hour, func(i *simulator.Interface) { i.Tags = nil })
	seed(garbled, "terminated", "", 2*time.Hour, tag("node.k8s.amazonaws.com/createdAt", "yesterday"))
	seed(optedOut, "terminated", "opted out", 2*time.Hour, tag("node.k8s.amazonaws.com/no_manage", "true"))
	seed(managed, "terminated", "managed", 2*time.Hour, func(i *simulator.Interface) { i.RequesterManaged = true })
	seed(inHand, "running", "in hand", 2*time.Second, as)
	seed(hibernated, "stopped", "hibernated", 2*time.Hour, as)
	seed(behind, "running", "clock behind", 15*time.Minute, as)
	world.OnCall(func(simulator.Call) simulator.Fault { return simulator.Fault{Latency: callLatency} })
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
	table := "| | released | wrongly released | still abandoned | calls | throttled | CNI's calls throttled | run at longest | memory | death to addresses back, of those released: median | p99 |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
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
	published(t, "peers", table)
}

func (p peer) play(t *testing.T) (o result) {
	a := newBusy(t, p.every)
	api := a.world.Handler()
	region := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if strings.Contains(in.Header.Get("Authorization"), "/sts/aws4_request") { // Custodian asks for the account first
			_, _ = fmt.Fprint(out, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>`+ownAccount+`</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
			return
		}
		api.ServeHTTP(out, in)
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
	for _, d := range a.world.Deletions() {
		switch death, abandoned := a.died[d.ID]; {
		case d.Caller == "CNI":
		case abandoned:
			o.released++
			o.back = append(o.back, d.At.Sub(death))
		default:
			o.wrong[a.kept[d.ID]]++
		}
	}
	slices.Sort(o.back)
	o.left = len(a.died) - o.released
	for _, call := range a.world.Calls() {
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

// runThis runs the binary that ships, once a minute, until it finds nothing to release.
// What is left of a minute when a run is done passes at once.
func (a *busy) runThis(t *testing.T) (longest time.Duration, memory float64) {
	p := launch(t, a.world, nil, build(t, architecture))
	defer p.stop()
	for range 6 {
		begun := a.world.Now()
		answer := p.invoke(t, sweepEvent)
		t.Log(answer)
		took := a.world.Now().Sub(begun)
		longest = max(longest, took)
		if strings.Contains(answer, `"released":0,`) {
			break
		}
		a.world.Advance(time.Minute - took)
	}
	return longest, p.resident(t)
}

// runPeer runs a program once: it does all in one look.
func (a *busy) runPeer(t *testing.T, endpoint string, p peer) (longest time.Duration, memory float64) {
	output := t.TempDir()
	command := slices.Clone(p.command)
	for n := range command {
		command[n] = strings.ReplaceAll(command[n], "OUTPUT", output)
	}
	program := exec.CommandContext(t.Context(), command[0], command[1:]...)
	program.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION="+stackRegion, "AWS_DEFAULT_REGION="+stackRegion, "AWS_ACCESS_KEY_ID="+functionKey, "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
	var said bytes.Buffer
	program.Stdout, program.Stderr = &said, &said
	begun := time.Now()
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
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
// What Linux tells after its end is that of the process that started it, if that had more.
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

// deleteTwoASecond is a CNI beside, with interfaces of its own.
func (a *busy) deleteTwoASecond(ctx context.Context, endpoint string) {
	client := ec2.New(aws.Config{Region: stackRegion, BaseEndpoint: aws.String(endpoint), Credentials: credentials.NewStaticCredentialsProvider("CNI", "secret", "")})
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			id := a.world.Seed(simulator.Interface{Subnet: a.subnets[0], Description: "its own", Status: "available"})
			all.Go(func() {
				_, _ = client.Delete(context.WithoutCancel(ctx), id, rate.NewLimiter(rate.Inf, 0)) // what it met is in the journal of calls
			})
		}
	}
}
