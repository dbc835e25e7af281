package hostile

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// steps is how many of the last steps before a violation are told.
const steps = 120

// A trace remembers the last steps, as cheaply as a million histories ask for.
type trace struct {
	last   [steps]step
	count  int
	closed bool
}

type step struct {
	at     time.Time
	format string
	args   []any
}

func (t *trace) close() { t.closed = true }

func (h *History) note(format string, args ...any) {
	now := h.world.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trace.closed {
		return
	}
	h.trace.last[h.trace.count%steps] = step{now, format, args}
	h.trace.count++
}

// Story is the history for a reader: what it was like, its last steps, the
// violation. The CNIs' calls are told, too. To be called in the history's bubble.
func (h *History) Story() string {
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	var first time.Time
	for i := max(0, h.trace.count-steps); i < h.trace.count; i++ {
		s := h.trace.last[i%steps]
		if first.IsZero() {
			first = s.at
		}
		lines = append(lines, line{s.at, fmt.Sprintf(s.format, s.args...)})
	}
	end := h.world.Now()
	if len(lines) > 0 {
		end = lines[len(lines)-1].at
	}
	for _, call := range h.world.Calls() {
		if !strings.HasPrefix(call.Caller, key) && !call.At.Before(first) && !call.At.After(end) && call.Action != "CreateTags" {
			about := call.Form.Get("NetworkInterfaceId")
			lines = append(lines, line{call.At, fmt.Sprintf("%s: %s %s %s", call.Caller, call.Action, about, call.Code)})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	if len(lines) > steps {
		lines = lines[len(lines)-steps:]
	}
	var out strings.Builder
	fmt.Fprintf(&out, "seed %d: %+v\nsettings: %+v\n", h.Seed, h.traits, h.settings)
	for _, l := range lines {
		fmt.Fprintf(&out, "%s  %s\n", l.at.Format("02 15:04:05.000"), l.text)
	}
	return out.String()
}
