package eni

import (
	"cmp"
	"log/slog"
	"slices"
	"time"
)

// Trigger says what made a run.
type Trigger string

// Triggers.
const (
	Schedule Trigger = "schedule"
	Event    Trigger = "event"
	Manual   Trigger = "manual"
)

// Report is what one run found and did. Addresses are private IPv4 addresses,
// 16 for each /28 prefix. In a dry run Released and AddressesReleased count what
// would be.
type Report struct {
	Trigger           Trigger        `json:"trigger"`
	DryRun            bool           `json:"dryRun"`
	Found             int            `json:"found"`
	Released          int            `json:"released"`
	Gone              int            `json:"gone"`     // deleted already, by another cleaner or an earlier attempt
	Deferred          int            `json:"deferred"` // to be released by the next run
	Failed            int            `json:"failed"`
	Kept              map[Reason]int `json:"kept"`
	AddressesReleased int            `json:"addressesReleased"`
	FreeAddresses     map[string]int `json:"freeAddresses"`       // by subnet, after the run
	Interfaces        []Line         `json:"interfaces,omitzero"` // of a manual run only
	InterfacesOmitted int            `json:"interfacesOmitted,omitempty"`

	// For log and metrics.
	Leaked         int              `json:"-"` // still there: deferred, failed, not permitted; in a dry run, all
	OldestLeaked   time.Duration    `json:"-"` // the age of the oldest of these; 0 where none is known
	LeaksByCluster map[string]int   `json:"-"` // all that were found; "" is no cluster named
	Freed          map[string]Freed `json:"-"` // by subnet; empty in a dry run
}

// Freed is what one subnet gained.
type Freed struct{ Interfaces, Addresses int }

// Line is one interface in a report.
type Line struct {
	ID            string  `json:"id"`
	Subnet        string  `json:"subnet"`
	Addresses     int     `json:"addresses"`
	Instance      string  `json:"instance"`
	InstanceState State   `json:"instanceState"` // "" where a guard decided
	Age           *int64  `json:"age"`           // whole seconds by createdAt, null where unknown
	Outcome       Outcome `json:"decision"`
	Reason        Reason  `json:"reason"`
}

// maxLines is how many interfaces a report lists: at some 250 bytes a line this
// is 5 MB, under the 6 MB that Lambda lets an answer have (Lambda quotas).
const maxLines = 20_000

func newReport(job Job, results []Result, free map[string]int) Report {
	report := Report{
		Trigger: job.Trigger, DryRun: job.DryRun, Found: len(results), Kept: map[Reason]int{}, FreeAddresses: free,
		LeaksByCluster: map[string]int{}, Freed: map[string]Freed{},
	}
	if job.Trigger == Manual { // nobody else reads the list, which is long in a sweep
		report.Interfaces = make([]Line, 0, min(len(results), maxLines))
	}
	for _, result := range results {
		report.count(result)
		report.countLeak(result)
	}
	slices.SortFunc(report.Interfaces, func(a, b Line) int { return cmp.Compare(a.ID, b.ID) })
	return report
}

// count adds a result to the report.
func (r *Report) count(v Result) {
	switch v.Outcome {
	case Released:
		r.Released++
		r.AddressesReleased += v.Addresses
	case Gone:
		r.Gone++
	case Deferred:
		r.Deferred++
	case Failed:
		r.Failed++
	case Kept:
		r.Kept[v.Reason]++
	}
	switch {
	case r.Trigger != Manual:
	case len(r.Interfaces) == maxLines:
		r.InterfacesOmitted++
	default:
		r.Interfaces = append(r.Interfaces, v.line())
	}
}

// countLeak adds a result to what only log and metrics show.
func (r *Report) countLeak(v Result) {
	if v.Outcome == Kept && v.Reason != NotPermitted {
		return
	}
	r.LeaksByCluster[v.cluster()]++
	switch {
	case v.Outcome == Gone:
	case v.Outcome == Released && !r.DryRun:
		subnet := r.Freed[v.Subnet]
		r.Freed[v.Subnet] = Freed{subnet.Interfaces + 1, subnet.Addresses + v.Addresses}
	default:
		r.Leaked++
		if v.created.readable {
			r.OldestLeaked = max(r.OldestLeaked, v.created.age)
		}
	}
}

func (v Result) line() Line {
	line := Line{
		ID: v.ID, Subnet: v.Subnet, Addresses: v.Addresses,
		Instance: v.Instance, InstanceState: v.State,
		Outcome: v.Outcome, Reason: v.Reason,
	}
	if v.created.readable {
		seconds := int64(v.created.age.Seconds())
		line.Age = &seconds
	}
	return line
}

// Attrs are the report's totals, for the log. What can have many fields comes last:
// Logs Insights discovers the first 200 of a line only (CloudWatch Logs User Guide,
// "Supported logs and discovered fields").
func (r Report) Attrs() []slog.Attr {
	return []slog.Attr{
		slog.Int("found", r.Found),
		slog.Int("released", r.Released),
		slog.Int("gone", r.Gone),
		slog.Int("deferred", r.Deferred),
		slog.Int("failed", r.Failed),
		slog.Int("addressesReleased", r.AddressesReleased),
		slog.Any("kept", r.Kept),
		slog.Any("leaksByCluster", r.LeaksByCluster),
		slog.Any("freeAddresses", r.FreeAddresses),
	}
}
