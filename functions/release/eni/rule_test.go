package eni

import (
	"maps"
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

// leaked returns an interface that no guard keeps.
func leaked() Interface {
	return Interface{
		ID: "eni-0123456789abcdef0", Subnet: "subnet-12345678", VPC: "vpc-12345678", Account: ownAccount,
		Status: "available", Type: "interface", Description: DescriptionPrefix + dead, Addresses: 10,
		Tags: map[string]string{tagInstance: dead, tagCreatedAt: createdAgo(time.Hour)},
	}
}

func createdAgo(age time.Duration) string { return now.Add(-age).Format(time.RFC3339) }

// guardCases change one thing of a leaked interface, or of the rule, in the order of the guards.
var guardCases = []struct {
	name   string
	want   Reason
	change func(*Interface, *Rule)
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
	{"text behind the ID", NotCNI, func(i *Interface, _ *Rule) { i.Description += " (fail-over)" }},
	{"text before", NotCNI, func(i *Interface, _ *Rule) { i.Description = " " + i.Description }},
	{"no description", NotCNI, func(i *Interface, _ *Rule) { i.Description = "" }},
	{"not an instance ID", NotCNI, func(i *Interface, _ *Rule) { i.Description = "aws-K8S-i-0123456A" }},
	{"address associated", Associated, func(i *Interface, _ *Rule) { i.Associated = true }},
	{"no_manage", OptedOut, func(i *Interface, _ *Rule) { i.Tags[tagNoManage] = "true" }},
	{"keep, with no value", OptedOut, func(i *Interface, _ *Rule) { i.Tags[tagKeep] = "" }},
	{"keep = false", OptedOut, func(i *Interface, _ *Rule) { i.Tags[tagKeep] = "false" }},
	{"no_manage in other letters", OptedOut, func(i *Interface, _ *Rule) { i.Tags["Node.k8s.amazonaws.com/NO_MANAGE"] = "true" }},
	{"keep in other letters", OptedOut, func(i *Interface, _ *Rule) { i.Tags["Network-Interface-Releaser/Keep"] = "x" }},
	{"two letter cases of no_manage, one true", OptedOut, func(i *Interface, _ *Rule) {
		i.Tags[tagNoManage], i.Tags["NODE.k8s.amazonaws.com/no_manage"] = "false", "true"
	}},
	{"another VPC", OutOfScope, func(_ *Interface, r *Rule) { r.VPCs = []string{"vpc-87654321"} }},
	{"another cluster", OutOfScope, func(i *Interface, r *Rule) { r.Clusters = []string{"blue"}; i.Tags[tagCluster] = "green" }},
	{"no cluster", OutOfScope, func(_ *Interface, r *Rule) { r.Clusters = []string{"blue"} }},
	{"garbage instance tag", BadTag, func(i *Interface, _ *Rule) { i.Tags[tagInstance] = "*" }},
	{"empty instance tag", BadTag, func(i *Interface, _ *Rule) { i.Tags[tagInstance] = "" }},
	{"garbage instance tag, untagged released", BadTag, func(i *Interface, r *Rule) { i.Tags[tagInstance] = "?"; r.ReleaseUntagged = true }},
	{"no instance tag", Untagged, func(i *Interface, _ *Rule) { delete(i.Tags, tagInstance) }},
	{"no createdAt", Untagged, func(i *Interface, _ *Rule) { delete(i.Tags, tagCreatedAt) }},
	{"no tags", Untagged, func(i *Interface, _ *Rule) { i.Tags = nil }},
	{"no_manage = True", "", func(i *Interface, _ *Rule) { i.Tags[tagNoManage] = "True" }},
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
	missing := map[Reason]bool{}
	for _, guard := range guards {
		missing[guard.reason] = true
	}
	for _, c := range guardCases {
		delete(missing, c.want)
		t.Run(c.name, func(t *testing.T) {
			i, r := leaked(), rule
			c.change(&i, &r)
			reason, kept := r.Guard(i)
			if kept != (c.want != "") || reason != c.want {
				t.Errorf("kept: %v, %q, want the reason %q", kept, reason, c.want)
			}
		})
	}
	if len(missing) > 0 {
		t.Errorf("no case for the guards %v", missing)
	}
}

func TestTheFirstGuardNamesTheReason(t *testing.T) {
	for first, a := range guardCases {
		for _, b := range guardCases[first+1:] {
			if a.want == "" || b.want == "" || a.want == b.want {
				continue
			}
			i, r := leaked(), rule
			b.change(&i, &r)
			if i.Tags == nil {
				i.Tags = map[string]string{}
			}
			a.change(&i, &r)
			if reason, kept := r.Guard(i); !kept || reason != a.want {
				t.Errorf("%s and %s: %s, want %s", a.name, b.name, reason, a.want)
			}
		}
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"i-01234567": true, "i-0123456789abcdef0": true,
		"": false, "i-": false, "i-0123456": false, "i-012345678": false, "i-0123456789abcdef01": false,
		"i-0123456z": false, "i-0123456A": false, "I-01234567": false, " i-01234567": false, "i-01234567\n": false, "i-*": false, "eni-01234567": false,
	} {
		if ValidID("i-", id) != want {
			t.Errorf("%q: %v, want %v", id, !want, want)
		}
	}
}

// FuzzJudge: whatever tags and description hold, a released interface has owners that EC2 can be queried for.
func FuzzJudge(f *testing.F) {
	f.Add(DescriptionPrefix+dead, dead, createdAgo(time.Hour), true)
	f.Add("aws-K8S-i-*", "i-?", "9999-12-31T23:59:59Z", false)
	f.Add(DescriptionPrefix+dead, "", "0000-00-00T00:00:00Z", true)
	f.Add(DescriptionPrefix+dead, dead, "1970-01-01T00:00:00Z", false)
	f.Fuzz(func(t *testing.T, description, instance, createdAt string, untagged bool) {
		i, r := leaked(), rule
		r.ReleaseUntagged = untagged
		i.Description = description
		i.Tags = maps.Clone(i.Tags)
		i.Tags[tagInstance], i.Tags[tagCreatedAt] = instance, createdAt
		if _, kept := r.Guard(i); kept {
			return
		}
		for _, id := range i.claimedInstances() {
			if !ValidID("i-", id) || strings.ContainsAny(id, "*?") {
				t.Fatalf("would query EC2 for %q", id)
			}
			if v := r.Judge(i, visible(map[string]State{id: "stopped"}), now); v.Release {
				t.Fatalf("%+v would be released under a living owner", i)
			}
		}
		if v := r.Judge(i, nil, now); v.Release && !v.created.readable {
			t.Fatalf("%+v would be released with an unreadable age", i)
		}
	})
}
