package eni

import (
	"slices"
	"testing"
	"time"
)

// The evidence, row by row and to the second.
var evidenceCases = []struct {
	name      string
	described State // of the instance in the description
	tagged    State // of the one in the tag; "" where it is the same, untagged where there is no tag
	createdAt string
	release   bool
	reason    Reason
}{
	{"terminated, just created", Terminated, "", createdAgo(0), true, OwnerTerminated},
	{"terminated, age unreadable", Terminated, "", "yesterday", true, OwnerTerminated},
	{"terminated, no age", Terminated, "", "", true, OwnerTerminated},
	{"terminated, no tags", Terminated, untagged, "", true, OwnerTerminated},
	{"both terminated", Terminated, Terminated, createdAgo(0), true, OwnerTerminated},
	{"pending", "pending", "", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"shutting down", "shutting-down", "", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"stopping", "stopping", "", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"stopped", "stopped", "", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"a state without a name", "", "", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"a state that EC2 may add", "dreaming", "", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"terminated and stopped", Terminated, "stopped", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"stopped and running", "stopped", Running, createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"running and stopped", Running, "stopped", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"not visible and stopped", NotVisible, "stopped", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"running for the grace period, a day old", Running, "", createdAgo(24 * time.Hour), true, NeverAttached},
	{"running, a second less than a day old", Running, "", createdAgo(24*time.Hour - time.Second), false, OwnerAlive},
	{"running, age unreadable", Running, "", "yesterday", false, OwnerAlive},
	{"running, age before 2020", Running, "", "1970-01-01T00:00:00Z", false, OwnerAlive},
	{"running, no age", Running, "", "", false, OwnerAlive},
	{"running for a second less than the grace period", lately, "", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"running, but started at an unknown time", sometime, "", createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"running for the grace period, and for less", Running, lately, createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"not visible, and running for less than the grace period", NotVisible, lately, createdAgo(1000 * time.Hour), false, OwnerAlive},
	{"running, a day old, and not visible", Running, NotVisible, createdAgo(24 * time.Hour), true, NeverAttached},
	{"terminated and running", Terminated, Running, createdAgo(time.Hour), false, OwnerAlive},
	{"running and terminated", Running, Terminated, createdAgo(time.Hour), false, OwnerAlive},
	{"running and not visible", Running, NotVisible, createdAgo(time.Hour), false, OwnerAlive},
	{"not visible and running", NotVisible, Running, createdAgo(time.Hour), false, OwnerAlive},
	{"not visible, grace period over", NotVisible, "", createdAgo(30 * time.Minute), true, OwnerGone},
	{"not visible, a second less", NotVisible, "", createdAgo(30*time.Minute - time.Second), false, Young},
	{"not visible, 15 minutes in the future", NotVisible, "", createdAgo(-15 * time.Minute), false, Young},
	{"not visible, a second further", NotVisible, "", createdAgo(-15*time.Minute - time.Second), false, AgeUnreadable},
	{"not visible, in another zone", NotVisible, "", now.Add(-31 * time.Minute).In(time.FixedZone("", 9*3600)).Format(time.RFC3339), true, OwnerGone},
	{"not visible, no zone", NotVisible, "", "2026-11-23T09:00:00", false, AgeUnreadable},
	{"not visible, no time", NotVisible, "", "2020-01-01", false, AgeUnreadable},
	{"not visible, an hour of one digit", NotVisible, "", "2026-11-23T9:00:00Z", false, AgeUnreadable},
	{"not visible, a comma for a point", NotVisible, "", "2026-11-23T09:00:00,5Z", false, AgeUnreadable},
	{"not visible, a zone a day away", NotVisible, "", "2026-11-23T11:59:00+24:00", false, AgeUnreadable},
	{"not visible, a zone of 60 minutes", NotVisible, "", "2026-11-23T11:59:00+00:60", false, AgeUnreadable},
	{"running, a zone a day away", Running, "", "2026-11-23T11:59:00+24:00", false, OwnerAlive},
	{"not visible, a number", NotVisible, "", "1795428000", false, AgeUnreadable},
	{"not visible, the last second of 2019", NotVisible, "", "2019-12-31T23:59:59Z", false, AgeUnreadable},
	{"not visible, the first second of 2020", NotVisible, "", "2020-01-01T00:00:00Z", true, OwnerGone},
	{"not visible, no age", NotVisible, "", "", true, OwnerGone},
	{"terminated and not visible, over", Terminated, NotVisible, createdAgo(time.Hour), true, OwnerGone},
	{"terminated and not visible, young", Terminated, NotVisible, createdAgo(time.Minute), false, Young},
	{"not visible and terminated, young", NotVisible, Terminated, createdAgo(time.Minute), false, Young},
}

// In the cases these are Running: started a second less than the grace period ago, and without a
// start time. Running itself is started the grace period ago.
const (
	lately   State = "lately"
	sometime State = "sometime"
	untagged State = "untagged"
)

// visible returns instances in these states.
func visible(states map[string]State) map[string]Instance {
	all := map[string]Instance{}
	for id, state := range states {
		switch state {
		case lately:
			all[id] = Instance{State: Running, StartedAt: now.Add(-rule.GracePeriod + time.Second)}
		case sometime:
			all[id] = Instance{State: Running}
		default:
			all[id] = Instance{State: state, StartedAt: now.Add(-rule.GracePeriod)}
		}
	}
	return all
}

// evidenceOf returns the interface and the states of a case.
func evidenceOf(described, tagged State, createdAt string) (Interface, map[string]State) {
	i, states := leaked(), map[string]State{}
	if described != NotVisible {
		states[dead] = described
	}
	switch tagged {
	case "":
	case untagged:
		delete(i.Tags, tagInstance)
	case NotVisible:
		i.Tags[tagInstance] = other
	default:
		i.Tags[tagInstance], states[other] = other, tagged
	}
	i.Tags[tagCreatedAt] = createdAt
	if createdAt == "" {
		delete(i.Tags, tagCreatedAt)
	}
	return i, states
}

func TestEachRowOfEvidence(t *testing.T) {
	decided := make([]bool, len(evidence))
	for _, c := range evidenceCases {
		i, states := evidenceOf(c.described, c.tagged, c.createdAt)
		standing := i.strongestOwner(visible(states), now, rule.GracePeriod).standing
		for number, row := range evidence {
			if row.owner == standing && row.age(rule, i.created(now)) {
				decided[number] = true
				break
			}
		}
		t.Run(c.name, func(t *testing.T) {
			verdict := rule.Judge(i, visible(states), now)
			if verdict.Release != c.release || verdict.Reason != c.reason {
				t.Errorf("release %v, %s; want %v, %s", verdict.Release, verdict.Reason, c.release, c.reason)
			}
		})
	}
	if row := slices.Index(decided, false); row >= 0 {
		t.Errorf("no case that row %d of the evidence (%s) decides", row, evidence[row].reason)
	}
}

// Every verdict holds the instance that decides: of two, the one that is alive.
func TestTheVerdictHoldsTheInstanceThatDecides(t *testing.T) {
	for _, states := range []map[string]State{{dead: Terminated, other: Running}, {dead: Terminated, other: "stopped"}, {dead: Terminated}} {
		i := leaked()
		i.Tags[tagInstance] = other
		want, seen := states[other]
		if !seen {
			want = NotVisible
		}
		if v := rule.Judge(i, visible(states), now); v.Instance != other || v.State != want {
			t.Errorf("with %v: %s %s, want %s %s", states, v.Instance, v.State, other, want)
		}
	}
}
