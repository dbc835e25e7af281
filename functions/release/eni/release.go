package eni

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrPermissionMissing fails a run whose deletes were all unauthorized.
var ErrPermissionMissing = errors.New("every delete was refused: the permission ec2:DeleteNetworkInterface is missing; " +
	"check the function's role, its permissions boundary and the organization's service control policies")

// permissionProbe is how many deletes are tried before a missing permission,
// rather than some interfaces' own conditions, is taken for the cause.
const permissionProbe = 10

// answers says what each class of EC2's answers makes of an interface; the first
// row whose error is in the chain. An empty reason leaves that of the evidence.
var answers = []struct {
	class    error
	decision Decision
	reason   Reason
	ends     bool // no further delete in this run
	level    slog.Level
	message  string
}{
	{ErrGone, Gone, "", false, slog.LevelInfo, "gone: somebody else was faster, or an answer to this run was lost"},
	{ErrInUse, Kept, Attached, false, slog.LevelInfo, "kept: it was attached after the listing"},
	{ErrNotPermitted, Kept, NotPermitted, false, slog.LevelWarn, "kept: EC2 does not let this account delete it; tag it " + tagKeep + " to leave it alone"},
	{ErrPaceSpent, Deferred, "", true, slog.LevelInfo, "the rest is the next run's"},
	{ErrThrottled, Deferred, "", true, slog.LevelInfo, "EC2 throttles this account: the rest is the next run's"},
	{ErrUnauthorized, Failed, "", false, slog.LevelWarn, "the delete was refused: the role does not allow it on this interface"},
}

// release deletes the planned interfaces one after the other and notes in each
// verdict what became of it. What it does not come to stays Deferred. The error
// is ErrPermissionMissing or nil: an interface that fails is no failed run.
func (r *Releaser) release(ctx context.Context, dryRun bool, plan []*Verdict, pace *Pace) error {
	deleter, audit := r.Deleter, r.audit
	if dryRun { // the report tells what would be; an audit line is of a release
		deleter, audit = DryRun{}, func(context.Context, *Verdict, string) {}
	} else if pace.over(time.Now()) {
		r.Log.WarnContext(ctx, "no delete can start: reading took all of the run's time; "+
			"give the function more memory, and so more of a processor (MemorySize in template.yaml), or set VpcIds", slog.Int("interfaces", len(plan)))
	}
	unauthorized, tried := 0, 0
	for _, v := range plan {
		if ctx.Err() != nil {
			break
		}
		requestID, err := deleter.Delete(ctx, v.ID, pace)
		ends := false
		if err == nil {
			v.Decision = Released
			audit(ctx, v, requestID)
		} else {
			ends = r.note(ctx, v, err)
		}
		if !errors.Is(err, ErrPaceSpent) {
			tried++
		}
		if errors.Is(err, ErrUnauthorized) {
			unauthorized++
		}
		if ends || unauthorized == permissionProbe && tried == permissionProbe {
			break
		}
	}
	if tried > 0 && unauthorized == tried {
		return fmt.Errorf("%d of %d: %w", unauthorized, len(plan), ErrPermissionMissing)
	}
	return nil
}

// note writes an error's class into the verdict and the log, and tells whether it
// ends the run's deletes.
func (r *Releaser) note(ctx context.Context, v *Verdict, err error) (ends bool) {
	for _, answer := range answers {
		if errors.Is(err, answer.class) {
			v.Decision = answer.decision
			if answer.reason != "" {
				v.Reason = answer.reason
			}
			r.Log.Log(ctx, answer.level, answer.message, slog.String("interface", v.ID), slog.Any("error", err))
			return answer.ends
		}
	}
	v.Decision = Failed
	r.Log.WarnContext(ctx, "the delete failed: the next run tries again", slog.String("interface", v.ID), slog.Any("error", err))
	return false
}

// audit leaves the one line that proves a release: what, whose, why, how soon, and
// the request id under which CloudTrail has it. Cluster and group lead to the cause.
func (r *Releaser) audit(ctx context.Context, v *Verdict, requestID string) {
	line := v.line()
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
