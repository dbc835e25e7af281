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
	DeletesPerMinute int // 1 to 150
	Log              *slog.Logger
	Shuffle          func(n int, swap func(i, j int)) // math/rand/v2's Shuffle, or a seeded one's
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
var ErrEvidenceUnread = errors.New("nothing was released, because not all evidence could be read")

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
	verdicts, err := r.judge(work, job.Scope)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrEvidenceUnread, err)
	} else {
		err = r.releaseAbandoned(work, job, verdicts, deadline)
	}
	return newReport(job, verdicts, r.freeAddresses(work, verdicts)), err
}

// judge finds the interfaces of a scope and gives each its verdict. All evidence
// is read before the first verdict counts.
func (r *Releaser) judge(ctx context.Context, scope Scope) ([]*Verdict, error) {
	found, err := r.find(ctx, scope)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	verdicts := make([]*Verdict, 0, len(found))
	open := found[:0] // what no guard keeps takes the place of what was found
	var claimed []string
	for _, i := range found {
		if verdict, kept := r.Rule.Guard(i, now); kept {
			verdicts = append(verdicts, verdict)
			continue
		}
		open = append(open, i)
		claimed = append(claimed, i.claimedOwners()...)
	}
	if len(open) == 0 {
		return verdicts, nil
	}
	visible, err := r.Instances.Visible(ctx, distinct(claimed))
	if err != nil {
		return nil, fmt.Errorf("reading the states of the owning instances: %w", err)
	}
	for _, i := range open {
		verdicts = append(verdicts, r.Rule.Judge(i, visible, now))
	}
	return verdicts, nil
}

// releaseAbandoned releases, in order and at the run's pace, what the verdicts
// say is abandoned.
func (r *Releaser) releaseAbandoned(ctx context.Context, job Job, verdicts []*Verdict, deadline time.Time) error {
	var plan []*Verdict
	for _, v := range verdicts {
		if v.Decision == Deferred {
			plan = append(plan, v)
		}
	}
	if len(plan) == 0 {
		return nil
	}
	pace := NewPace(r.DeletesPerMinute, deadline)
	var free map[string]int
	if !job.DryRun && len(plan) > pace.burst { // what goes at once, or not at all, needs no order
		free = r.freeAddresses(ctx, plan)
	}
	return r.release(ctx, job.DryRun, r.inOrder(plan, job.Scope.Instances, free), pace)
}

// freeAddresses reads how many addresses are free in the verdicts' subnets. They
// are no evidence: where they cannot be read they are left out.
func (r *Releaser) freeAddresses(ctx context.Context, verdicts []*Verdict) map[string]int {
	var subnets []string
	for _, v := range verdicts {
		subnets = append(subnets, v.Subnet)
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
