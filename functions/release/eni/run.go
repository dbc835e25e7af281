package eni

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Releaser runs: it finds, judges, releases and reports. It keeps nothing
// between runs; one Releaser makes one run at a time.
type Releaser struct {
	Interfaces Interfaces
	Instances  Instances
	Subnets    Subnets
	Groups     Groups
	Deleter    Deleter

	Rule             Rule
	DeletesPerMinute int                                        // 1 to 150
	NewLimiter       func(perSecond float64, burst int) Limiter // golang.org/x/time/rate's
	Log              *slog.Logger
	Shuffle          func(n int, swap func(i, j int)) // math/rand/v2's, or a seeded one's
}

// Job is what one run is asked to do.
type Job struct {
	Trigger Trigger
	DryRun  bool
	Scope   Scope
}

// reportReserve is what is kept of the time before the deadline for the log
// lines and the answer, so that a run that is cut still says what it did.
const reportReserve = time.Second

// ErrEvidenceUnread fails a run that could not read all that it must know. Its
// report counts nothing: what was found is not known.
var ErrEvidenceUnread = errors.New("nothing was deleted: a call that reads evidence failed")

// Run does a job and reports, also where it fails: by ErrEvidenceUnread, or by
// ErrPermissionMissing. The context's deadline is kept; it should have one.
func (r *Releaser) Run(ctx context.Context, job Job) (Report, error) {
	deadline, limited := ctx.Deadline()
	work := ctx
	if limited {
		var cancel context.CancelFunc
		work, cancel = context.WithDeadline(ctx, deadline.Add(-reportReserve))
		defer cancel()
	}
	kept, plan, err := r.judge(work, job.Scope)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrEvidenceUnread, err)
		return newReport(job, nil, map[string]int{}), err
	}
	results, err := r.releaseAll(work, job, plan, deadline)
	for _, v := range kept {
		results = append(results, Result{v, Kept})
	}
	subnets := make([]string, 0, len(results))
	for _, result := range results {
		subnets = append(subnets, result.Subnet)
	}
	return newReport(job, results, r.freeAddresses(work, subnets)), err
}

// judge finds the interfaces of a scope and judges each: those to keep and those to
// release. All evidence is read before the first verdict.
func (r *Releaser) judge(ctx context.Context, scope Scope) (kept, plan []Verdict, err error) {
	found, err := r.find(ctx, scope)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	open := found[:0] // what no guard keeps takes the place of what was found
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
	for _, i := range open {
		if verdict := r.Rule.Judge(i, visible, now); verdict.Release {
			plan = append(plan, verdict)
		} else {
			kept = append(kept, verdict)
		}
	}
	return kept, plan, nil
}

// releaseAll releases a plan in order, within the run's delete budget.
func (r *Releaser) releaseAll(ctx context.Context, job Job, plan []Verdict, deadline time.Time) ([]Result, error) {
	if len(plan) == 0 {
		return nil, nil
	}
	budget := r.budget(deadline)
	var free map[string]int
	if !job.DryRun && len(plan) > budget.burst { // what goes at once, or not at all, needs no order
		var subnets []string
		for _, v := range plan {
			subnets = append(subnets, v.Subnet)
		}
		free = r.freeAddresses(ctx, subnets)
	}
	if !job.DryRun && budget.over() {
		r.Log.WarnContext(ctx, "no time left to delete: listing used the whole run; increase MemorySize (more CPU) or set VpcIds", slog.Int("interfaces", len(plan)))
	}
	return r.release(ctx, inOrder(plan, job.Scope.Instances, free, r.Shuffle), budget, job.DryRun)
}

// freeAddresses reads how many addresses are free in these subnets. They are no evidence:
// where they cannot be read they are left out.
func (r *Releaser) freeAddresses(ctx context.Context, subnets []string) map[string]int {
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
