package eni

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// Log and metrics report the leaks that are left, the oldest one's age, their clusters, and what each subnet gained.
func TestLeaksOfAReport(t *testing.T) {
	result := func(outcome Outcome, reason Reason, subnet string, age time.Duration, tags map[string]string) Result {
		return Result{&Verdict{
			Interface: Interface{Subnet: subnet, Addresses: 10, Tags: tags}, Reason: reason,
			created: created{tagged: age != 0, readable: age != 0, age: age},
		}, outcome, reason}
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
		r := (&Releaser{}).newReport(Job{Trigger: Schedule, DryRun: c.dry}, results, nil)
		if r.Leaked != c.leaked || r.OldestLeaked != c.oldest || !maps.Equal(r.Freed, c.freed) {
			t.Errorf("dry %t: %d leaked, the oldest %v, freed %v", c.dry, r.Leaked, r.OldestLeaked, r.Freed)
		}
		if want := map[string]int{"blue": 3, "green": 2, "": 2}; !maps.Equal(r.LeaksByCluster, want) {
			t.Errorf("dry %t: leaks by cluster %v, want %v", c.dry, r.LeaksByCluster, want)
		}
	}
}

// The words of report and log for a release. An age that is not known is null.
func TestTheWordsOfARelease(t *testing.T) {
	for _, c := range []struct {
		state     State
		createdAt string
		want      string
	}{
		{Terminated, "yesterday", `"instanceState":"terminated","age":null,"reason":"owner-terminated"`},
		{NotVisible, now.Add(-time.Hour).Format(time.RFC3339), `"instanceState":"not-visible","age":3600,"reason":"owner-gone"`},
		{Running, now.Add(-25 * time.Hour).Format(time.RFC3339), `"instanceState":"running","age":90000,"reason":"never-attached"`},
	} {
		o := leaks(1)
		o.instances = visible(map[string]State{dead: c.state})
		if c.state == NotVisible {
			o.instances = nil
		}
		o.interfaces[0].Tags[tagCreatedAt] = c.createdAt
		report, log, err := run(t, o, sweep)
		line, _ := json.Marshal(report.Interfaces)
		if err != nil || !strings.Contains(log, c.want) || !strings.Contains(strings.Replace(string(line), `"decision":"released",`, "", 1), c.want) {
			t.Errorf("%v, %s, log:\n%s\nwant %s", err, line, log, c.want)
		}
	}
}

// A cluster's own tag counts before the one that other controllers share.
func TestCluster(t *testing.T) {
	for want, tags := range map[string]map[string]string{
		"":      {"Name": "blue"},
		"blue":  {tagCluster: "blue", tagClusterPrefix + "amber": "shared"},
		"amber": {"kubernetes.io/cluster/amber": "owned", "kubernetes.io/cluster/teal": "owned"}, // as Kubernetes writes them
	} {
		for range 20 { // whatever the order of a map
			if got := (Interface{Tags: tags}).cluster(); got != want {
				t.Fatalf("%v is of %q, want %q", tags, got, want)
			}
		}
	}
}

func TestAReportFitsLambdasAnswer(t *testing.T) {
	v := Verdict{Interface: leaked(), Reason: AgeUnreadable, Instance: dead, State: "shutting-down", created: created{readable: true, age: 1<<63 - 1}}
	v.Subnet, v.Addresses = "subnet-0123456789abcdef0", 9999
	results := slices.Repeat([]Result{{&v, Deferred, v.Reason}}, maxLines+5)
	report := (&Releaser{}).newReport(Job{Trigger: Manual}, results, nil)
	text, err := json.Marshal(report)
	if err != nil || len(text) > 6*1000*1000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if report.Found != maxLines+5 || report.InterfacesOmitted != 5 || len(report.Interfaces) != maxLines {
		t.Errorf("found %d, listed %d, omitted %d", report.Found, len(report.Interfaces), report.InterfacesOmitted)
	}
	if text, _ := json.Marshal((&Releaser{}).newReport(Job{Trigger: Schedule}, results, nil)); bytes.Contains(text, []byte("interfaces")) {
		t.Errorf("a sweep's report has a list: %.200s", text)
	}
	if text, _ := json.Marshal((&Releaser{}).newReport(Job{Trigger: Manual}, nil, nil)); !bytes.Contains(text, []byte(`"interfaces":[]`)) {
		t.Errorf("a report without its empty list: %s", text)
	}
}
