package hostile

import (
	"maps"
	"slices"
)

// Coverage counts what histories met, by name.
type Coverage map[string]int

// Add adds another one's counts.
func (c Coverage) Add(other Coverage) {
	for name, count := range other {
		c[name] += count
	}
}

// Missed are those of Everything that no history met.
func (c Coverage) Missed() []string {
	return slices.DeleteFunc(Everything(), func(name string) bool { return c[name] > 0 })
}

// Names are what was met, sorted.
func (c Coverage) Names() []string { return slices.Sorted(maps.Keys(c)) }

// Everything names all that enough histories must meet: each act, each fault, each
// spell, and each line of the rule.
func Everything() []string {
	var all []string
	for _, k := range kinds {
		all = append(all, "history/"+k.kind)
	}
	for _, a := range acts {
		all = append(all, "act/"+a.name)
	}
	for _, f := range faults {
		all = append(all, "fault/"+f.name)
	}
	for _, s := range spellKinds {
		all = append(all, "spell/"+s)
	}
	for _, s := range stucknesses {
		all = append(all, "stuck/"+s.name)
	}
	for _, line := range ruleLines {
		all = append(all, "rule/"+line)
	}
	return append(all, decisions...)
}

// ruleLines are those of the rule that the expectation (expect.go) knows, guards and evidence.
var ruleLines = []string{
	"attached", "type", "managed", "foreign", "not-cni", "associated", "opted-out", "out-of-scope", "bad-tag", "untagged",
	"owner-terminated", "owner-alive, not running", "owner-forgot", "owner-alive, running",
	"owner-gone", "young", "owner-gone, no age", "age-unreadable",
}

// decisions are what a run can make of an interface, and of its own work.
var decisions = []string{
	"run/released", "run/gone", "run/deferred", "run/failed", "run/kept", "run/failed as a whole", "run/dry", "run/by hand",
	"run/killed before a call", "run/killed after a call", "run/two at once", "run/three at once", "message/dead letter", "message/came again",
}

func (h *History) count(name string) { h.add(name, 1) }

func (h *History) add(name string, n int) {
	if n == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.coverage[name] += n
}
