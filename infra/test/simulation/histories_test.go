package simulation

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/handler"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

var (
	histories = flag.Int("sim.histories", inATest(), "how many simulations TestHistories runs")
	firstSeed = flag.Uint64("sim.seed", 1, "the seed of the first one; the next ones follow")
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

// TestHistories simulates the unchanged function, from the decoder to the SDK's client:
// `make sim SEED=n` repeats one simulation, `make sim HISTORIES=n` runs n of them.
func TestHistories(t *testing.T) {
	if *worker != "" {
		work(t)
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
	missed := slices.DeleteFunc(met.Missed(), func(name string) bool {
		return *histories < all && strings.HasPrefix(name, "scenario/")
	})
	if len(missed) > 0 && *histories >= most && !t.Failed() {
		t.Errorf("no simulation met %s", strings.Join(missed, ", "))
	}
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
	template := harness.Deployed(t, nil)
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		defer func() {
			if cause := recover(); cause != nil {
				panic(fmt.Sprintf("seed %d: %v\n%s", seed, cause, debug.Stack()))
			}
		}()
		s = New(seed, Function{Template: template, Start: start})
		s.Run()
		if *worker == "" || s.Violation() != "" {
			story = s.Story()
		}
	})
	return s, story
}

// start starts the function as main does.
func start(e Environment) lambda.Invoke {
	s := e.Settings
	h, err := handler.New(handler.Config{
		Environment: map[string]string{
			"ACCOUNT_ID": s.Account, "DRY_RUN": strconv.FormatBool(s.DryRun), "VPC_IDS": strings.Join(s.VPCs, ","), "CLUSTER_NAMES": strings.Join(s.Clusters, ","),
			"RELEASE_UNTAGGED": strconv.FormatBool(s.ReleaseUntagged), "GRACE_PERIOD_MINUTES": strconv.Itoa(int(s.GracePeriod.Minutes())),
			"DELETES_PER_MINUTE": strconv.Itoa(s.DeletesPerMinute), "METRICS": "false",
		},
		AWS: harness.Client(e.AccessKey, e.Transport), Log: slog.New(e.Log),
		Metrics: io.Discard, Shuffle: e.Random.Shuffle,
	})
	if err != nil {
		panic(err)
	}
	return h.Invoke
}
