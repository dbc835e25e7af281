package eni

import (
	"cmp"
	"log/slog"
	"slices"
	"time"
)

// Trigger is what started a run.
type Trigger string

// Triggers.
const (
	Schedule Trigger = "schedule"
	Event    Trigger = "event"
	Manual   Trigger = "manual"
)

// Report counts what one run found and did. Addresses are private IPv4 addresses, 16 for each
// /28 prefix. In a dry run, Released and AddressesReleased count what would be released.
type Report struct {
	Account           string         `json:"account"`
	Region            string         `json:"region"`
	Trigger           Trigger        `json:"trigger"`
	DryRun            bool           `json:"dryRun"`
	Found             int            `json:"found"`
	Released          int            `json:"released"`
	Gone              int            `json:"gone"`     // already deleted, by another cleaner or an earlier attempt
	Deferred          int            `json:"deferred"` // left to the next run
	Failed            int            `json:"failed"`
	Kept              map[Reason]int `json:"kept"`
	AddressesReleased int            `json:"addressesReleased"`
	FreeAddresses     map[string]int `json:"freeAddresses"`       // by subnet, after the run
	Interfaces        []Line         `json:"interfaces,omitzero"` // of a manual run only
	InterfacesOmitted int            `json:"interfacesOmitted,omitempty"`

	// For log and metrics.
	Leaked         int              `json:"-"` // still there: deferred, failed, not permitted; in a dry run, all
	OldestLeaked   time.Duration    `json:"-"` // the age of the oldest of these; 0 where unknown
	LeaksByCluster map[string]int   `json:"-"` // all that were found; "" where no tag names a cluster
	Freed          map[string]Freed `json:"-"` // by subnet; empty in a dry run
}

// Freed counts what was released in one subnet.
type Freed struct{ Interfaces, Addresses int }

// Line is one interface in a report.
type Line struct {
	ID            string  `json:"id"`
	Subnet        string  `json:"subnet"`
	Addresses     int     `json:"addresses"`
	Instance      string  `json:"instance"`
	InstanceState State   `json:"instanceState"` // "" where a guard decided
	Age           *int64  `json:"age"`           // whole seconds by createdAt, null where unknown or unreadable
	Outcome       Outcome `json:"decision"`
	Reason        Reason  `json:"reason"`
}

// maxLines limits the interfaces that a report lists: at some 250 bytes a line they are 5 MB,
// less than the 6 MB that Lambda allows an answer (Lambda quotas).
const maxLines = 20_000

func (r *Releaser) newReport(job Job, results []Result, free map[string]int) Report {
	report := Report{
		Account: r.Rule.Account, Region: r.Region, Trigger: job.Trigger, DryRun: job.DryRun, Found: len(results), Kept: map[Reason]int{}, FreeAddresses: free,
		LeaksByCluster: map[string]int{}, Freed: map[string]Freed{},
	}
	if job.Trigger == Manual { // no one reads the list of another run, and that of a sweep is long
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

// countLeak adds a result to the fields for log and metrics.
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

// Attrs returns the report's totals for the log. Maps come last: Logs Insights discovers a line's
// first 200 fields only (CloudWatch Logs User Guide, "Supported logs and discovered fields").
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
