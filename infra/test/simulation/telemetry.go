package simulation

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
)

// A logLine is what is checked of an audit line, or of a line of totals.
type logLine struct {
	Interface, Subnet, Reason, Error string
	Addresses, AddressesReleased     int
	Age, Found                       *int // nil: unknown, and no counts at all
	Released, Gone, Deferred, Failed int
	Kept, Calls                      map[string]int
}

func (c *Checker) read(line slog.Record) (l logLine) {
	values := map[string]any{}
	line.Attrs(func(a slog.Attr) bool {
		values[a.Key] = a.Value.Any()
		if err, is := values[a.Key].(error); is {
			values[a.Key] = err.Error()
		}
		return true
	})
	raw, err := json.Marshal(values)
	if err == nil {
		err = json.Unmarshal(raw, &l)
	}
	if err != nil {
		c.recorder.violate("the line %q is unreadable: %v", line.Message, err)
	}
	return l
}

// A release is a delete that had its effect, or an audit line of one.
type release struct {
	subnet    string
	addresses int
}

// checkLog checks a run's log against what it did.
func (c *Checker) checkLog(r *Run, err error) {
	logged, released := map[string]release{}, map[string]release{}
	var totals *logLine
	for _, line := range r.log {
		switch line.Message {
		case "released":
			l := c.read(line)
			logged[l.Interface] = release{l.Subnet, l.Addresses}
			if l.Reason == "owner-gone" && l.Age == nil {
				l.Reason = "owner-gone, no age"
			}
			c.recorder.count("rule/" + l.Reason)
		case "run completed", "run failed":
			l := c.read(line)
			totals = &l
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
			c.recorder.violate("%s logged that it released %s (%+v), the region saw %+v", r.process.key, id, line, saw)
		}
	}
	switch {
	case r.killed:
		return
	case totals != nil:
		c.checkTotals(r, *totals, logged, err)
	case len(r.calls) > 0:
		c.recorder.violate("%s left no line of totals", r.process.key)
	}
	if r.dry {
		c.recorder.count("run/dry")
	}
}

// checkTotals checks the line of totals against the audit lines, the calls and the error.
// A run that could not read all evidence has no counts.
func (c *Checker) checkTotals(r *Run, l logLine, logged map[string]release, err error) {
	addresses, found, calls := 0, 0, 0
	for _, line := range logged {
		addresses += line.addresses
	}
	if !r.dry && (l.Released != len(logged) || l.AddressesReleased != addresses) {
		c.recorder.violate("%s logged %d released and %d addresses, its audit lines %d and %d", r.process.key, l.Released, l.AddressesReleased, len(logged), addresses)
	}
	if (l.Error != "") != (err != nil) {
		c.recorder.violate("%s logged %q, and answered %v", r.process.key, l.Error, err)
	}
	for outcome, n := range map[string]int{"run/released": l.Released, "run/gone": l.Gone, "run/deferred": l.Deferred, "run/failed": l.Failed} {
		found += n
		c.recorder.add(outcome, n)
	}
	for reason, n := range l.Kept {
		found += n
		c.recorder.add("kept/"+reason, n)
	}
	c.recorder.add("run/kept", len(l.Kept))
	switch {
	case l.Found != nil && *l.Found != found:
		c.recorder.violate("%s found %d, and reported %d", r.process.key, *l.Found, found)
	case l.Found == nil && (found > 0 || l.Error == "" || slices.ContainsFunc(r.calls, Call.isDelete)):
		c.recorder.violate("%s has totals without counts: %+v", r.process.key, l)
	}
	for _, made := range l.Calls {
		calls += made
	}
	if calls != len(r.calls) {
		c.recorder.violate("%s logged %d calls, the region saw %d", r.process.key, calls, len(r.calls))
	}
	if err != nil {
		c.recorder.count("run/failed as a whole")
	}
}
