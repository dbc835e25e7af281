// Package model is the rule written a second time, from docs/rule.md. It
// shares no code with the function, so that each checks the other.
package model

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
)

// The tags and the description that the rule reads (docs/rule.md).
const (
	TagInstance  = "node.k8s.amazonaws.com/instance_id"
	TagCreatedAt = "node.k8s.amazonaws.com/createdAt"
	TagNoManage  = "node.k8s.amazonaws.com/no_manage"
	TagCluster   = "cluster.k8s.amazonaws.com/name"
	TagOwned     = "kubernetes.io/cluster/" // followed by the cluster's name
	TagKeep      = "network-interface-releaser/keep"
	Description  = "aws-K8S-" // followed by the instance
)

// InstanceID matches an instance's ID.
var InstanceID = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// Settings are the function's, named as its template's parameters.
type Settings struct {
	Account          string
	DryRun           bool
	VPCs, Clusters   []string
	ReleaseUntagged  bool
	GracePeriod      time.Duration
	DeletesPerMinute int
}

// An Expectation is what the rule decides about an interface, and why.
type Expectation struct {
	Release bool
	Reason  string
	Row     string // one of Rows
}

// Rows are the rows of the rule, guards and evidence.
var Rows = []string{
	"attached", "type", "managed", "foreign", "not-cni", "associated", "opted-out", "opted-out, in other letters", "out-of-scope", "bad-tag", "untagged",
	"owner-terminated", "owner-alive, not running", "never-attached", "never-attached, started today", "owner-alive, running", "owner-alive, age before 2020",
	"owner-gone", "young", "owner-gone, no age", "age-unreadable", "age-unreadable, before 2020",
}

// Expect returns what the rule decides about an interface. Owner returns an instance; nil if
// there is none.
func (s Settings) Expect(eni ec2.Interface, owner func(id string) *ec2.Instance, now time.Time) Expectation {
	if reason := s.guard(eni); reason != "" {
		row := reason
		if _, exactly := eni.Tags[TagKeep]; reason == "opted-out" && !exactly && eni.Tags[TagNoManage] != "true" {
			row += ", in other letters"
		}
		return Expectation{false, reason, row}
	}
	tag, tagged := eni.Tags[TagCreatedAt]
	created, err := time.Parse(time.RFC3339, tag)
	if err == nil && !rfc3339.MatchString(tag) {
		err = errors.New("no RFC 3339, though Go reads it")
	}
	lostDate := err == nil && created.UTC().Year() < 2020 // no CNI wrote the tag then
	readable, age := tagged && err == nil && !lostDate, now.Sub(created)

	claimed := []string{Described(eni)}
	if instance, has := eni.Tags[TagInstance]; has && instance != claimed[0] {
		claimed = append(claimed, instance)
	}
	o := s.count(claimed, owner, now)
	switch {
	case o.terminated == len(claimed):
		return Expectation{true, "owner-terminated", "owner-terminated"}
	case o.other > 0:
		return Expectation{false, "owner-alive", "owner-alive, not running"}
	case o.running > 0 && !o.recent && readable && age >= 24*time.Hour && o.today:
		return Expectation{true, "never-attached", "never-attached, started today"}
	case o.running > 0 && !o.recent && readable && age >= 24*time.Hour:
		return Expectation{true, "never-attached", "never-attached"}
	case o.running > 0 && lostDate:
		return Expectation{false, "owner-alive", "owner-alive, age before 2020"}
	case o.running > 0:
		return Expectation{false, "owner-alive", "owner-alive, running"}
	case !tagged:
		return Expectation{true, "owner-gone", "owner-gone, no age"}
	case readable && age >= s.GracePeriod:
		return Expectation{true, "owner-gone", "owner-gone"}
	case readable && age >= -15*time.Minute:
		return Expectation{false, "young", "young"}
	case lostDate:
		return Expectation{false, "age-unreadable", "age-unreadable, before 2020"}
	}
	return Expectation{false, "age-unreadable", "age-unreadable"}
}

// owners are what EC2 shows of the claimed instances.
type owners struct {
	terminated, running, other int
	recent, today              bool // one of those that run was started within the grace period, or a day
}

func (s Settings) count(claimed []string, owner func(id string) *ec2.Instance, now time.Time) (o owners) {
	for _, id := range claimed {
		switch i := owner(id); {
		case i == nil || i.Hidden:
		case i.State == "terminated":
			o.terminated++
		case i.State == "running":
			o.running++
			o.recent = o.recent || now.Sub(i.LaunchedAt) < s.GracePeriod
			o.today = o.today || now.Sub(i.LaunchedAt) < 24*time.Hour
		default:
			o.other++
		}
	}
	return o
}

// Described returns the instance that an interface's description names.
func Described(eni ec2.Interface) string {
	return strings.TrimPrefix(eni.Description, Description)
}

// Finds reports whether a sweep lists an interface.
func (s Settings) Finds(eni ec2.Interface) bool {
	return eni.Status == "available" && strings.HasPrefix(eni.Description, Description+"i-") && s.coversVPC(eni)
}

// guard returns the reason to keep an interface whoever its owner is; "" for none.
func (s Settings) guard(eni ec2.Interface) string {
	instance, hasInstance := eni.Tags[TagInstance]
	_, hasAge := eni.Tags[TagCreatedAt]
	switch {
	case eni.Status != "available" || eni.Attachment != nil:
		return "attached"
	case eni.Type != "interface":
		return "type"
	case eni.RequesterManaged || eni.Operator != "":
		return "managed"
	case eni.Owner != s.Account:
		return "foreign"
	case !strings.HasPrefix(eni.Description, Description) || !InstanceID.MatchString(Described(eni)):
		return "not-cni"
	case slices.ContainsFunc(eni.Addresses, func(a ec2.Address) bool { return a.Association != nil }):
		return "associated"
	case optedOut(eni.Tags):
		return "opted-out"
	case !s.coversVPC(eni) || !s.coversCluster(eni):
		return "out-of-scope"
	case hasInstance && !InstanceID.MatchString(instance):
		return "bad-tag"
	case !s.ReleaseUntagged && (!hasInstance || !hasAge):
		return "untagged"
	}
	return ""
}

// optedOut compares keys in lower case.
func optedOut(tags map[string]string) bool {
	lower := map[string][]string{}
	for key, value := range tags {
		lower[strings.ToLower(key)] = append(lower[strings.ToLower(key)], value)
	}
	return len(lower[TagKeep]) > 0 || slices.Contains(lower[TagNoManage], "true")
}

func (s Settings) coversVPC(eni ec2.Interface) bool {
	return len(s.VPCs) == 0 || slices.Contains(s.VPCs, eni.VPC)
}

func (s Settings) coversCluster(eni ec2.Interface) bool {
	return len(s.Clusters) == 0 || slices.ContainsFunc(s.Clusters, func(name string) bool {
		_, owned := eni.Tags[TagOwned+name]
		return owned || eni.Tags[TagCluster] == name
	})
}
