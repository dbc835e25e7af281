package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// A Recorder keeps a simulation's steps up to its first violation, and its coverage. Like all
// that the simulation consists of, it works inside the region's loop.
type Recorder struct {
	region    *simulator.Region
	steps     []step
	coverage  Coverage
	violation string
}

// A step is formatted only when it is read.
type step struct {
	at     time.Time
	format string
	args   []any
}

// trace records a step. After a violation it records no more.
func (r *Recorder) trace(format string, args ...any) {
	if r.violation == "" {
		r.steps = append(r.steps, step{r.region.Loop.Now(), format, args})
	}
}

// violate records a violation. The simulation goes on, but only the first one counts.
func (r *Recorder) violate(format string, args ...any) {
	r.trace("VIOLATION: "+format, args...)
	if r.violation == "" {
		r.violation = fmt.Sprintf(format, args...)
	}
}

// Violation returns the first violation; "" if there is none.
func (r *Recorder) Violation() string { return r.violation }

// story returns the last steps, merged with the calls of nodes and other cleaners, a line each.
func (r *Recorder) story() string {
	const most = 120
	steps := slices.Clone(r.steps[max(0, len(r.steps)-most):])
	first, last := steps[0].at, steps[len(steps)-1].at
	for _, c := range r.region.Front.Calls() {
		if !ofFunction(c.Caller) && !c.At.Before(first) && !c.At.After(last) && c.Action != "CreateTags" {
			steps = append(steps, step{c.At, "%s: %s %s %s", []any{c.Caller, c.Action, c.Form.Get("NetworkInterfaceId"), c.Code}})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	var out strings.Builder
	for _, s := range steps[max(0, len(steps)-most):] {
		fmt.Fprintf(&out, "%s  %s\n", s.at.Format("02 15:04:05.000"), fmt.Sprintf(s.format, s.args...))
	}
	return out.String()
}

// Coverage counts what simulations met, by name.
type Coverage map[string]int

// Coverage returns what the simulation met.
func (r *Recorder) Coverage() Coverage { return r.coverage }

func (r *Recorder) count(name string) { r.coverage[name]++ }

// Add adds the counts of another one.
func (c Coverage) Add(other Coverage) {
	for name, count := range other {
		if count > 0 {
			c[name] += count
		}
	}
}

// everything returns what enough simulations must meet: each kind of scenario, operation,
// fault, outage, undeletable interface and row of the rule, and each outcome.
func everything() []string {
	all := slices.Clone(outcomes)
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
	return all
}

// outcomes are those of interfaces, runs and messages.
var outcomes = []string{
	"run/released", "run/gone", "run/deferred", "run/failed", "run/kept", "run/failed as a whole", "run/dry", "run/manual",
	"run/killed before a call", "run/killed after a call", "run/two at once", "run/three at once", "message/dead letter", "message/came again",
}
