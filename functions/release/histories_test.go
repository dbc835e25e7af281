package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/handler"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/hostile"
)

var (
	histories = flag.Int("sim.histories", slice(), "how many histories TestHistories plays")
	firstSeed = flag.Uint64("sim.seed", 1, "the seed of the first one; the next ones follow")
)

// slice is how many histories a test run plays: some seconds' worth, under the race
// detector, which makes each ten times as long, fewer.
func slice() int {
	info, _ := debug.ReadBuildInfo()
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return 500
	}
	return most
}

// TestHistories plays the unchanged function, from the decoder to the SDK's client,
// in hostile histories (infra/simulator/hostile): `make sim SEED=n` repeats one,
// `make sim HISTORIES=n` plays n of them.
func TestHistories(t *testing.T) {
	if *worker != "" {
		work(t)
		return
	}
	total := *histories
	if total == 1 {
		h, story := playHistory(t, *firstSeed)
		t.Logf("%s", story)
		if h.Violation() != "" {
			t.Errorf("seed %d: %s", *firstSeed, h.Violation())
		}
		return
	}
	t.Logf("%d histories from seed %d on, %d processes", total, *firstSeed, runtime.NumCPU())
	met := overseen(t, total)
	logCoverage(t, met)
	missed := met.Missed()
	if total < all {
		missed = slices.DeleteFunc(missed, func(name string) bool { return strings.HasPrefix(name, "history/") })
	}
	if len(missed) > 0 && total >= most && !t.Failed() {
		t.Errorf("no history met %s", strings.Join(missed, ", "))
	}
}

// How many histories meet every act, fault and line of the rule, and how many also
// every kind of history: the rarest are 2 in 10,000.
const (
	most = 5_000
	all  = 100_000
)

func logCoverage(t *testing.T, met hostile.Coverage) {
	var out strings.Builder
	for _, name := range met.Names() {
		fmt.Fprintf(&out, "%12d  %s\n", met[name], name)
	}
	t.Logf("what they met:\n%s", out.String())
}

// One seed is one history: played twice, it goes the same way, step by step.
func TestASeedIsOneHistory(t *testing.T) {
	for seed := range uint64(20) {
		_, first := playHistory(t, seed)
		if _, second := playHistory(t, seed); first != second {
			t.Fatalf("seed %d went two ways:\n%s\n%s", seed, first, second)
		}
	}
}

// playHistory plays one history in a bubble, and has it told there if that is to be
// read. The SDK's back-off draws from crypto/rand, which is the seed's, too.
func playHistory(t *testing.T, seed uint64) (h *hostile.History, story string) {
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		defer func() {
			if cause := recover(); cause != nil {
				panic(fmt.Sprintf("seed %d: %v\n%s", seed, cause, debug.Stack()))
			}
		}()
		h = hostile.Play(seed, hostile.Function{Pattern: terminatePattern(t), Start: startFunction})
		if *worker == "" || h.Violation() != "" {
			story = h.Story()
		}
	})
	return h, story
}

// startFunction is what main does at a cold start, with the environment of a history.
func startFunction(e hostile.Environment) simulator.Invoke {
	s := e.Settings
	settings := map[string]string{
		"ACCOUNT_ID": s.Account, "DRY_RUN": strconv.FormatBool(s.DryRun), "VPC_IDS": strings.Join(s.VPCs, ","), "CLUSTER_NAMES": strings.Join(s.Clusters, ","),
		"RELEASE_UNTAGGED": strconv.FormatBool(s.ReleaseUntagged), "GRACE_PERIOD_MINUTES": strconv.Itoa(int(s.GracePeriod.Minutes())),
		"DELETES_PER_MINUTE": strconv.Itoa(s.DeletesPerMinute), "METRICS": "false",
	}
	config := aws.Config{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String("http://simulator"),
		HTTPClient:   &http.Client{Transport: e.Transport},
		Retryer:      awsconfig.NewRetryer,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: e.AccessKey, SecretAccessKey: "secret"}, nil
		}),
	}
	h, err := handler.New(handler.Config{Environment: settings, AWS: config, Log: slog.New(e.Log), Metrics: io.Discard, Shuffle: e.Random.Shuffle})
	if err != nil {
		panic(err)
	}
	return h.Invoke
}

// terminatePattern is the template's own.
var terminatePattern = func() func(*testing.T) []byte {
	var pattern []byte
	return func(t *testing.T) []byte {
		if pattern == nil {
			var err error
			if pattern, err = json.Marshal(at(t, template(t), "Resources", "TerminateEventsRule", "Properties", "EventPattern")); err != nil {
				t.Fatal(err)
			}
		}
		return pattern
	}
}()
