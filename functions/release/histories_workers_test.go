package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation"
)

// Histories are played by one process a core: a bubble has one running goroutine at
// a time, so that more threads only get in each other's way, and crypto/rand can be
// seeded for a whole process only.
var worker = flag.String("sim.worker", "", "k/n: play every n-th history, from the k-th on (used by TestHistories itself)")

// A tiding is what a worker writes, a line each.
type tiding struct {
	Played    int
	Coverage  simulation.Coverage
	Seed      uint64
	Violation string
	Story     string
}

const tidingMark = "sim: "

// work plays a worker's share, up to the first violation.
func work(t *testing.T) {
	var k, n int
	if _, err := fmt.Sscanf(*worker, "%d/%d", &k, &n); err != nil {
		t.Fatal(err)
	}
	news := tiding{Coverage: simulation.Coverage{}}
	told := time.Now()
	for i := k; i < *histories; i += n {
		h, story := playHistory(t, *firstSeed+uint64(i))
		news.Played++
		news.Coverage.Add(h.Coverage())
		if news.Violation = h.Violation(); news.Violation != "" {
			news.Seed, news.Story = h.Seed, story
			break
		}
		if time.Since(told) > time.Second {
			tell(news)
			news, told = tiding{Coverage: simulation.Coverage{}}, time.Now()
		}
	}
	tell(news)
}

func tell(news tiding) {
	raw, err := json.Marshal(news)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s%s\n", tidingMark, raw)
}

// overseen has workers play, tells how far they are, and adds up what they met.
func overseen(t *testing.T, total int) simulation.Coverage {
	met, played, begun, told := simulation.Coverage{}, 0, time.Now(), time.Now()
	news := make(chan tiding)
	var workers sync.WaitGroup
	var running []*exec.Cmd
	for k := range runtime.NumCPU() {
		command := exec.Command(os.Args[0], "-test.run=^TestHistories$", "-test.timeout=0",
			fmt.Sprintf("-sim.worker=%d/%d", k, runtime.NumCPU()), fmt.Sprintf("-sim.histories=%d", total), fmt.Sprintf("-sim.seed=%d", *firstSeed))
		command.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=400")
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		command.Stderr = command.Stdout
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, command)
		workers.Go(func() {
			other := readTidings(out, news)
			if err := command.Wait(); err != nil {
				news <- tiding{Violation: fmt.Sprintf("worker %d ended: %v", k, err), Story: other}
			}
		})
	}
	go func() { workers.Wait(); close(news) }()
	for n := range news {
		played += n.Played
		met.Add(n.Coverage)
		if n.Violation != "" && !t.Failed() {
			t.Errorf("%s\nviolation in history %d of %d: %s\nrepeat it: make sim SEED=%d", n.Story, played, total, n.Violation, n.Seed)
			for _, command := range running {
				_ = command.Process.Kill()
			}
		}
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			rate := float64(played) / time.Since(begun).Seconds()
			fmt.Printf("%d of %d histories, %.0f a second, about %v to go\n", played, total, rate, time.Duration(float64(total-played)/rate*float64(time.Second)).Round(time.Second))
		}
	}
	t.Logf("%d of %d histories played in %v, %.0f a second", played, total, time.Since(begun).Round(time.Second), float64(played)/time.Since(begun).Seconds())
	if played < total && !t.Failed() {
		t.Errorf("only %d of %d histories were played", played, total)
	}
	return met
}

// readTidings passes on a worker's lines, and returns what else it wrote.
func readTidings(out io.Reader, news chan<- tiding) (other string) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		raw, is := strings.CutPrefix(lines.Text(), tidingMark)
		var n tiding
		if !is || json.Unmarshal([]byte(raw), &n) != nil {
			other += lines.Text() + "\n"
			continue
		}
		news <- n
	}
	return other
}
