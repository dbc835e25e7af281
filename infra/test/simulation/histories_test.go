package simulation

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

var (
	histories = flag.Int("sim.histories", inATest(), "how many simulations TestHistories runs")
	firstSeed = flag.Uint64("sim.seed", 1, "the seed of the first one; the next ones follow")
	worker    = flag.Int("sim.worker", 0, "n: simulate every n-th seed, and print a result for each (used by TestHistories itself)")
)

// How many simulations meet everything but the rare kinds of scenario, and how many those, too:
// the rarest are 2 in 10,000.
const (
	most = 5_000
	all  = 100_000
)

// inATest returns how many simulations take some seconds; the race detector makes each ten times as long.
func inATest() int {
	info, _ := debug.ReadBuildInfo()
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return most / 10
	}
	return most
}

// A result is what a worker prints of a simulation.
type result struct {
	Seed             uint64
	Coverage         Coverage
	Violation, Story string
}

// TestHistories simulates the unchanged function, from the decoder to the SDK's client:
// `make sim SEED=n` repeats one simulation, `make sim HISTORIES=n` runs n of them.
func TestHistories(t *testing.T) {
	if *worker > 0 {
		for i := 0; i < *histories; i += *worker {
			s, story := simulate(t, *firstSeed+uint64(i))
			if err := json.NewEncoder(os.Stdout).Encode(result{s.Seed, s.Coverage(), s.Violation(), story}); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if *histories == 1 {
		s, story := simulate(t, *firstSeed)
		t.Log(story)
		if s.Violation() != "" {
			t.Errorf("seed %d: %s", *firstSeed, s.Violation())
		}
		return
	}
	met := runWorkers(t, *histories)
	var counts strings.Builder
	for _, name := range slices.Sorted(maps.Keys(met)) {
		fmt.Fprintf(&counts, "%12d  %s\n", met[name], name)
	}
	t.Logf("what they met:\n%s", counts.String())
	missed := slices.DeleteFunc(everything(), func(name string) bool {
		return met[name] > 0 || *histories < all && strings.HasPrefix(name, "scenario/")
	})
	if len(missed) > 0 && *histories >= most && !t.Failed() {
		t.Errorf("no simulation met %s", strings.Join(missed, ", "))
	}
}

// everything returns what enough simulations must meet: each kind of scenario, operation,
// fault, outage, undeletable interface and row of the rule, and each outcome.
func everything() []string {
	all := slices.Clone(outcomes)
	for _, k := range kinds {
		all = append(all, "scenario/"+k.kind)
	}
	for _, o := range operations {
		all = append(all, "operation/"+o.name)
	}
	for _, f := range faults {
		all = append(all, "fault/"+f.name)
	}
	for _, o := range outages {
		all = append(all, "outage/"+o.kind)
	}
	for _, r := range refusals {
		all = append(all, "undeletable/"+r.name)
	}
	for _, row := range model.Rows {
		all = append(all, "rule/"+row)
	}
	return all
}

// outcomes are those of interfaces, runs and messages.
var outcomes = []string{
	"run/released", "run/gone", "run/deferred", "run/failed", "run/kept", "run/failed as a whole", "run/dry", "run/manual",
	"run/killed before a call", "run/killed after a call", "run/two at once", "run/three at once", "message/dead letter", "message/came again", "message/state change",
	"refused although it is gone", "run/permission missing", "dated by a CNI",
}

// runWorkers has workers run the simulations, up to the first violation, and returns what they met.
// There is one process a core: a bubble has one running goroutine at a time, so that more threads
// only hinder, and crypto/rand can be seeded for a whole process only.
func runWorkers(t *testing.T, total int) Coverage {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	results, began, printed := make(chan result), time.Now(), time.Now()
	var workers sync.WaitGroup
	for k := range min(runtime.NumCPU(), total) {
		workers.Go(func() {
			if err := runWorker(ctx, k, total, results); err != nil && ctx.Err() == nil {
				t.Errorf("a worker ended: %v", err)
				stop()
			}
		})
	}
	go func() {
		workers.Wait()
		close(results)
	}()
	met, ran := Coverage{}, 0
	for r := range results {
		ran++
		met.Add(r.Coverage)
		if r.Violation != "" && ctx.Err() == nil {
			t.Errorf("%s\nviolation in simulation %d of %d: %s\nrepeat it: make sim SEED=%d", r.Story, r.Seed-*firstSeed+1, total, r.Violation, r.Seed)
			stop()
		}
		if time.Since(printed) > 10*time.Second {
			printed = time.Now()
			left := time.Since(began) * time.Duration(total-ran) / time.Duration(ran)
			fmt.Fprintf(os.Stderr, "%d of %d simulations, about %v to go\n", ran, total, left.Round(time.Second))
		}
	}
	t.Logf("%d of %d simulations from seed %d on in %v, %.0f a second", ran, total, *firstSeed, time.Since(began).Round(time.Second), float64(ran)/time.Since(began).Seconds())
	if ran < total && !t.Failed() {
		t.Errorf("only %d of %d simulations were simulated", ran, total)
	}
	return met
}

// runWorker runs the k-th worker, and passes on its results.
func runWorker(ctx context.Context, k, total int, results chan<- result) error {
	seed, step := *firstSeed+uint64(k), runtime.NumCPU()
	command := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHistories$", "-test.timeout=0",
		fmt.Sprintf("-sim.worker=%d", step), fmt.Sprintf("-sim.histories=%d", total-k), fmt.Sprintf("-sim.seed=%d", seed))
	command.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=4000")
	printed, out := io.Pipe()
	command.Stdout, command.Stderr = out, os.Stderr
	go func() { _ = out.CloseWithError(command.Run()) }()
	lines := json.NewDecoder(printed)
	for r := (result{}); lines.Decode(&r) == nil; r = (result{}) { // a test's own last lines are no result
		results <- r
		seed = r.Seed + uint64(step)
	}
	rest, err := io.ReadAll(io.MultiReader(lines.Buffered(), printed))
	if err != nil {
		return fmt.Errorf("seed %d: %w: %s", seed, err, rest)
	}
	return nil
}

// One seed is one history: simulated twice, it is the same step by step.
func TestASeedIsOneHistory(t *testing.T) {
	for seed := range uint64(20) {
		_, first := simulate(t, seed)
		if _, second := simulate(t, seed); first != second {
			t.Fatalf("seed %d went two ways:\n%s\n%s", seed, first, second)
		}
	}
}

// simulate runs a simulation in a bubble, and returns its story if somebody will read it.
// The SDK's back-off draws from crypto/rand, which is the seed's, too.
func simulate(t *testing.T, seed uint64) (s *Simulation, story string) {
	template := harness.Template(t)
	harness.Bubble(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		s = New(seed, template)
		s.Run()
		if *worker == 0 || s.Violation() != "" {
			story = s.Story()
		}
	})
	return s, story
}
