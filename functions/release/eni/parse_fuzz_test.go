package eni

import (
	"regexp"
	"testing"
	"time"
)

var (
	describedByCNI = regexp.MustCompile(`\Aaws-K8S-(i-[0-9a-f]{8}|i-[0-9a-f]{17})\z`)
	strictly       = regexp.MustCompile(`\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)\z`)
)

// FuzzDescription: only exactly what the CNI writes describes an owner.
func FuzzDescription(f *testing.F) {
	f.Add(DescriptionPrefix + dead)
	f.Fuzz(func(t *testing.T, description string) {
		want := ""
		if match := describedByCNI.FindStringSubmatch(description); match != nil {
			want = match[1]
		}
		if got := (Interface{Description: description}).describedInstance(); got != want {
			t.Fatalf("%q describes %q, want %q", description, got, want)
		}
	})
}

// FuzzCreatedAt: whatever createdAt and the owners' states are, the decision is that of the
// table in docs/rule.md, here written a second time.
func FuzzCreatedAt(f *testing.F) {
	f.Add(createdAgo(time.Hour), "running", "terminated", uint8(30))
	for _, createdAt := range []string{"2019-12-31T23:59:59Z", "2026-11-23T9:00:00Z", "2026-11-23T09:00:00,5Z", "2026-11-23T11:59:00+24:00", "9999-12-31T23:59:59Z"} {
		f.Add(createdAt, "not-visible", "not-visible", uint8(30))
	}
	f.Fuzz(func(t *testing.T, createdAt, described, tagged string, grace uint8) {
		r := rule
		r.GracePeriod = time.Duration(grace) * time.Minute
		i, states := leaked(), map[string]State{}
		i.Tags[tagInstance], i.Tags[tagCreatedAt] = other, createdAt
		for id, state := range map[string]string{dead: described, other: tagged} {
			if State(state) == lately || State(state) == sometime {
				return // evidence_test.go has its own meaning of these
			}
			if State(state) != NotVisible {
				states[id] = State(state)
			}
		}
		want, reason := inProse(r, createdAt, described, tagged)
		if v := r.Judge(i, visible(states), now); v.Release != want || v.Reason != reason {
			t.Fatalf("%q, %q and %q: release %v, %s; want %v, %s", createdAt, described, tagged, v.Release, v.Reason, want, reason)
		}
	})
}

func inProse(r Rule, createdAt, described, tagged string) (release bool, reason Reason) {
	at, err := time.Parse(time.RFC3339Nano, createdAt)
	readable := err == nil && strictly.MatchString(createdAt) && at.UTC().Year() >= 2020
	oneIs := func(state State) bool { return State(described) == state || State(tagged) == state }
	known := func(state string) bool {
		return State(state) == Running || State(state) == Terminated || State(state) == NotVisible
	}
	switch {
	case !known(described) || !known(tagged):
		return false, OwnerAlive
	case oneIs(Running) && r.GracePeriod <= rule.GracePeriod && readable && !at.After(now.Add(-24*time.Hour)):
		return true, NeverAttached
	case oneIs(Running):
		return false, OwnerAlive
	case !oneIs(NotVisible):
		return true, OwnerTerminated
	case !readable || at.After(now.Add(15*time.Minute)):
		return false, AgeUnreadable
	case at.After(now.Add(-r.GracePeriod)):
		return false, Young
	}
	return true, OwnerGone
}
