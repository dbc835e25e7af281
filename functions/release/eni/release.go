package eni

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrPermissionMissing fails a run whose first deletes were all refused, of interfaces that
// still exist.
var ErrPermissionMissing = errors.New("every delete was refused: the permission ec2:DeleteNetworkInterface is missing; " +
	"check the function's role, its permissions boundary and the organization's service control policies")

// permissionProbe is the number of refused deletes from which the permission is taken to be
// missing; a few interfaces may be denied by their own tags.
const permissionProbe = 10

// Outcome is the result of a run for one interface.
type Outcome string

// Outcomes, in the words of the report.
const (
	Kept     Outcome = "kept"
	Released Outcome = "released"
	Gone     Outcome = "gone"
	Deferred Outcome = "deferred"
	Failed   Outcome = "failed"
)

// Result is a verdict with its outcome. It points to the verdict, which is large, and never
// changes it.
type Result struct {
	*Verdict
	Outcome Outcome
	Reason  Reason // the verdict's, or that of EC2's answer
}

// answers maps each class of errors to an outcome: the first row whose class is in the
// error's chain. An empty reason keeps that of the evidence.
var answers = []struct {
	class   error
	outcome Outcome
	reason  Reason
	ends    bool // no further delete in this run
	level   slog.Level
	message string
}{
	{ErrGone, Gone, "", false, slog.LevelInfo, "already deleted"},
	{ErrInUse, Kept, Attached, false, slog.LevelInfo, "attached since the listing, keeping it"},
	{ErrNotPermitted, Kept, NotPermitted, false, slog.LevelWarn, "delete not permitted by EC2, keeping it; tag it " + tagKeep + " to stop trying"},
	{ErrBudgetSpent, Deferred, "", true, slog.LevelInfo, "delete budget spent, deferring the rest"},
	{ErrThrottled, Deferred, "", true, slog.LevelInfo, "throttled by EC2, deferring the rest"},
}

// release deletes the planned interfaces one by one; those it does not reach are Deferred. The
// error is ErrPermissionMissing or nil: one interface that fails does not fail the run.
func (r *Releaser) release(ctx context.Context, plan []*Verdict, limit Limiter, dryRun bool) ([]Result, error) {
	deleter, audit := r.Deleter, r.audit
	if dryRun { // counts in the report, without an audit line
		deleter, audit = DryRun{}, func(context.Context, *Verdict, string) {}
	}
	results := make([]Result, 0, len(plan))
	var refused []int // indexes of results, until they are looked up
	var missing error
	for _, v := range plan {
		if ctx.Err() != nil {
			break
		}
		requestID, err := deleter.Delete(ctx, v.ID, limit)
		result, ends := Result{v, Released, v.Reason}, false
		switch {
		case err == nil:
			audit(ctx, v, requestID)
		case errors.Is(err, ErrUnauthorized):
			result.Outcome, refused = Failed, append(refused, len(results))
		default:
			result, ends = r.classify(ctx, v, err)
		}
		results = append(results, result)
		if len(refused) == permissionProbe && len(results) == permissionProbe {
			if r.lookUp(ctx, results, refused) == permissionProbe {
				missing, ends = fmt.Errorf("%d of %d: %w", permissionProbe, len(plan), ErrPermissionMissing), true
			}
			refused = nil
		}
		if ends {
			break
		}
	}
	r.lookUp(ctx, results, refused)
	for _, v := range plan[len(results):] {
		results = append(results, Result{v, Deferred, v.Reason})
	}
	return results, missing
}

// lookUp makes Gone of the refused interfaces that EC2 no longer lists: under a tag condition it may
// refuse to delete what is gone. It returns the number of those that exist, 0 where that is unknown.
func (r *Releaser) lookUp(ctx context.Context, results []Result, refused []int) (existing int) {
	if len(refused) == 0 {
		return 0
	}
	ids := make([]string, 0, len(refused))
	for _, n := range refused {
		ids = append(ids, results[n].ID)
	}
	listed, err := r.Interfaces.Existing(ctx, ids)
	if err != nil {
		r.Log.WarnContext(ctx, "deletes refused, and the interfaces could not be looked up", slog.Any("interfaces", ids), slog.Any("error", err))
		return 0
	}
	for _, n := range refused {
		id := slog.String("interface", results[n].ID)
		if listed[results[n].ID] {
			existing++
			r.Log.WarnContext(ctx, "delete refused by IAM, although the interface exists; see its tags, and the policies that apply to it", id)
			continue
		}
		results[n].Outcome = Gone
		r.Log.InfoContext(ctx, "already deleted", id)
	}
	return existing
}

// classify logs the error of a delete, and returns its result and whether it ends the run's deletes.
func (r *Releaser) classify(ctx context.Context, v *Verdict, err error) (result Result, ends bool) {
	attrs := []any{slog.String("interface", v.ID), slog.Any("error", err)}
	for _, answer := range answers {
		if errors.Is(err, answer.class) {
			r.Log.Log(ctx, answer.level, answer.message, attrs...)
			return Result{v, answer.outcome, cmp.Or(answer.reason, v.Reason)}, answer.ends
		}
	}
	r.Log.WarnContext(ctx, "delete failed, the next run tries again", attrs...)
	return Result{v, Failed, v.Reason}, false
}

// audit logs a release: what, whose, why, how soon, and the request ID that CloudTrail has.
// Cluster and group lead to the cause of the leak.
func (r *Releaser) audit(ctx context.Context, v *Verdict, requestID string) {
	line := Result{v, Released, v.Reason}.line()
	age, sinceEnd := slog.Any("age", nil), slog.Any("sinceTermination", nil)
	if line.Age != nil {
		age = slog.Int64("age", *line.Age)
	}
	if !v.owner.EndedAt.IsZero() {
		sinceEnd = slog.Int64("sinceTermination", int64(time.Since(v.owner.EndedAt).Seconds()))
	}
	r.Log.LogAttrs(ctx, slog.LevelInfo, "released",
		slog.String("interface", line.ID),
		slog.String("subnet", line.Subnet),
		slog.Int("addresses", line.Addresses),
		slog.String("instance", line.Instance),
		slog.String("instanceState", string(line.InstanceState)),
		age,
		slog.String("reason", string(line.Reason)),
		slog.String("cluster", v.cluster()),
		slog.String("group", v.owner.Group),
		sinceEnd,
		slog.String("ec2RequestId", requestID),
	)
}
