package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// A Recorder keeps a simulation's last steps, its coverage and its first violation. Like all
// that the simulation consists of, it works inside the region's loop.
type Recorder struct {
	region    *simulator.Region
	steps     [maxSteps]step // a ring, formatted only when read: a million simulations write it
	written   int
	coverage  Coverage
	violation string
}

// maxSteps is how many of the last steps before a violation a story has.
const maxSteps = 120

type step struct {
	at     time.Time
	format string
	args   []any
}

// trace records a step. After a violation it records no more.
func (r *Recorder) trace(format string, args ...any) {
	if r.violation == "" {
		r.steps[r.written%maxSteps] = step{r.region.Loop.Now(), format, args}
		r.written++
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
func (r *Recorder) Violation() string {
	return r.violation
}

func (r *Recorder) count(name string) { r.add(name, 1) }

func (r *Recorder) add(name string, n int) {
	if n > 0 {
		r.coverage[name] += n
	}
}

// Coverage returns what the simulation met.
func (r *Recorder) Coverage() Coverage {
	return r.coverage
}

// story returns the last steps, merged with the calls of nodes and other cleaners, a line each.
func (r *Recorder) story() string {
	var steps []step
	for i := max(0, r.written-maxSteps); i < r.written; i++ {
		steps = append(steps, r.steps[i%maxSteps])
	}
	first, last := time.Time{}, r.region.Loop.Now()
	if len(steps) > 0 {
		first, last = steps[0].at, steps[len(steps)-1].at
	}
	for _, c := range r.region.Front.Calls() {
		if !ofFunction(c.Caller) && !c.At.Before(first) && !c.At.After(last) && c.Action != "CreateTags" {
			steps = append(steps, step{c.At, "%s: %s %s %s", []any{c.Caller, c.Action, c.Form.Get("NetworkInterfaceId"), c.Code}})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	var out strings.Builder
	for _, s := range steps[max(0, len(steps)-maxSteps):] {
		fmt.Fprintf(&out, "%s  %s\n", s.at.Format("02 15:04:05.000"), fmt.Sprintf(s.format, s.args...))
	}
	return out.String()
}
