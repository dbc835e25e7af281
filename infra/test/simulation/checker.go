package simulation

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// A Checker checks by the region's own state, not by the function's words: safety (no
// interface in use is released), liveness (none that leaked is forgotten) and telemetry.
type Checker struct {
	*Recorder
	scenario Scenario
	stack    *simulator.Stack
	faults   *Faults
	failed   map[string]int // by message, the runs with it that failed
}

// called checks a call, by the calls before it and by what it met.
func (c *Checker) called(r *Run, call Call) {
	if call.isDelete() {
		c.checkStart(r, call)
	}
	if !call.At.IsZero() {
		c.checkEffect(r, call)
	}
}

// ended checks a run as a whole.
func (c *Checker) ended(r *Run, err error) {
	if late := time.Since(r.deadline); late > 0 {
		c.violate("%s outlived its deadline by %v", r.process.key, late)
	}
	c.checkLog(r, err)
	if r.inspection {
		return
	}
	c.classify(r, err)
	permission := err != nil && strings.Contains(err.Error(), permissionMissing)
	if permission {
		c.checkMissingPermission(r)
	}
	if err != nil && !r.cut && !permission && c.faults.quiescentAt(r.began) {
		c.violate("a run failed although no call met a fault: %v", err)
	}
}

const permissionMissing = "the permission ec2:DeleteNetworkInterface is missing"

// checkMissingPermission checks that ten deletes were tried and refused, of interfaces that a
// listing could still show (spec: release).
func (c *Checker) checkMissingPermission(r *Run) {
	c.count("run/permission missing")
	tried := map[string]bool{}
	for _, call := range r.calls {
		if !call.isDelete() {
			continue
		}
		tried[call.Target] = true
		there := slices.ContainsFunc(c.region.EC2.InterfaceSince(r.began.Add(-stalest), call.Target), func(eni *ec2.Interface) bool { return eni != nil })
		if !call.At.IsZero() && call.Status != 0 && call.Status < 500 && call.Code != "UnauthorizedOperation" && call.Code != "AuthFailure" && !slices.Contains(throttles, call.Code) || !there {
			c.violate("%s takes the permission for missing, and the delete of %s was answered %d %s", r.process.key, call.Target, call.Status, call.Code)
		}
	}
	if len(tried) != 10 {
		c.violate("%s takes the permission for missing after %d deletes", r.process.key, len(tried))
	}
}

// checkStart checks when a delete started: not in the last 5 seconds, nor after a
// throttle that outlived the retries (docs/safety.md).
func (c *Checker) checkStart(r *Run, call Call) {
	if left := r.deadline.Sub(call.Started); left < 5*time.Second {
		c.violate("%s began to delete %s %v before its deadline", r.process.key, call.Target, left)
	}
	last, made := r.last[call.Action]
	if made && last.Target != call.Target && slices.Contains(throttles, last.Code) {
		c.violate("%s pushed on with %s although %s was throttled", r.process.key, call.Target, last.Target)
	}
}

// checkEffect checks a call against the region at the moment of its effect.
func (c *Checker) checkEffect(r *Run, call Call) {
	if strings.HasPrefix(call.Action, "Describe") {
		return
	}
	if !call.isDelete() || call.Form.Get("DryRun") != "" {
		c.violate("%s made a write other than a delete: %s", r.process.key, call.Action)
		return
	}
	c.checkPace(r, call.At)
	if r.dry {
		c.violate("%s deleted %s in a dry run", r.process.key, call.Target)
	}
	for _, evidence := range []string{"DescribeNetworkInterfaces", "DescribeInstances"} {
		if last, made := r.last[evidence]; made && last.Status != http.StatusOK {
			c.violate("%s deleted %s although it could not read all evidence", r.process.key, call.Target)
		}
	}
	if call.Before == nil {
		if call.Status == http.StatusForbidden && call.Fault.Code == "" {
			c.count("refused although it is gone")
		}
		return
	}
	eni := *call.Before
	if eni.Status == "available" && eni.LeakedAt.IsZero() && eni.Creator != "" {
		if c.scenario.implausible {
			c.count("outside the assumptions/released although its creator would attach it")
			return
		}
		c.violate("%s released %s, which its creator %s would still attach", r.process.key, call.Target, eni.Creator)
	}
	if !c.couldRelease(r, call.Target) {
		c.violate("%s tried to release %s, which is to be kept: %s (%+v)", r.process.key, call.Target, c.expect(r.process.settings, eni).Reason, eni)
	}
}

// couldRelease reports whether the rule releases the interface by any state that the
// run can have read of it and of its owners: listings may be old, and not equally so.
func (c *Checker) couldRelease(r *Run, id string) bool {
	now, since := c.region.Loop.Now(), r.began.Add(-stalest)
	for _, eni := range c.region.EC2.InterfaceSince(since, id) {
		if eni == nil {
			continue
		}
		described, tagged := model.Described(*eni), eni.Tags[model.TagInstance]
		for _, one := range c.region.EC2.InstanceSince(since, described) {
			for _, other := range c.region.EC2.InstanceSince(since, tagged) {
				view := map[string]*ec2.Instance{tagged: other, described: one}
				if r.process.settings.Expect(*eni, func(id string) *ec2.Instance { return view[id] }, now).Release {
					return true
				}
			}
		}
	}
	return false
}

// expect returns what the rule decides about an interface by what EC2 shows now.
func (c *Checker) expect(s model.Settings, eni ec2.Interface) model.Expectation {
	now := c.region.Loop.Now()
	return s.Expect(eni, func(id string) *ec2.Instance { return c.region.EC2.InstanceSince(now, id)[0] }, now)
}

// checkPace checks a run's deletes against its delete budget (docs/safety.md).
func (c *Checker) checkPace(r *Run, now time.Time) {
	made, share, passed := 1, r.process.settings.DeletesPerMinute, time.Duration(0)
	for _, call := range r.calls {
		if call.isDelete() && !call.At.IsZero() {
			made, passed = made+1, max(passed, now.Sub(call.At))
		}
	}
	if made > share {
		c.violate("%s made %d deletes, of %d", r.process.key, made, share)
	}
	if float64(made) > float64(max(1, share/4))+passed.Minutes()*float64(share)+1 {
		c.violate("%s made %d deletes in %v", r.process.key, made, passed)
	}
}

// checkCNIs checks that the function throttled no CNI: that none was throttled while the
// deletes of all others but the function fit into half of what EC2 allows at once, and 2
// a second (docs/safety.md). It proves nothing beside another cleaner, which takes the rest.
func (c *Checker) checkCNIs() {
	const size, refill = 50, 2.0
	tokens, at := 0.0, time.Time{} // none for a long time: it begins with all of them
	for _, call := range c.region.Front.Calls() {
		if call.Action != "DeleteNetworkInterface" || ofFunction(call.Caller) {
			continue
		}
		tokens = min(size, tokens+call.At.Sub(at).Seconds()*refill) - 1
		at = call.At
		if call.Code == "RequestLimitExceeded" && tokens >= 0 && strings.HasPrefix(call.Caller, "i-") {
			c.violate("the CNI of %s was throttled on account of the function at %v", call.Caller, call.At)
		}
		tokens = max(0, tokens)
	}
}
