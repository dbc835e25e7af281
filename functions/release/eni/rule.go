package eni

import (
	"slices"
	"strings"
	"time"
)

// Rule decides which interfaces are leaked, by the two tables below; docs/rule.md has them in
// prose. It is pure: what EC2 returned goes in, a verdict comes out.
type Rule struct {
	Account         string        // the own account, 12 digits
	VPCs            []string      // empty: every VPC
	Clusters        []string      // empty: every cluster
	ReleaseUntagged bool          // also release what a CNI older than 1.7.2 (2020) leaked
	GracePeriod     time.Duration // minimum age of an interface whose owner is not visible
}

// Reason is why an interface is kept or released, in the one word of code, report, log,
// metrics and documentation.
type Reason string

// Reasons of the guards, in their order.
const (
	Attached   Reason = "attached"     // it is not available, or has an attachment
	WrongType  Reason = "type"         // not a plain interface: branch, trunk, EFA, ...
	Managed    Reason = "managed"      // another AWS service manages it
	Foreign    Reason = "foreign"      // another account owns it
	NotCNI     Reason = "not-cni"      // its description is not the CNI's
	Associated Reason = "associated"   // a public address would be lost with it
	OptedOut   Reason = "opted-out"    // by a tag
	OutOfScope Reason = "out-of-scope" // outside the rule's VPCs or clusters
	BadTag     Reason = "bad-tag"      // its instance tag is not an instance ID
	Untagged   Reason = "untagged"     // it lacks the tags of every CNI since 1.7.2
)

// Reasons of the evidence.
const (
	OwnerTerminated Reason = "owner-terminated" // released
	NeverAttached   Reason = "never-attached"   // released: a day old, and its owner has run for the grace period
	OwnerGone       Reason = "owner-gone"       // released: not visible for the grace period
	OwnerAlive      Reason = "owner-alive"
	Young           Reason = "young"
	AgeUnreadable   Reason = "age-unreadable"
)

// NotPermitted is the reason where EC2 does not permit this account to delete the interface.
const NotPermitted Reason = "not-permitted"

// Verdict is the decision to release or keep one interface, with the reason and the claimed
// instance that objects most.
type Verdict struct {
	Interface
	Release  bool
	Reason   Reason
	Instance string
	State    State // "" where a guard decides, before any instance is read
	owner    Instance
	created  created
}

// Instance is one instance as EC2 describes it.
type Instance struct {
	State     State
	StartedAt time.Time // of its launch or last start; zero where EC2 returns none

	// For the log only:
	Group   string    // its Auto Scaling group; "" where it has none
	EndedAt time.Time // of its termination; zero where EC2 returns none
}

// State is an instance's state in EC2's words, or NotVisible.
type State string

// The states that the rule distinguishes; in any other one (pending, stopped, ...) an
// instance is alive.
const (
	Running    State = "running"
	Terminated State = "terminated"
	NotVisible State = "not-visible" // not shown by EC2: terminated an hour ago, another account's, or hidden
)

const (
	// neverAttachedAfter is the minimum age under an owner that has run for the grace period since
	// its last start: awake, the CNI attaches within 6 minutes or never (docs/rule.md).
	neverAttachedAfter = 24 * time.Hour
	// clockError is the most by which a node's clock can be ahead: AWS refuses requests that
	// are signed more than 15 minutes off (STS, "Signature expired").
	clockError = 15 * time.Minute
)

// guards keep an interface whoever its owner is; the first that applies gives the reason.
var guards = []struct {
	reason Reason
	keeps  func(Rule, Interface) bool
}{
	{Attached, func(_ Rule, i Interface) bool { return i.Status != "available" || i.Attached }},
	{WrongType, func(_ Rule, i Interface) bool { return i.Type != "interface" }},
	{Managed, func(_ Rule, i Interface) bool { return i.Managed }},
	{Foreign, func(r Rule, i Interface) bool { return i.Account != r.Account }},
	{NotCNI, func(_ Rule, i Interface) bool { return i.describedInstance() == "" }},
	{Associated, func(_ Rule, i Interface) bool { return i.Associated }},
	{OptedOut, func(_ Rule, i Interface) bool { return i.optedOut() }},
	{OutOfScope, func(r Rule, i Interface) bool { return !r.coversVPC(i) || !r.coversCluster(i) }},
	{BadTag, func(_ Rule, i Interface) bool { return i.has(tagInstance) && !ValidID("i-", i.Tags[tagInstance]) }},
	{Untagged, func(r Rule, i Interface) bool {
		return !r.ReleaseUntagged && (!i.has(tagInstance) || !i.has(tagCreatedAt))
	}},
}

// evidence decides what no guard keeps, by the strongest owner and the interface's age; the
// first row that applies.
var evidence = []struct {
	owner   standing
	age     func(Rule, created) bool
	release bool
	reason  Reason
}{
	{stoppedOrChanging, anyAge, false, OwnerAlive},
	{startedLately, anyAge, false, OwnerAlive}, // it may have slept between create and attach
	{running, pastDay, true, NeverAttached},
	{running, anyAge, false, OwnerAlive},
	{notVisible, pastGrace, true, OwnerGone},
	{notVisible, withinGrace, false, Young},
	{notVisible, noAge, true, OwnerGone}, // with ReleaseUntagged only
	{notVisible, anyAge, false, AgeUnreadable},
	{terminated, anyAge, true, OwnerTerminated},
}

// Guard returns the reason of the first guard that keeps an interface, or false: then its
// owners must be read.
func (r Rule) Guard(i Interface) (Reason, bool) {
	for _, guard := range guards {
		if guard.keeps(r, i) {
			return guard.reason, true
		}
	}
	return "", false
}

// Judge decides about an interface that no guard keeps. Visible holds those of its claimed
// instances that EC2 shows.
func (r Rule) Judge(i Interface, visible map[string]Instance, now time.Time) Verdict {
	owner := i.strongestOwner(visible, now, r.GracePeriod)
	verdict := Verdict{Interface: i, Instance: owner.id, State: owner.state, owner: visible[owner.id], created: i.created(now)}
	for _, row := range evidence {
		if row.owner == owner.standing && row.age(r, verdict.created) {
			verdict.Release, verdict.Reason = row.release, row.reason
			break
		}
	}
	return verdict
}

func (i Interface) has(tag string) bool {
	_, has := i.Tags[tag]
	return has
}

// optedOut compares keys without case, as IAM does in the role's conditions (IAM User Guide,
// "IAM JSON policy elements: Condition"): what the role denies fails no run.
func (i Interface) optedOut() bool {
	for key, value := range i.Tags {
		if strings.EqualFold(key, tagKeep) || strings.EqualFold(key, tagNoManage) && value == "true" {
			return true
		}
	}
	return false
}

func (r Rule) coversVPC(i Interface) bool {
	return len(r.VPCs) == 0 || slices.Contains(r.VPCs, i.VPC)
}

func (r Rule) coversCluster(i Interface) bool {
	return len(r.Clusters) == 0 || i.ofCluster(r.Clusters)
}
