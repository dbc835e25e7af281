package eni

import (
	"regexp"
	"time"
)

// standing ranks how much an owner objects to a release; the largest objects most.
type standing int

// The standings, in the words of docs/rule.md's second table.
const (
	terminated standing = iota
	notVisible
	running           // for the grace period or more since its last start
	startedLately     // running for less than that, or EC2 returned no start time
	stoppedOrChanging // in any other state
)

// owner is one claimed instance with its state and standing.
type owner struct {
	id    string
	state State
	standing
}

// strongestOwner returns the claimed instance that objects most to a release; it decides.
func (i Interface) strongestOwner(visible map[string]Instance, now time.Time, grace time.Duration) owner {
	var strongest owner
	for n, id := range i.claimedInstances() {
		instance, shown := visible[id]
		if !shown {
			instance.State = NotVisible
		}
		if claimed := (owner{id, instance.State, instance.standing(now, grace)}); n == 0 || claimed.standing > strongest.standing {
			strongest = claimed
		}
	}
	return strongest
}

func (i Instance) standing(now time.Time, grace time.Duration) standing {
	switch {
	case i.State == Terminated:
		return terminated
	case i.State == NotVisible:
		return notVisible
	case i.State != Running:
		return stoppedOrChanging
	case i.StartedAt.IsZero() || now.Sub(i.StartedAt) < grace:
		return startedLately
	}
	return running
}

// created is an interface's age, read from its tag createdAt.
type created struct {
	tagged   bool
	readable bool
	age      time.Duration // negative where the node's clock is ahead, by clockError at most
}

// firstCreatedAt precedes v1.7.2, of 2020, the first CNI that writes createdAt: an earlier time
// comes from a clock that lost its date, and is no age.
var firstCreatedAt = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

// rfc3339 is stricter than package time, which takes "9:00:00Z", ",5" and "+24:00", too.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func (i Interface) created(now time.Time) created {
	value, tagged := i.Tags[tagCreatedAt]
	if !tagged {
		return created{}
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil || !rfc3339.MatchString(value) || at.Before(firstCreatedAt) || at.Sub(now) > clockError {
		return created{tagged: true}
	}
	return created{tagged: true, readable: true, age: now.Sub(at)}
}

func anyAge(Rule, created) bool        { return true }
func noAge(_ Rule, c created) bool     { return !c.tagged }
func pastDay(_ Rule, c created) bool   { return c.readable && c.age >= neverAttachedAfter }
func pastGrace(r Rule, c created) bool { return c.readable && c.age >= r.GracePeriod }

func withinGrace(r Rule, c created) bool { return c.readable && c.age < r.GracePeriod }
