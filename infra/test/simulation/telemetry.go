package simulation

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// A logLine is what is checked of an audit line, or of a line of totals.
type logLine struct {
	Msg                              string
	Interface, Subnet, Reason, Error string
	Addresses, AddressesReleased     int
	Age, Found                       *int // nil: unknown, and no counts at all
	Released, Gone, Deferred, Failed int
	Kept, Calls                      map[string]int
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
	for text := range bytes.Lines(r.log) {
		var line logLine
		if err := json.Unmarshal(text, &line); err != nil {
			c.violate("%s logged an unreadable line: %v: %s", r.process.key, err, text)
		}
		switch line.Msg {
		case "released":
			logged[line.Interface] = release{line.Subnet, line.Addresses}
			if line.Reason == "owner-gone" && line.Age == nil {
				line.Reason = "owner-gone, no age"
			}
			c.count("rule/" + line.Reason)
		case "run completed", "run failed":
			totals = &line
		}
	}
	for _, call := range r.calls {
		if call.Deleted && call.Status == http.StatusOK { // its answer was not lost
			released[call.Target] = release{call.Before.Subnet, len(call.Before.Addresses) + 16*len(call.Before.Prefixes)}
		}
	}
	for id, line := range logged {
		if saw, ok := released[id]; !ok || saw != line {
			c.violate("%s logged that it released %s (%+v), the region saw %+v", r.process.key, id, line, saw)
		}
	}
	if len(logged) < len(released) && !r.killed {
		c.violate("%s released %+v, and logged only %+v", r.process.key, released, logged)
	}
	switch {
	case r.killed:
		return
	case totals != nil:
		c.checkTotals(r, *totals, logged, err)
	case len(r.calls) > 0:
		c.violate("%s left no line of totals", r.process.key)
	}
	if r.dry {
		c.count("run/dry")
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
		c.violate("%s logged %d released and %d addresses, its audit lines %d and %d", r.process.key, l.Released, l.AddressesReleased, len(logged), addresses)
	}
	if (l.Error != "") != (err != nil) {
		c.violate("%s logged %q, and answered %v", r.process.key, l.Error, err)
	}
	counts := Coverage{"run/released": l.Released, "run/gone": l.Gone, "run/deferred": l.Deferred, "run/failed": l.Failed}
	for reason, n := range l.Kept {
		counts["kept/"+reason] = n
	}
	for _, n := range counts {
		found += n
	}
	c.coverage.Add(counts)
	c.coverage.Add(Coverage{"run/kept": len(l.Kept)})
	switch {
	case l.Found != nil && *l.Found != found:
		c.violate("%s found %d, and reported %d", r.process.key, *l.Found, found)
	case l.Found == nil && (found > 0 || l.Error == "" || slices.ContainsFunc(r.calls, Call.isDelete)):
		c.violate("%s has totals without counts: %+v", r.process.key, l)
	}
	for _, made := range l.Calls {
		calls += made
	}
	if calls != len(r.calls) {
		c.violate("%s logged %d calls, the region saw %d", r.process.key, calls, len(r.calls))
	}
	if err != nil {
		c.count("run/failed as a whole")
	}
}

// checkInspection checks the report of a manual dry run without faults. Such a run takes no
// virtual time, so each line must be what the model expects of the interface at this instant.
func (c *Checker) checkInspection(r *Run, answer []byte, err error) {
	if !time.Now().Equal(r.began) {
		return // other callers left no API quota, so that the SDK waited
	}
	var got struct {
		FreeAddresses map[string]int
		Interfaces    []struct{ ID, Decision, Reason string }
	}
	if err != nil || json.Unmarshal(answer, &got) != nil {
		c.violate("a manual dry run without any fault answers %v: %s", err, answer)
		return
	}
	decisions := map[string]string{}
	for _, line := range got.Interfaces {
		decisions[line.ID] = line.Decision + " " + line.Reason
	}
	for _, eni := range c.region.EC2.Interfaces() {
		want := ""
		if r.process.settings.Finds(eni) {
			expected := c.expect(r.process.settings, eni)
			if want = "kept " + expected.Reason; expected.Release {
				want = "released " + expected.Reason
			}
			c.count("rule/" + expected.Row)
		}
		if decisions[eni.ID] != want {
			c.violate("of %+v a dry run reports %q, want %q", eni, decisions[eni.ID], want)
		}
		delete(decisions, eni.ID)
	}
	if len(decisions) > 0 {
		c.violate("a dry run lists interfaces that do not exist: %v", decisions)
	}
	for subnet, free := range got.FreeAddresses {
		if has := c.region.EC2.FreeAddresses(subnet); has != free {
			c.violate("a dry run reports that %s has %d free addresses, it has %d", subnet, free, has)
		}
	}
}
