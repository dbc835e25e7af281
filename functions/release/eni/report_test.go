package eni

import (
	"maps"
	"testing"
	"time"
)

// What log and metrics tell of leaks: what is still there, how old, whose, and what each subnet got back.
func TestLeaksOfAReport(t *testing.T) {
	result := func(outcome Outcome, reason Reason, subnet string, age time.Duration, tags map[string]string) Result {
		return Result{Verdict{
			Interface: Interface{Subnet: subnet, Addresses: 10, Tags: tags}, Reason: reason,
			created: created{tagged: age != 0, readable: age != 0, age: age},
		}, outcome}
	}
	blue, green := map[string]string{tagCluster: "blue"}, map[string]string{tagClusterPrefix + "green": "owned"}
	results := []Result{
		result(Released, OwnerTerminated, "subnet-1", time.Hour, blue),
		result(Released, OwnerGone, "subnet-1", time.Hour, blue),
		result(Released, OwnerGone, "subnet-2", 9*time.Hour, green),
		result(Gone, OwnerGone, "subnet-2", 8*time.Hour, green),
		result(Deferred, OwnerGone, "subnet-2", 2*time.Hour, nil),
		result(Failed, OwnerTerminated, "subnet-2", 0, nil),
		result(Kept, NotPermitted, "subnet-2", 3*time.Hour, blue),
		result(Kept, OwnerAlive, "subnet-2", 90*time.Hour, blue),
		result(Kept, Attached, "subnet-2", 90*time.Hour, blue),
	}
	for _, c := range []struct {
		dry    bool
		leaked int
		oldest time.Duration
		freed  map[string]Freed
	}{
		{false, 3, 3 * time.Hour, map[string]Freed{"subnet-1": {2, 20}, "subnet-2": {1, 10}}},
		{true, 6, 9 * time.Hour, map[string]Freed{}},
	} {
		r := newReport(Job{Trigger: Schedule, DryRun: c.dry}, results, nil)
		if r.Leaked != c.leaked || r.OldestLeaked != c.oldest || !maps.Equal(r.Freed, c.freed) {
			t.Errorf("dry %t: %d leaked, the oldest %v, freed %v", c.dry, r.Leaked, r.OldestLeaked, r.Freed)
		}
		if want := map[string]int{"blue": 3, "green": 2, "": 2}; !maps.Equal(r.LeaksByCluster, want) {
			t.Errorf("dry %t: leaks by cluster %v, want %v", c.dry, r.LeaksByCluster, want)
		}
	}
}

// A cluster's own tag counts before the one that other controllers share.
func TestCluster(t *testing.T) {
	for want, tags := range map[string]map[string]string{
		"":      {"Name": "blue"},
		"blue":  {tagCluster: "blue", tagClusterPrefix + "amber": "shared"},
		"amber": {tagClusterPrefix + "amber": "owned", tagClusterPrefix + "teal": "owned"},
	} {
		if got := (Interface{Tags: tags}).cluster(); got != want {
			t.Errorf("%v is of %q, want %q", tags, got, want)
		}
	}
}
