package eni

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRunReports(t *testing.T) {
	o := leaks(3)
	o.interfaces[1].Managed, o.interfaces[1].Subnet = true, "subnet-87654321"
	o.interfaces[2].Addresses = 32
	report, log, err := run(t, o, sweep)
	if err != nil || report.Found != 3 || report.Released != 2 || report.AddressesReleased != 42 || report.Kept[Managed] != 1 || report.Interfaces[1].Instance != dead || report.Interfaces[1].Age == nil || report.FreeAddresses["subnet-12345678"] != 3 || report.Account != ownAccount || report.Region != "eu-west-1" {
		t.Errorf("%v, %+v", err, report)
	}
	if !slices.Contains(o.called, "free subnet-12345678,subnet-87654321") { // of what is kept, too
		t.Errorf("called %q", o.called)
	}
	for _, id := range o.deleted {
		if !strings.Contains(log, `"msg":"released","seed"`) || !strings.Contains(log, `"interface":"`+id+`"`) || !strings.Contains(log, `"ec2RequestId":"request-`+id) {
			t.Errorf("no audit line of %s in:\n%s", id, log)
		}
	}
}

// A dry run reports all that would be released, at once and without a write.
func TestDryRunWritesNothing(t *testing.T) {
	o := leaks(500)
	report, log, err := run(t, o, Job{Trigger: Manual, DryRun: true, Scope: sweep.Scope})
	if err != nil || len(o.deleted) != 0 || report.Released != 500 || !report.DryRun || log != "" ||
		!slices.IsSortedFunc(report.Interfaces, func(a, b Line) int { return strings.Compare(a.ID, b.ID) }) {
		t.Errorf("%v, %d deleted, %d would be released, log:\n%.500s", err, len(o.deleted), report.Released, log)
	}
}

// Each read of evidence that fails fails the run before any write; any other read costs only itself.
func TestUnreadableEvidenceReleasesNothing(t *testing.T) {
	everything := Job{Trigger: Event, Scope: Scope{Sweep: true, Instances: []string{dead}, Groups: []string{"asg"}, VPCs: []string{"vpc-12345678"}}}
	for port, evidence := range map[string]bool{
		"all": true, "instances": true, "subnets": true, "vpcs": true, "states": true,
		"groups": false, "free": false,
	} {
		o := leaks(3)
		o.subnets, o.fail = []string{"subnet-12345678"}, port
		report, log, err := run(t, o, everything)
		if evidence && (!errors.Is(err, errPort) || !errors.Is(err, ErrEvidenceUnread) || len(o.deleted) != 0) {
			t.Errorf("%s fails: %v, %d deleted", port, err, len(o.deleted))
		}
		if !evidence && (err != nil || report.Released != 3 || !strings.Contains(log, `"level":"WARN"`)) {
			t.Errorf("%s fails: %v, %d released, want a warning only", port, err, report.Released)
		}
		if port == "groups" && !slices.Contains(o.called, "subnets subnet-12345678") { // what the other groups have
			t.Errorf("groups fail in part: called %q", o.called)
		}
	}
}

// A dry run deletes nothing, so that it needs no time for it.
func TestADryRunNeedsNoTimeToDelete(t *testing.T) {
	o := leaks(1)
	o.slowRead = 57 * time.Second
	if report, log, err := run(t, o, Job{Trigger: Manual, DryRun: true, Scope: sweep.Scope}); err != nil || report.Released != 1 || log != "" {
		t.Errorf("%v, %+v, log:\n%s", err, report, log)
	}
}

// A read that hangs ends while there is time to report.
func TestAReadThatHangs(t *testing.T) {
	o := leaks(1)
	o.slowRead = time.Hour
	if _, _, err := run(t, o, sweep); !errors.Is(err, context.DeadlineExceeded) || o.took != 59*time.Second {
		t.Errorf("%v after %v", err, o.took)
	}
}

// Ages are those of the moment at which the interfaces were listed, however long the instances take to read.
func TestAgesAreOfTheListing(t *testing.T) {
	o := leaks(1)
	o.instances, o.slowRead = nil, 20*time.Second
	o.interfaces[0].Tags[tagCreatedAt] = createdAgo(rule.GracePeriod - time.Second)
	if report, _, err := run(t, o, sweep); err != nil || report.Kept[Young] != 1 {
		t.Errorf("%v, %+v", err, report)
	}
}

// One owner is asked for once, however many interfaces it left.
func TestEachOwnerIsReadOnce(t *testing.T) {
	o := leaks(50)
	_, _, err := run(t, o, sweep)
	if err != nil || !slices.Contains(o.called, "states "+dead) {
		t.Errorf("%v, %q", err, o.called)
	}
}

// Free addresses order the deletes that may not all find a token; else they are read once, for the report.
func TestFreeAddressesAreReadWhereTheyOrder(t *testing.T) {
	for _, c := range []struct {
		leaks int
		dry   bool
		want  int
	}{{15, false, 1}, {16, false, 2}, {16, true, 1}} {
		o, reads := leaks(c.leaks), 0
		_, _, err := run(t, o, Job{Trigger: Schedule, DryRun: c.dry, Scope: sweep.Scope})
		for _, call := range o.called {
			if strings.HasPrefix(call, "free") {
				reads++
			}
		}
		if err != nil || reads != c.want {
			t.Errorf("%+v: %d reads, %v", c, reads, err)
		}
	}
}

func TestScope(t *testing.T) {
	for _, c := range []struct {
		name  string
		scope Scope
		vpcs  []string // of the rule
		want  []string
	}{
		{"sweep", Scope{Sweep: true}, nil, []string{"all"}},
		{"sweep of the rule's VPCs", Scope{Sweep: true}, []string{"vpc-1", "vpc-2"}, []string{"vpcs vpc-1,vpc-2"}},
		{"nothing", Scope{}, nil, nil},
		{"empty names", Scope{Instances: []string{""}, Groups: []string{""}, Subnets: []string{""}, VPCs: []string{""}}, nil, nil},
		{"a union, each once", Scope{Instances: []string{"i-2", "i-1", "i-2"}, Groups: []string{"g", "g"}, Subnets: []string{"subnet-9", "subnet-1"}, VPCs: []string{"vpc-1"}}, nil,
			[]string{"groups g", "instances i-1,i-2", "subnets subnet-1,subnet-9", "vpcs vpc-1"}},
	} {
		o := leaks(0)
		o.subnets, o.rule.VPCs = []string{"subnet-1"}, c.vpcs
		if _, _, err := run(t, o, Job{Scope: c.scope}); err != nil || !slices.Equal(o.called, c.want) {
			t.Errorf("%s: %v, called %q, want %q", c.name, err, o.called, c.want)
		}
	}
}

// The clusters of a scope narrow what is listed, by either cluster tag.
func TestScopeOfClusters(t *testing.T) {
	o := leaks(4)
	o.interfaces[1].Tags[tagCluster], o.interfaces[2].Tags[tagCluster] = "blue", "green"
	o.interfaces[3].Tags[tagClusterPrefix+"blue"] = "owned"
	report, _, err := run(t, o, Job{Trigger: Manual, Scope: Scope{Sweep: true, Clusters: []string{"blue", "teal"}}})
	slices.Sort(o.deleted)
	if err != nil || report.Found != 2 || !slices.Equal(o.deleted, []string{"eni-1", "eni-3"}) {
		t.Errorf("%v, found %d, deleted %q", err, report.Found, o.deleted)
	}
}

// Of an interface that is listed twice, in one search or in two, the last listing counts.
func TestTheLastListingCounts(t *testing.T) {
	first := leaked()
	later := first
	later.Attached = true
	for name, lists := range map[string][2][]Interface{
		"in one search":     {{first, later}, {}},
		"in two":            {{first}, {later}},
		"in the two's last": {{first}, {first, later}},
		"among many":        {append(leaks(40).interfaces, first), append(leaks(40).interfaces, later)},
	} {
		o := leaks(0)
		o.interfaces, o.inSubnets = lists[0], lists[1]
		report, _, err := run(t, o, Job{Trigger: Event, Scope: Scope{Instances: []string{dead}, Subnets: []string{"subnet-12345678"}}})
		if err != nil || report.Kept[Attached] != 1 || slices.Contains(o.deleted, first.ID) || report.Found != 1+report.Released {
			t.Errorf("%s: %v, %+v, deleted %v", name, err, report, o.deleted)
		}
	}
}

// The run reads only owners of interfaces that no guard keeps, and only by IDs.
func TestOnlyInstanceIDsAreRequested(t *testing.T) {
	o := leaks(3)
	o.interfaces[0].Tags[tagInstance] = "i-*"
	o.interfaces[1].Tags[tagInstance] = other
	o.interfaces[2].Status = "in-use"
	_, _, _ = run(t, o, sweep)
	if !slices.Contains(o.called, "states "+dead+","+other) {
		t.Errorf("called %q", o.called)
	}
}

func planned(subnet string, count int, instance string) []Verdict {
	var list []Verdict
	for n := range count {
		list = append(list, Verdict{Interface: Interface{ID: fmt.Sprintf("%s%d", subnet, n), Subnet: subnet, Description: DescriptionPrefix + instance}})
	}
	return list
}

func TestOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	shuffle := rand.New(rand.NewPCG(seed, 0)).Shuffle
	plan := slices.Concat(planned("a", 3, other), planned("b", 1, other), planned("c", 2, other), planned("d", 2, dead))
	ordered := inOrder(plan, []string{dead}, map[string]int{"a": 500, "b": 7, "c": 0}, shuffle)
	var subnets []string
	for _, v := range ordered {
		subnets = append(subnets, v.Subnet)
	}
	// Where the free addresses are not known, by name.
	var unknown string
	for _, v := range inOrder(plan, nil, nil, shuffle)[1:] {
		unknown += v.Subnet
	}
	if !slices.Contains([]string{"abcdacd", "acdacda", "abcdada", "abcdaca"}, unknown) {
		t.Errorf("subnets in the order %s, without their free addresses", unknown)
	}
	// The named instance's, a random one, then round robin, fewest free first.
	if got := strings.Join(subnets, ""); !slices.Contains([]string{"ddacbaca", "ddbcacaa", "ddccbaaa"}, got) {
		t.Errorf("subnets in the order %s", got)
	}
}

// Where a run has one token only, each interface gets it sometimes, of whichever subnet: an undeletable
// one, in the subnet with the fewest free addresses, got it in every run (found by the simulation).
func TestEachIsFirstSometimes(t *testing.T) {
	first := map[string]int{}
	for seed := range uint64(300) {
		plan := slices.Concat(planned("tight", 1, dead), planned("roomy", 4, dead))
		first[inOrder(plan, nil, map[string]int{"tight": 0, "roomy": 100}, rand.New(rand.NewPCG(seed, 0)).Shuffle)[0].ID]++
	}
	if len(first) != 5 {
		t.Errorf("of 300 runs the first were %v", first)
	}
}
