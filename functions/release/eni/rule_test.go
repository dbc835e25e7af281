package eni

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	ownAccount = "123456789012"
	dead       = "i-0123456789abcdef0"
	other      = "i-0fedcba9876543210"
)

var (
	now  = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	rule = Rule{Account: ownAccount, GracePeriod: 30 * time.Minute}
)

// leaked is an interface that every guard lets pass.
func leaked() Interface {
	return Interface{
		ID: "eni-0123456789abcdef0", Subnet: "subnet-12345678", VPC: "vpc-12345678", Account: ownAccount,
		Status: "available", Type: "interface", Description: DescriptionPrefix + dead, Addresses: 10,
		Tags: map[string]string{tagInstance: dead, tagCreatedAt: createdAgo(time.Hour)},
	}
}

func createdAgo(age time.Duration) string { return now.Add(-age).Format(time.RFC3339) }

// guardCases bend one thing of a leaked interface (or of the rule) each; the
// order is that of the guards.
var guardCases = []struct {
	name string
	want Reason
	bend func(*Interface, *Rule)
}{
	{"in use", Attached, func(i *Interface, _ *Rule) { i.Status = "in-use" }},
	{"detaching", Attached, func(i *Interface, _ *Rule) { i.Status = "detaching" }},
	{"no status at all", Attached, func(i *Interface, _ *Rule) { i.Status = "" }},
	{"available, with an attachment", Attached, func(i *Interface, _ *Rule) { i.Attached = true }},
	{"branch", WrongType, func(i *Interface, _ *Rule) { i.Type = "branch" }},
	{"EFA", WrongType, func(i *Interface, _ *Rule) { i.Type = "efa" }},
	{"no type at all", WrongType, func(i *Interface, _ *Rule) { i.Type = "" }},
	{"managed", Managed, func(i *Interface, _ *Rule) { i.Managed = true }},
	{"another account's", Foreign, func(i *Interface, _ *Rule) { i.Account = "210987654321" }},
	{"no owner at all", Foreign, func(i *Interface, _ *Rule) { i.Account = "" }},
	{"lower-case k", NotCNI, func(i *Interface, _ *Rule) { i.Description = "aws-k8s-" + dead }},
	{"text behind the id", NotCNI, func(i *Interface, _ *Rule) { i.Description += " (fail-over)" }},
	{"text before", NotCNI, func(i *Interface, _ *Rule) { i.Description = " " + i.Description }},
	{"no description", NotCNI, func(i *Interface, _ *Rule) { i.Description = "" }},
	{"9 digits", NotCNI, func(i *Interface, _ *Rule) { i.Description = "aws-K8S-i-012345678" }},
	{"no hexadecimal digits", NotCNI, func(i *Interface, _ *Rule) { i.Description = "aws-K8S-i-0123456z" }},
	{"upper-case digits", NotCNI, func(i *Interface, _ *Rule) { i.Description = "aws-K8S-i-0123456A" }},
	{"address associated", Associated, func(i *Interface, _ *Rule) { i.Associated = true }},
	{"no_manage", OptedOut, func(i *Interface, _ *Rule) { i.Tags[tagNoManage] = "true" }},
	{"keep, with no value", OptedOut, func(i *Interface, _ *Rule) { i.Tags[tagKeep] = "" }},
	{"keep = false", OptedOut, func(i *Interface, _ *Rule) { i.Tags[tagKeep] = "false" }},
	{"another VPC", OutOfScope, func(_ *Interface, r *Rule) { r.VPCs = []string{"vpc-87654321"} }},
	{"another cluster", OutOfScope, func(i *Interface, r *Rule) { r.Clusters = []string{"blue"}; i.Tags[tagCluster] = "green" }},
	{"no cluster", OutOfScope, func(_ *Interface, r *Rule) { r.Clusters = []string{"blue"} }},
	{"garbage instance tag", BadTag, func(i *Interface, _ *Rule) { i.Tags[tagInstance] = "*" }},
	{"empty instance tag", BadTag, func(i *Interface, _ *Rule) { i.Tags[tagInstance] = "" }},
	{"garbage instance tag, untagged released", BadTag, func(i *Interface, r *Rule) { i.Tags[tagInstance] = "?"; r.ReleaseUntagged = true }},
	{"no instance tag", Untagged, func(i *Interface, _ *Rule) { delete(i.Tags, tagInstance) }},
	{"no createdAt", Untagged, func(i *Interface, _ *Rule) { delete(i.Tags, tagCreatedAt) }},
	{"no tags", Untagged, func(i *Interface, _ *Rule) { i.Tags = nil }},
	{"no_manage = false", "", func(i *Interface, _ *Rule) { i.Tags[tagNoManage] = "false" }},
	{"this VPC", "", func(_ *Interface, r *Rule) { r.VPCs = []string{"vpc-87654321", "vpc-12345678"} }},
	{"this cluster", "", func(i *Interface, r *Rule) { r.Clusters = []string{"blue"}; i.Tags[tagCluster] = "blue" }},
	{"this cluster, by the older tag", "", func(i *Interface, r *Rule) {
		r.Clusters = []string{"red", "blue"}
		i.Tags[tagClusterPrefix+"blue"] = "owned"
	}},
	{"8 digits", "", func(i *Interface, _ *Rule) { i.Description = "aws-K8S-i-01234567" }},
	{"no tags, untagged released", "", func(i *Interface, r *Rule) { i.Tags = nil; r.ReleaseUntagged = true }},
	{"as leaked", "", func(*Interface, *Rule) {}},
}

func TestEachGuardAlone(t *testing.T) {
	for _, c := range guardCases {
		t.Run(c.name, func(t *testing.T) {
			i, r := leaked(), rule
			c.bend(&i, &r)
			verdict, kept := r.Guard(i, now)
			if kept != (c.want != "") {
				t.Fatalf("kept: %v, want reason %q", kept, c.want)
			}
			if kept && (verdict.Reason != c.want || verdict.Decision != Kept) {
				t.Errorf("%s %s, want kept %s", verdict.Decision, verdict.Reason, c.want)
			}
		})
	}
}

func TestTheFirstGuardNamesTheReason(t *testing.T) {
	for first, a := range guardCases {
		for _, b := range guardCases[first+1:] {
			if a.want == "" || b.want == "" || a.want == b.want {
				continue
			}
			i, r := leaked(), rule
			b.bend(&i, &r)
			if i.Tags == nil {
				i.Tags = map[string]string{}
			}
			a.bend(&i, &r)
			if verdict, kept := r.Guard(i, now); !kept || verdict.Reason != a.want {
				t.Errorf("%s and %s: %+v, want %s", a.name, b.name, verdict, a.want)
			}
		}
	}
}

// The evidence, row by row and to the second.
var evidenceCases = []struct {
	name      string
	described State // of the instance in the description
	tagged    State // of the one in the tag; "" where it is the same
	createdAt string
	want      Decision
	reason    Reason
}{
	{"terminated, just created", Terminated, "", createdAgo(0), Deferred, OwnerTerminated},
	{"terminated, age unreadable", Terminated, "", "yesterday", Deferred, OwnerTerminated},
	{"terminated, no age", Terminated, "", "", Deferred, OwnerTerminated},
	{"both terminated", Terminated, Terminated, createdAgo(0), Deferred, OwnerTerminated},
	{"pending", "pending", "", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"shutting down", "shutting-down", "", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"stopping", "stopping", "", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"stopped", "stopped", "", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"a state without a name", "", "", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"a state that EC2 may add", "dreaming", "", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"terminated and stopped", Terminated, "stopped", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"stopped and running", "stopped", Running, createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"running and stopped", Running, "stopped", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"not visible and stopped", NotVisible, "stopped", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"running for a day", Running, "", createdAgo(24 * time.Hour), Deferred, OwnerForgot},
	{"running for a second less", Running, "", createdAgo(24*time.Hour - time.Second), Kept, OwnerAlive},
	{"running, age unreadable", Running, "", "yesterday", Kept, OwnerAlive},
	{"running, no age", Running, "", "", Kept, OwnerAlive},
	{"running, but started less than a day ago", lately, "", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"running since nobody knows when", sometime, "", createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"running for a day, and started less than a day ago", Running, lately, createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"not visible, and started less than a day ago", NotVisible, lately, createdAgo(1000 * time.Hour), Kept, OwnerAlive},
	{"running for a day, and not visible", Running, NotVisible, createdAgo(24 * time.Hour), Deferred, OwnerForgot},
	{"terminated and running", Terminated, Running, createdAgo(time.Hour), Kept, OwnerAlive},
	{"running and terminated", Running, Terminated, createdAgo(time.Hour), Kept, OwnerAlive},
	{"running and not visible", Running, NotVisible, createdAgo(time.Hour), Kept, OwnerAlive},
	{"not visible and running", NotVisible, Running, createdAgo(time.Hour), Kept, OwnerAlive},
	{"not visible, grace period over", NotVisible, "", createdAgo(30 * time.Minute), Deferred, OwnerGone},
	{"not visible, a second less", NotVisible, "", createdAgo(30*time.Minute - time.Second), Kept, Young},
	{"not visible, 15 minutes in the future", NotVisible, "", createdAgo(-15 * time.Minute), Kept, Young},
	{"not visible, a second further", NotVisible, "", createdAgo(-15*time.Minute - time.Second), Kept, AgeUnreadable},
	{"not visible, in another zone", NotVisible, "", now.Add(-31 * time.Minute).In(time.FixedZone("", 9*3600)).Format(time.RFC3339), Deferred, OwnerGone},
	{"not visible, no zone", NotVisible, "", "2026-11-23T09:00:00", Kept, AgeUnreadable},
	{"not visible, no time", NotVisible, "", "2020-01-01", Kept, AgeUnreadable},
	{"not visible, a number", NotVisible, "", "1795428000", Kept, AgeUnreadable},
	{"not visible, no age", NotVisible, "", "", Deferred, OwnerGone},
	{"terminated and not visible, over", Terminated, NotVisible, createdAgo(time.Hour), Deferred, OwnerGone},
	{"terminated and not visible, young", Terminated, NotVisible, createdAgo(time.Minute), Kept, Young},
	{"not visible and terminated, young", NotVisible, Terminated, createdAgo(time.Minute), Kept, Young},
}

// In the cases these stand for Running: started a second less than a day ago, and at
// a time that EC2 does not tell. Running itself is started a day ago.
const (
	lately   State = "lately"
	sometime State = "sometime"
)

// visible are instances in these states.
func visible(states map[string]State) map[string]Instance {
	all := map[string]Instance{}
	for id, state := range states {
		switch state {
		case lately:
			all[id] = Instance{State: Running, StartedAt: now.Add(-24*time.Hour + time.Second)}
		case sometime:
			all[id] = Instance{State: Running}
		default:
			all[id] = Instance{State: state, StartedAt: now.Add(-24 * time.Hour)}
		}
	}
	return all
}

// claim makes the interface and the states of a case of evidence.
func claim(described, tagged State, createdAt string) (Interface, map[string]State) {
	i, states := leaked(), map[string]State{}
	if described != NotVisible {
		states[dead] = described
	}
	if tagged != "" {
		i.Tags[tagInstance] = other
	}
	if tagged != "" && tagged != NotVisible {
		states[other] = tagged
	}
	i.Tags[tagCreatedAt] = createdAt
	if createdAt == "" {
		delete(i.Tags, tagCreatedAt)
	}
	return i, states
}

func TestEachRowOfEvidence(t *testing.T) {
	for _, c := range evidenceCases {
		t.Run(c.name, func(t *testing.T) {
			i, states := claim(c.described, c.tagged, c.createdAt)
			verdict := rule.Judge(i, visible(states), now)
			if verdict.Decision != c.want || verdict.Reason != c.reason {
				t.Errorf("%s %s, want %s %s", verdict.Decision, verdict.Reason, c.want, c.reason)
			}
		})
	}
}

// An interface without the instance tag claims the described instance, and nothing else.
func TestWithoutATagTheDescriptionCounts(t *testing.T) {
	i := leaked()
	i.Tags = nil
	if claimed := i.claimedOwners(); !slices.Equal(claimed, []string{dead}) {
		t.Errorf("claims %q", claimed)
	}
	if v := rule.Judge(i, visible(map[string]State{dead: Terminated}), now); v.Reason != OwnerTerminated {
		t.Errorf("%s %s", v.Decision, v.Reason)
	}
}

// Every verdict names the instance that decided: the one that is alive, of two.
func TestTheVerdictNamesTheInstanceThatDecided(t *testing.T) {
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

// Each guard, and each row of evidence by its number, has a case that it decides.
func TestTheTablesAreCovered(t *testing.T) {
	reasons := map[Reason]bool{}
	for _, c := range guardCases {
		reasons[c.want] = true
	}
	for _, guard := range guards {
		if !reasons[guard.reason] {
			t.Errorf("no case for the guard %s", guard.reason)
		}
	}
	rows := map[int]bool{}
	for _, c := range evidenceCases {
		i, states := claim(c.described, c.tagged, c.createdAt)
		for number, row := range evidence {
			if row.owners(i.owners(visible(states), now)) && row.age(rule, i.created(now)) {
				rows[number] = true
				break
			}
		}
	}
	for number, row := range evidence {
		if !rows[number] {
			t.Errorf("no case that row %d of the evidence (%s) decides", number, row.reason)
		}
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"i-01234567": true, "i-0123456789abcdef0": true,
		"": false, "i-": false, "i-0123456": false, "i-012345678": false, "i-0123456789abcdef01": false,
		"i-0123456G": false, "I-01234567": false, " i-01234567": false, "i-01234567\n": false, "i-*": false, "eni-01234567": false,
	} {
		if ValidID("i-", id) != want {
			t.Errorf("%q: %v, want %v", id, !want, want)
		}
	}
}

// FuzzJudge: whatever the tags and the description hold, an interface that is
// released is one whose every claimed owner could be asked for.
func FuzzJudge(f *testing.F) {
	f.Add(DescriptionPrefix+dead, dead, createdAgo(time.Hour), true)
	f.Add("aws-K8S-i-*", "i-?", "9999-12-31T23:59:59Z", false)
	f.Add(DescriptionPrefix+dead, "", "0000-00-00T00:00:00Z", true)
	f.Fuzz(func(t *testing.T, description, instance, createdAt string, untagged bool) {
		i, r := leaked(), rule
		r.ReleaseUntagged = untagged
		i.Description = description
		i.Tags = maps.Clone(i.Tags)
		i.Tags[tagInstance], i.Tags[tagCreatedAt] = instance, createdAt
		if _, kept := r.Guard(i, now); kept {
			return
		}
		for _, id := range i.claimedOwners() {
			if !ValidID("i-", id) || strings.ContainsAny(id, "*?") {
				t.Fatalf("would ask EC2 for %q", id)
			}
			if v := r.Judge(i, visible(map[string]State{id: "stopped"}), now); v.Decision != Kept {
				t.Fatalf("%+v would be released under a living owner", i)
			}
		}
		if v := r.Judge(i, nil, now); v.Decision == Deferred && !v.created.readable {
			t.Fatalf("%+v would be released by an age that cannot be read", i)
		}
	})
}
