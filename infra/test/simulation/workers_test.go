package simulation

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// Simulations are run by one process a core: a bubble has one running goroutine at a time,
// so that more threads only hinder, and crypto/rand can be seeded for a whole process only.
var (
	worker = flag.String("sim.worker", "", "k/n: run every n-th simulation, from the k-th on (used by TestHistories itself)")
	output = flag.String("sim.output", "", "the file for a worker's result")
)

// A result is what a worker writes.
type result struct {
	Ran       int
	Coverage  Coverage
	Seed      uint64 // of the violation
	Violation string
	Story     string
	err       error
}

// work runs a worker's share, up to the first violation. The first worker prints how far it is.
func work(t *testing.T) {
	var k, n int
	if _, err := fmt.Sscanf(*worker, "%d/%d", &k, &n); err != nil {
		t.Fatal(err)
	}
	r, began, printed := result{Coverage: Coverage{}}, time.Now(), time.Now()
	for i := k; i < *histories && r.Violation == ""; i += n {
		s, story := simulate(t, *firstSeed+uint64(i))
		r.Ran++
		r.Coverage.Add(s.Coverage())
		r.Seed, r.Violation, r.Story = s.Seed, s.Violation(), story
		if k == 0 && time.Since(printed) > 10*time.Second {
			printed = time.Now()
			left := time.Since(began) * time.Duration(*histories-i) / time.Duration(i+1)
			fmt.Fprintf(os.Stderr, "about %d of %d simulations, about %v to go\n", i, *histories, left.Round(time.Second))
		}
	}
	raw, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(*output, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// runWorkers has workers run the simulations, and returns what they met.
func runWorkers(t *testing.T, total int) Coverage {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	results, workers, began, folder := make(chan result), runtime.NumCPU(), time.Now(), t.TempDir()
	for k := range workers {
		share, file := fmt.Sprintf("%d/%d", k, workers), filepath.Join(folder, fmt.Sprint(k))
		go func() { results <- runWorker(ctx, share, file) }()
	}
	met, ran := Coverage{}, 0
	for range workers {
		r := <-results
		ran += r.Ran
		met.Add(r.Coverage)
		switch {
		case t.Failed(): // the others were stopped
		case r.err != nil:
			t.Errorf("a worker ended: %v\n%s", r.err, r.Story)
			stop()
		case r.Violation != "":
			t.Errorf("%s\nviolation in simulation %d of %d: %s\nrepeat it: make sim SEED=%d", r.Story, r.Seed-*firstSeed+1, total, r.Violation, r.Seed)
			stop()
		}
	}
	t.Logf("%d of %d simulations from seed %d on in %v, %.0f a second", ran, total, *firstSeed, time.Since(began).Round(time.Second), float64(ran)/time.Since(began).Seconds())
	if ran < total && !t.Failed() {
		t.Errorf("only %d of %d simulations were simulated", ran, total)
	}
	return met
}

func runWorker(ctx context.Context, share, file string) (r result) {
	command := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHistories$", "-test.timeout=0", "-sim.worker="+share, "-sim.output="+file,
		fmt.Sprintf("-sim.histories=%d", *histories), fmt.Sprintf("-sim.seed=%d", *firstSeed))
	command.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=400")
	command.Stderr = os.Stderr
	printed, err := command.Output()
	if err != nil {
		return result{Story: string(printed), err: err}
	}
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	r.err = err
	return r
}
