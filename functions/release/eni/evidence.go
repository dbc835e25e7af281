package eni

import (
	"slices"
	"time"
)

// owner is one claimed instance, its state, and how long ago it was started.
type owner struct {
	id    string
	state State
	awake time.Duration // 0 where EC2 does not say
}

// owners are the claimed instances of one interface; never empty.
type owners []owner

func (i Interface) owners(visible map[string]Instance, now time.Time) owners {
	var all owners
	for _, id := range i.claimedOwners() {
		each := owner{id: id, state: NotVisible}
		if instance, shown := visible[id]; shown {
			each.state = instance.State
			if !instance.StartedAt.IsZero() {
				each.awake = now.Sub(instance.StartedAt)
			}
		}
		all = append(all, each)
	}
	return all
}

func (o owner) asleepOrChanging() bool {
	return o.state != Terminated && o.state != Running && o.state != NotVisible
}

func (all owners) allTerminated() bool {
	return !slices.ContainsFunc(all, func(o owner) bool { return o.state != Terminated })
}

func (all owners) oneAsleepOrChanging() bool {
	return slices.ContainsFunc(all, owner.asleepOrChanging)
}

func (o owner) startedLately() bool { return o.state == Running && o.awake < forgottenAfter }

func (all owners) oneStartedLately() bool { return slices.ContainsFunc(all, owner.startedLately) }

func (all owners) oneRunning() bool {
	return slices.ContainsFunc(all, func(o owner) bool { return o.state == Running })
}

func (all owners) oneNotVisible() bool {
	return slices.ContainsFunc(all, func(o owner) bool { return o.state == NotVisible })
}

// weakest is the owner that speaks most against a release: of two that differ it
// is the one that the decision follows.
func (all owners) weakest() owner {
	return slices.MinFunc(all, func(a, b owner) int { return a.weakness() - b.weakness() })
}

func (o owner) weakness() int {
	switch {
	case o.asleepOrChanging():
		return 0
	case o.startedLately():
		return 1
	case o.state == Running:
		return 2
	case o.state == NotVisible:
		return 3
	default:
		return 4
	}
}

// created is what the tag createdAt says of an interface's age.
type created struct {
	tagged   bool
	readable bool
	age      time.Duration // negative where the node's clock is ahead
}

func (i Interface) created(now time.Time) created {
	value, tagged := i.Tags[tagCreatedAt]
	if !tagged {
		return created{}
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return created{tagged: true}
	}
	return created{tagged: true, readable: true, age: now.Sub(at)}
}

func anyAge(Rule, created) bool        { return true }
func noAge(_ Rule, c created) bool     { return !c.tagged }
func forgotten(_ Rule, c created) bool { return c.readable && c.age >= forgottenAfter }
func pastGrace(r Rule, c created) bool { return c.readable && c.age >= r.GracePeriod }

func withinGrace(r Rule, c created) bool {
	return c.readable && c.age < r.GracePeriod && c.age >= -clockError
}
