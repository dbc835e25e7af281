package hostile

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
)

// lines keep what a process logs in one run.
type lines struct {
	mu  sync.Mutex
	all []slog.Record
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, r)
	return nil
}

func (l *lines) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = l.all[:0]
}

// attrs are a line's attributes.
func attrs(r slog.Record) map[string]slog.Value {
	all := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool { all[a.Key] = a.Value; return true })
	return all
}

// audit holds what a run said of itself against what the world saw of it.
func (h *History) audit(p *process, r *run, err error) {
	said := map[string]released{}
	var totals map[string]slog.Value
	for _, line := range p.lines.all {
		switch line.Message {
		case "released":
			a := attrs(line)
			said[a["interface"].String()] = released{a["subnet"].String(), int(a["addresses"].Int64()), true}
			h.countLine(a["reason"].String(), a["age"].Kind() != slog.KindInt64)
		case "the run is done", "the run failed":
			totals = attrs(line)
		}
	}
	for id, line := range said {
		if saw, ok := r.released[id]; !ok || saw != line {
			h.violate("%s says that it released %s (%+v), the world saw %+v", p.key, id, line, saw)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.released)) {
		if saw := r.released[id]; saw.answered && said[id] != saw && !r.killed {
			h.violate("%s released %s (%+v), and left no such line: %+v", p.key, id, saw, said[id])
		}
	}
	switch {
	case r.killed:
		return
	case totals == nil && r.calls > 0:
		h.violate("%s left no line of totals", p.key)
	case totals != nil:
		h.auditTotals(p, r, totals, said, err)
	}
	if r.dry {
		h.count("run/dry")
	}
}

// auditTotals holds the line of totals against the audit lines.
func (h *History) auditTotals(p *process, r *run, totals map[string]slog.Value, said map[string]released, err error) {
	_, counted := totals["found"]
	count := func(name string) int {
		if !counted { // evidence could not be read
			return 0
		}
		return int(totals[name].Int64())
	}
	addresses := 0
	for _, line := range said {
		addresses += line.addresses
	}
	if !r.dry && (count("released") != len(said) || count("addressesReleased") != addresses) {
		h.violate("%s says %d released and %d addresses, its lines say %d and %d", p.key, count("released"), count("addressesReleased"), len(said), addresses)
	}
	var kept map[string]int
	if counted {
		raw, _ := json.Marshal(totals["kept"].Any())
		_ = json.Unmarshal(raw, &kept)
	}
	sum := count("released") + count("gone") + count("deferred") + count("failed")
	for reason, n := range kept {
		sum += n
		h.add("kept/"+reason, n)
	}
	failed := totals["error"].Any() != nil
	if failed != (err != nil) {
		h.violate("%s says %v, and answers %v", p.key, totals["error"], err)
	}
	if sum != count("found") {
		h.violate("%s found %d, and accounts for %d", p.key, count("found"), sum)
	}
	if !counted && (!failed || len(r.attempts) > 0) {
		h.violate("%s has totals without counts: %v", p.key, totals)
	}
	calls := 0
	for _, made := range totals["calls"].Any().(map[string]int) {
		calls += made
	}
	if calls != r.calls {
		h.violate("%s says that it made %d calls, the world saw %d", p.key, calls, r.calls)
	}
	for _, name := range []string{"released", "gone", "deferred", "failed"} {
		h.add("run/"+name, count(name))
	}
	h.add("run/kept", len(kept))
	if failed {
		h.count("run/failed as a whole")
	}
}

// countLine counts a line of the rule that released something.
func (h *History) countLine(reason string, ageless bool) {
	if reason == "owner-gone" && ageless {
		reason = "owner-gone, no age"
	}
	h.count("rule/" + reason)
}
