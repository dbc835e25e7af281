package eni

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestRunReports(t *testing.T) {
	o := leaks(3)
	o.interfaces[1].Managed = true
	o.interfaces[2].Addresses = 32
	report, log, err := run(t, o, sweep)
	if err != nil || report.Found != 3 || report.Released != 2 || report.AddressesReleased != 42 || report.Kept[Managed] != 1 || report.FreeAddresses["subnet-12345678"] != 3 || report.Account != ownAccount || report.Region != "eu-west-1" {
		t.Errorf("%v, %+v", err, report)
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
	if err != nil || len(o.deleted) != 0 || report.Released != 500 || !report.DryRun || log != "" {
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
	} {
		o := leaks(0)
		o.interfaces, o.inSubnets = lists[0], lists[1]
		report, _, err := run(t, o, Job{Trigger: Event, Scope: Scope{Instances: []string{dead}, Subnets: []string{"subnet-12345678"}}})
		if err != nil || report.Found != 1 || report.Kept[Attached] != 1 || len(o.deleted) != 0 {
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
