package simulation

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
)

// A release is a delete that had its effect, or an audit line of one.
type release struct {
	subnet    string
	addresses int
}

// checkLog checks a run's log against what it did.
func (c *Checker) checkLog(r *Run, err error) {
	logged, released := map[string]release{}, map[string]release{}
	var totals map[string]slog.Value
	for _, line := range r.log {
		switch line.Message {
		case "released":
			a := attributes(line)
			logged[a["interface"].String()] = release{a["subnet"].String(), int(a["addresses"].Int64())}
			c.countRow(a["reason"].String(), a["age"].Kind() != slog.KindInt64)
		case "the run is done", "the run failed":
			totals = attributes(line)
		}
	}
	for _, call := range r.calls {
		if !call.Deleted || call.Status != http.StatusOK { // its answer was lost
			continue
		}
		saw := release{call.Before.Subnet, len(call.Before.Addresses) + 16*len(call.Before.Prefixes)}
		released[call.Target] = saw
		if logged[call.Target] != saw && !r.killed {
			c.recorder.violate("%s released %s (%+v), and left no such line: %+v", r.process.key, call.Target, saw, logged[call.Target])
		}
	}
	for id, line := range logged {
		if saw, ok := released[id]; !ok || saw != line {
			c.recorder.violate("%s says that it released %s (%+v), the world saw %+v", r.process.key, id, line, saw)
		}
	}
	switch {
	case r.killed:
		return
	case totals == nil && len(r.calls) > 0:
		c.recorder.violate("%s left no line of totals", r.process.key)
	case totals != nil:
		c.checkTotals(r, totals, logged, err)
	}
	if r.dry {
		c.recorder.count("run/dry")
	}
}

func attributes(line slog.Record) map[string]slog.Value {
	all := map[string]slog.Value{}
	line.Attrs(func(a slog.Attr) bool { all[a.Key] = a.Value; return true })
	return all
}

// countRow counts a row of the rule that released an interface.
func (c *Checker) countRow(reason string, ageless bool) {
	if reason == "owner-gone" && ageless {
		reason = "owner-gone, no age"
	}
	c.recorder.count("rule/" + reason)
}

// checkTotals checks the line of totals against the audit lines, the calls and the error.
// A run that could not read all evidence has no counts.
func (c *Checker) checkTotals(r *Run, totals map[string]slog.Value, logged map[string]release, err error) {
	_, counted := totals["found"]
	count := func(name string) int {
		if !counted {
			return 0
		}
		return int(totals[name].Int64())
	}
	addresses := 0
	for _, line := range logged {
		addresses += line.addresses
	}
	if !r.dry && (count("released") != len(logged) || count("addressesReleased") != addresses) {
		c.recorder.violate("%s says %d released and %d addresses, its lines say %d and %d", r.process.key, count("released"), count("addressesReleased"), len(logged), addresses)
	}
	failed := totals["error"].Any() != nil
	if failed != (err != nil) {
		c.recorder.violate("%s says %v, and answers %v", r.process.key, totals["error"], err)
	}
	sum := 0
	for _, outcome := range []string{"released", "gone", "deferred", "failed"} {
		sum += count(outcome)
		c.recorder.add("run/"+outcome, count(outcome))
	}
	kept := keptOf(totals)
	for reason, n := range kept {
		sum += n
		c.recorder.add("kept/"+reason, n)
	}
	c.recorder.add("run/kept", len(kept))
	if sum != count("found") {
		c.recorder.violate("%s found %d, and accounts for %d", r.process.key, count("found"), sum)
	}
	if !counted && (!failed || slices.ContainsFunc(r.calls, Call.isDelete)) {
		c.recorder.violate("%s has totals without counts: %v", r.process.key, totals)
	}
	calls := 0
	for _, made := range totals["calls"].Any().(map[string]int) {
		calls += made
	}
	if calls != len(r.calls) {
		c.recorder.violate("%s says that it made %d calls, the world saw %d", r.process.key, calls, len(r.calls))
	}
	if failed {
		c.recorder.count("run/failed as a whole")
	}
}

// keptOf returns how many interfaces a run kept, by reason.
func keptOf(totals map[string]slog.Value) (kept map[string]int) {
	if all, counted := totals["kept"]; counted {
		raw, _ := json.Marshal(all.Any())
		_ = json.Unmarshal(raw, &kept)
	}
	return kept
}
