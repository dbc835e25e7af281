// Package hostile plays lives of clusters in a hostile region: nodes that die at every
// bad moment, an API that fails in every way, other cleaners, operators' hands, and a
// function that is killed at any call. One seed is one history. The world, not the
// function's own words, judges whether an interface in use was released (judge.go)
// and whether one that is abandoned was forgotten (calm.go).
//
// A history goes one way, a file a step: traits.go draws what it is like, acts.go
// what happens in it, faults.go what the function's calls meet, process.go is
// Lambda, wire.go stands between a process and the world.
package hostile

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// A Function is what the histories are played against.
type Function struct {
	Pattern []byte // of the EventBridge rule that feeds its queue
	Start   func(Environment) simulator.Invoke
}

// An Environment is what a process of the function starts with. It makes one run at
// a time, and is killed without notice.
type Environment struct {
	Settings  Settings
	AccessKey string
	Transport http.RoundTripper // to EC2 and Auto Scaling
	Log       slog.Handler
	Random    *rand.Rand
}

// Settings are the function's, in the words of its template's parameters.
type Settings struct {
	Account          string
	DryRun           bool
	VPCs, Clusters   []string
	ReleaseUntagged  bool
	GracePeriod      time.Duration
	DeletesPerMinute int
}

// A History is one life of some clusters, and what the function did meanwhile.
type History struct {
	Seed     uint64
	function Function
	traits   traits
	settings Settings
	world    *simulator.World
	rand     *rand.Rand // of traits and acts; the world has its own

	vpcs    []string
	subnets []string
	groups  []string
	odd     []string // interfaces that were put there by hand
	buffer  *simulator.Queue
	dead    *simulator.Queue
	spells  []spell
	stuck   map[string]stuckness
	redated map[string]bool // interfaces whose createdAt is an operator's
	bad     map[string]bool // bodies of messages that no one can use

	mu        sync.Mutex
	calm      bool
	calmAt    time.Time
	processes []*process
	pending   map[string]simulator.Fault // by access key, for the call that is on its way
	failed    map[string]int             // by message, how many invocations with it failed
	coverage  Coverage
	trace     trace
	violation string
}

// account is the function's own: the account number of AWS's own examples.
const account = "123456789012"

// Play plays the history of a seed, inside a testing/synctest bubble.
func Play(seed uint64, f Function) *History {
	h := &History{
		Seed: seed, function: f, rand: rand.New(rand.NewPCG(seed, 1)),
		stuck: map[string]stuckness{}, redated: map[string]bool{}, bad: map[string]bool{}, pending: map[string]simulator.Fault{},
		failed: map[string]int{}, coverage: Coverage{},
	}
	h.traits = h.drawTraits()
	h.world = simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(seed, 2)), h.traits.options)
	h.settle()
	ctx, cancel := context.WithCancel(context.Background())
	var region sync.WaitGroup
	region.Go(func() { h.world.Run(ctx) })
	h.live()
	h.calmDown()
	cancel()
	region.Wait()
	h.count("history/" + h.traits.kind)
	h.add("neighbour calls", h.neighboursCalls())
	return h
}

// Violation says what went wrong first; "" for nothing.
func (h *History) Violation() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.violation
}

// Coverage is what the history met.
func (h *History) Coverage() Coverage {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.coverage
}

// violate notes the first violation; the history goes on, its verdict stands.
func (h *History) violate(format string, args ...any) {
	h.note("VIOLATION: "+format, args...)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.violation == "" {
		h.violation = fmt.Sprintf(format, args...)
		h.trace.close()
	}
}

// over tells whether there is no more to be learned from this history.
func (h *History) over() bool { return h.Violation() != "" }

// settle makes the region: VPCs, subnets, groups of nodes, the function's triggers, neighbours.
func (h *History) settle() {
	t, w := h.traits, h.world
	for v := range t.vpcs {
		vpc := w.AddVPC(fmt.Sprintf("10.%d.0.0/16", v))
		h.vpcs = append(h.vpcs, vpc)
		for s := range 2 {
			h.subnets = append(h.subnets, w.AddSubnet(vpc, fmt.Sprintf("10.%d.%d.0/20", v, 16*s), string(rune('a'+s))))
		}
	}
	h.settings = h.drawSettings()
	for g := range t.groups {
		name := fmt.Sprintf("group-%d", g)
		vpc := h.rand.IntN(t.vpcs)
		home := h.subnets[2*vpc : 2*vpc+2]
		cni := h.drawCNI(home)
		w.AddGroup(simulator.Group{Name: name, Subnets: home[:1+h.rand.IntN(2)], Node: simulator.Node{Hidden: t.hidden, CNI: cni}})
		h.groups = append(h.groups, name)
	}
	w.OnCall(h.meets)

	// The numbers are those of template.yaml.
	h.dead = w.AddQueue(simulator.Queue{Name: "dead-letters"})
	h.buffer = w.AddQueue(simulator.Queue{Name: "buffer", Delay: time.Minute, Visibility: 6 * time.Minute, Receives: 5, DeadLetters: h.dead})
	if err := w.AddRule(h.function.Pattern, h.buffer); err != nil {
		panic("hostile: " + err.Error())
	}
	w.AddMapping(simulator.Mapping{Queue: h.buffer, BatchSize: 1000, Window: 15 * time.Second, Concurrency: 2, Invoke: h.lambda})
	w.AddSchedule(t.interval, h.lambda)
	h.inviteNeighbours()
}

// live lets the acts happen, each at its time.
func (h *History) live() {
	end := time.Now().Add(h.traits.length)
	for _, at := range h.drawMoments() {
		time.Sleep(time.Until(at))
		if h.over() {
			return
		}
		h.act()
	}
	time.Sleep(time.Until(end))
}
