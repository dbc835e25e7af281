package operations

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// A first week, dry, beside EKS's VPC resource controller, which cleans for the
// cluster blue only. What docs/adoption.md's queries make of the log is held against
// what the world knows: how long addresses were lost, and what nobody ever cleaned.
// It is a whole week with -update only.
func TestTheFirstWeek(t *testing.T) {
	t.Parallel()
	length := max(played(), 3*day)
	var truth, said struct{ addressHours, neverCleaned float64 }
	synctest.Test(t, func(t *testing.T) {
		s := live(t, map[string]string{"DryRun": "true"}, length, func(s *stack) {
			s.Cleaners.AddResourceController("blue")
			s.Every(time.Minute, func() {
				for _, eni := range s.EC2.Leaked() {
					truth.addressHours += float64(len(eni.Addresses)) / 60
				}
			})
		})
		truth.neverCleaned = float64(len(s.Leaked()))
		sweeps, lastHalfDay := 0, time.Now().Add(-day/2)
		said.neverCleaned = math.Inf(1)
		type totals struct {
			Timestamp                   time.Time
			Message, Trigger            string
			DryRun                      bool
			Released, AddressesReleased float64
		}
		for _, l := range harness.Lines[totals](t, s.Stdout.String()) {
			if l.Message != "run completed" || l.Trigger != "schedule" || !l.DryRun {
				continue
			}
			sweeps++
			said.addressHours += l.AddressesReleased / 60
			if l.Timestamp.After(lastHalfDay) {
				said.neverCleaned = min(said.neverCleaned, l.Released)
			}
		}
		for _, call := range s.Calls() {
			if call.Caller == harness.AccessKey && !strings.HasPrefix(call.Action, "Describe") {
				t.Errorf("a dry run called %s", call.Action)
			}
		}
		if sweeps < int(length/time.Minute)-1 {
			t.Errorf("%d sweeps", sweeps)
		}
	})
	t.Logf("addresses were lost for %.0f address-hours, the query says %.0f; nobody cleaned %.0f, the query says %.0f", truth.addressHours, said.addressHours, truth.neverCleaned, said.neverCleaned)
	if off := math.Abs(said.addressHours/truth.addressHours - 1); off > 0.05 || truth.addressHours < 100 {
		t.Errorf("the query is off by %.1f %%", 100*off)
	}
	if said.neverCleaned == 0 || said.neverCleaned > truth.neverCleaned {
		t.Errorf("the query says that nobody cleaned %v, the world %v", said.neverCleaned, truth.neverCleaned)
	}
}
