package eni

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Releaser finds, judges, deletes and reports. It keeps nothing between runs, and makes one at a time.
type Releaser struct {
	Interfaces Interfaces
	Instances  Instances
	Subnets    Subnets
	Groups     Groups
	Deleter    Deleter

	Rule             Rule
	Region           string                                     // for the report
	DeletesPerMinute int                                        // 1 to 150
	NewLimiter       func(perSecond float64, burst int) Limiter // golang.org/x/time/rate's
	Log              *slog.Logger
	Shuffle          func(n int, swap func(i, j int)) // math/rand/v2's, or a seeded one's
}

// Job describes one run.
type Job struct {
	Trigger Trigger
	DryRun  bool
	Scope   Scope
}

// reportReserve is the time before the deadline that is left for the log lines and the
// answer, so that a run that is cut still reports what it did.
const reportReserve = time.Second

// ErrEvidenceUnread fails a run that could not read all evidence. Its report counts
// nothing: what it would have found is unknown.
var ErrEvidenceUnread = errors.New("nothing was deleted: a call that reads evidence failed")

// Run runs a job and returns its report, also where it fails: with ErrEvidenceUnread or
// ErrPermissionMissing. The context must have a deadline: without one nothing is read.
func (r *Releaser) Run(ctx context.Context, job Job) (Report, error) {
	deadline, _ := ctx.Deadline()
	work, cancel := context.WithDeadline(ctx, deadline.Add(-reportReserve))
	defer cancel()
	kept, plan, err := r.judge(work, job.Scope)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrEvidenceUnread, err)
		return r.newReport(job, nil, map[string]int{}), err
	}
	results, err := r.releaseAll(work, job, plan, deadline)
	for n := range kept {
		results = append(results, Result{&kept[n], Kept, kept[n].Reason})
	}
	return r.newReport(job, results, r.freeAddresses(work, kept, plan)), err
}

// judge finds the interfaces of a scope and returns those to keep and those to release.
// All evidence is read before the first verdict.
func (r *Releaser) judge(ctx context.Context, scope Scope) (kept, plan []Verdict, err error) {
	found, err := r.find(ctx, scope)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	open := found[:0] // reuses the memory of found
	var claimed []string
	for _, i := range found {
		if reason, keeps := r.Rule.Guard(i); keeps {
			kept = append(kept, Verdict{Interface: i, Reason: reason, Instance: i.describedInstance(), created: i.created(now)})
			continue
		}
		open = append(open, i)
		claimed = append(claimed, i.claimedInstances()...)
	}
	if len(open) == 0 {
		return kept, nil, nil
	}
	visible, err := r.Instances.Visible(ctx, distinct(claimed))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the states of the owning instances: %w", err)
	}
	plan = make([]Verdict, 0, len(open))
	for _, i := range open {
		if verdict := r.Rule.Judge(i, visible, now); verdict.Release {
			plan = append(plan, verdict)
		} else {
			kept = append(kept, verdict)
		}
	}
	return kept, plan, nil
}

// releaseAll deletes a plan in order, within the run's delete budget.
func (r *Releaser) releaseAll(ctx context.Context, job Job, plan []Verdict, deadline time.Time) ([]Result, error) {
	if len(plan) == 0 {
		return nil, nil
	}
	budget := r.budget(deadline)
	var free map[string]int
	if !job.DryRun && len(plan) > budget.burst { // a plan within the burst, or a dry run, needs no order
		free = r.freeAddresses(ctx, plan)
	}
	if !job.DryRun && budget.over() {
		r.Log.WarnContext(ctx, "no time left to delete: listing used the whole run; increase MemorySize (more CPU) or set VpcIds", slog.Int("interfaces", len(plan)))
	}
	return r.release(ctx, inOrder(plan, job.Scope.Instances, free, r.Shuffle), budget, job.DryRun)
}

// freeAddresses reads the number of free addresses in the subnets of these lists. It is not
// evidence: where it cannot be read, the report lacks it.
func (r *Releaser) freeAddresses(ctx context.Context, lists ...[]Verdict) map[string]int {
	var subnets []string
	for _, list := range lists {
		for _, v := range list {
			subnets = append(subnets, v.Subnet)
		}
	}
	subnets = distinct(subnets)
	if len(subnets) == 0 {
		return map[string]int{}
	}
	ctx, cancel := context.WithTimeout(ctx, optionalTimeout)
	defer cancel()
	free, err := r.Subnets.FreeAddresses(ctx, subnets)
	if err != nil {
		r.Log.WarnContext(ctx, "the free addresses of the subnets could not be read: the report lacks them", slog.Any("error", err))
		return map[string]int{}
	}
	return free
}
