package simulation

import (
	"slices"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// Coverage counts what simulations met, by name.
type Coverage map[string]int

// Add adds the counts of another one.
func (c Coverage) Add(other Coverage) {
	for name, count := range other {
		c[name] += count
	}
}

// Missed returns the names of Everything that no simulation met.
func (c Coverage) Missed() []string {
	return slices.DeleteFunc(Everything(), func(name string) bool { return c[name] > 0 })
}

// Everything returns what enough simulations must meet: each kind of scenario, operation,
// fault, outage, undeletable interface and row of the rule, and each outcome.
func Everything() []string {
	var all []string
	for _, k := range kinds {
		all = append(all, "scenario/"+k.kind)
	}
	for _, o := range operations {
		all = append(all, "operation/"+o.name)
	}
	for _, f := range faults {
		all = append(all, "fault/"+f.name)
	}
	for _, o := range outages {
		all = append(all, "outage/"+o.kind)
	}
	for _, r := range refusals {
		all = append(all, "undeletable/"+r.name)
	}
	for _, row := range model.Rows {
		all = append(all, "rule/"+row)
	}
	return append(all, outcomes...)
}

// outcomes are those of interfaces, runs and messages.
var outcomes = []string{
	"run/released", "run/gone", "run/deferred", "run/failed", "run/kept", "run/failed as a whole", "run/dry", "run/manual",
	"run/killed before a call", "run/killed after a call", "run/two at once", "run/three at once", "message/dead letter", "message/came again",
}
