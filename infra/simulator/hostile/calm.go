package hostile

import "time"

// calmDown ends all trouble, waits as long as the function may take, and tells
// whether it forgot anything.
func (h *History) calmDown() {
	if h.over() {
		return
	}
	h.mu.Lock()
	h.calm, h.calmAt = true, time.Now()
	h.mu.Unlock()
	h.note("all is calm")
	t := h.traits

	// By then no interface is young, whatever its node's clock said, and every message
	// has come again that a killed run had in hand.
	time.Sleep(max(h.settings.GracePeriod+15*time.Minute, 8*time.Minute) + time.Second)
	due := map[string]bool{}
	for _, eni := range h.world.Interfaces() {
		f := h.settings.expect(eni, h.owner, h.world.Now())
		_, stuck := h.stuck[eni.ID]
		if f.release && !stuck && !h.settings.DryRun {
			due[eni.ID] = true
		}
	}
	runs := h.runsFor(len(due))
	for range runs {
		time.Sleep(t.interval)
		if h.left(due) == "" {
			break
		}
	}
	time.Sleep(timeout + time.Second)
	if id := h.left(due); id != "" {
		eni, _ := h.world.Interface(id)
		h.violate("%s is still there, %d runs after it could be released: %+v", id, runs, eni)
		return
	}
	h.inspect()
	h.judgeMessages()
	if t.cron == 0 && !t.resource && !t.sweeps && t.kind != "backlog" {
		h.judgeCNIs()
	}
	h.judgeRemains()
}

// runsFor is how many runs may be needed to release so many. Each releases its share,
// and what can never be released takes up to three turns, the SDK's attempts. Where
// that is all of a run's turns, the lot alone gives each one its chance: after 30 times
// as many runs as there are interfaces, one in 10^13 would still wait for its own.
func (h *History) runsFor(due int) int {
	share, all := h.settings.DeletesPerMinute, due+len(h.stuck)
	switch {
	case len(h.stuck) == 0:
		return 1 + 2*due/share
	case 3*all <= share:
		return 2
	}
	return 2 + 2*due/share + 30*all
}

// left is one of these interfaces that is still there and still to be released; "" for
// none. One whose age cannot be read is so for the hour only in which EC2 shows its
// terminated owner (docs/safety.md).
func (h *History) left(due map[string]bool) string {
	for id := range due {
		if eni, still := h.world.Interface(id); still && h.settings.expect(eni, h.owner, h.world.Now()).release {
			return id
		}
	}
	return ""
}

// judgeRemains tells whether what is abandoned by the world's own account, and still
// there, is so for a reason that the specification names.
func (h *History) judgeRemains() {
	for _, eni := range h.world.Abandoned() {
		f := h.settings.expect(eni, h.owner, h.world.Now())
		if f.reason == "young" && eni.Creator != "" && !h.traits.beyond && !h.redated[eni.ID] && h.world.Now().Sub(eni.LeakedAt) > h.settings.GracePeriod+15*time.Minute {
			h.violate("%s has been abandoned since %v and still counts as young", eni.ID, eni.LeakedAt)
		}
	}
}

// soon is how long a message takes in a calm: the queue's delay, the batch window
// and a run.
const soon = 3 * time.Minute

// judgeMessages tells whether each message has come to its end: done, or in the
// dead-letter queue for cause.
func (h *History) judgeMessages() {
	for _, m := range h.buffer.Messages() {
		failures := h.failures(m.ID)
		failing := failures > 0 && failures >= m.Receives-1 // the last one may be under way; judgeFailure saw to the cause
		if !h.bad[m.Body] && !failing && h.world.Now().Sub(m.SentAt) > soon {
			h.violate("a message is still in the queue, received %d times: %.200s", m.Receives, m.Body)
		}
	}
	for _, m := range h.dead.Messages() {
		h.count("message/dead letter")
		if failures := h.failures(m.ID); !h.bad[m.Body] && failures < 5 {
			h.violate("a message is in the dead-letter queue after %d failures: %.200s", failures, m.Body)
		}
	}
}

func (h *History) failures(message string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed[message]
}

// judgeFailure holds a run that failed in a calm against what may fail one then: only
// an interface that nobody is authorized to delete.
func (h *History) judgeFailure(r *run, err error) {
	h.mu.Lock()
	cause := !h.calm || r.began.Before(h.calmAt)
	for _, how := range h.stuck {
		cause = cause || how.name == refused
	}
	h.mu.Unlock()
	if !cause {
		h.violate("a run failed in a calm: %v", err)
	}
}
