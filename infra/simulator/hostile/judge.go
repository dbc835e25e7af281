package hostile

import (
	"net/url"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// judgeStart holds a delete against what the run has seen, when it starts: none
// starts in the last 5 seconds, or after a throttle that outlived the retries
// (spec: release).
func (h *History) judgeStart(p *process, r *run, id string) {
	if left := time.Until(r.deadline); left < 5*time.Second {
		h.violate("%s began to delete %s %v before its deadline", p.key, id, left)
	}
	if r.throttled != "" && r.throttled != id {
		h.violate("%s pushed on with %s although %s was throttled", p.key, id, r.throttled)
	}
}

// judge holds a call of a run's against what the world knows, at the moment of its effect.
func (h *History) judge(p *process, r *run, action, id string, form url.Values) {
	if strings.HasPrefix(action, "Describe") {
		return
	}
	if action != "DeleteNetworkInterface" || form.Get("DryRun") != "" {
		h.violate("%s made a write other than a delete: %s", p.key, action)
		return
	}
	h.judgePace(p, r)
	switch {
	case r.dry:
		h.violate("%s deleted %s in a dry run", p.key, id)
	case r.unread["DescribeNetworkInterfaces"] || r.unread["DescribeInstances"]:
		h.violate("%s deleted %s although it could not read all evidence", p.key, id)
	}
	eni, exists := h.world.Interface(id)
	if !exists {
		return
	}
	if eni.Status == "available" && eni.LeakedAt.IsZero() && eni.Creator != "" {
		if h.traits.beyond {
			h.count("beyond the facts/released although its creator would attach it")
			return
		}
		h.violate("%s released %s, which its creator %s would still attach", p.key, id, eni.Creator)
	}
	if !h.couldBeReleased(p, r, id) {
		f := p.settings.expect(eni, h.owner, h.world.Now())
		h.violate("%s tried to release %s, which is to be kept: %s (%+v)", p.key, id, f.reason, eni)
	}
}

// couldBeReleased tells whether the rule released the interface by any view of the
// world that the run can have had: listings may be old, and not equally so.
func (h *History) couldBeReleased(p *process, r *run, id string) bool {
	now := h.world.Now()
	since := r.began.Add(-stalest)
	var views []map[string]*simulator.Instance
	for _, eni := range h.world.InterfaceSince(since, id) {
		if eni == nil {
			continue
		}
		if p.settings.expect(*eni, h.owner, now).release {
			return true
		}
		if views == nil {
			views = h.viewsOf(*eni, since)
		}
		for _, view := range views {
			if p.settings.expect(*eni, func(id string) *simulator.Instance { return view[id] }, now).release {
				return true
			}
		}
	}
	return false
}

// viewsOf are all combinations of what the interface's claimed instances were.
func (h *History) viewsOf(eni simulator.Interface, since time.Time) []map[string]*simulator.Instance {
	views := []map[string]*simulator.Instance{{}}
	for _, id := range []string{strings.TrimPrefix(eni.Description, description), eni.Tags[tagInstance]} {
		var more []map[string]*simulator.Instance
		for _, version := range h.world.InstanceSince(since, id) {
			if version != nil && version.Hidden {
				version = nil
			}
			for _, view := range views {
				wider := map[string]*simulator.Instance{id: version}
				for other, i := range view {
					if other != id {
						wider[other] = i
					}
				}
				more = append(more, wider)
			}
		}
		views = more
	}
	return views
}

// owner is an instance as EC2 shows it now.
func (h *History) owner(id string) *simulator.Instance {
	i, ok := h.world.Instance(id)
	if !ok || i.Hidden || i.Owner != account {
		return nil
	}
	return &i
}

// judgePace holds a run's deletes against the share of calls that it may take
// (spec: release).
func (h *History) judgePace(p *process, r *run) {
	now, share := time.Now(), p.settings.DeletesPerMinute
	r.attempts = append(r.attempts, now)
	if len(r.attempts) > share {
		h.violate("%s made %d deletes, of %d", p.key, len(r.attempts), share)
	}
	allowed := float64(max(1, share/4)) + now.Sub(r.attempts[0]).Minutes()*float64(share)
	if float64(len(r.attempts)) > allowed+1 {
		h.violate("%s made %d deletes in %v", p.key, len(r.attempts), now.Sub(r.attempts[0]))
	}
}

// judgeCNIs tells whether a CNI was throttled that would not have been without the
// function: whose deletes, and those of all other callers but the function, fit
// into half of what EC2 allows at once and 2 a second (spec: release). Says nothing
// where another cleaner takes what is left.
func (h *History) judgeCNIs() {
	const size, refill = 50, 2.0
	tokens, at := float64(size), time.Time{}
	for _, c := range h.world.Calls() {
		if c.Action != "DeleteNetworkInterface" || strings.HasPrefix(c.Caller, key) {
			continue
		}
		if !at.IsZero() {
			tokens = min(size, tokens+c.At.Sub(at).Seconds()*refill)
		}
		at = c.At
		tokens--
		if c.Code == "RequestLimitExceeded" && tokens >= 0 && strings.HasPrefix(c.Caller, "i-") {
			h.violate("the CNI of %s was throttled on account of the function at %v", c.Caller, c.At)
		}
		tokens = max(0, tokens)
	}
}
