package simulation

import (
	"encoding/json"
	"time"
)

// report is the answer of a manual run, as far as it is checked.
type report struct {
	DryRun        bool
	Found         int
	FreeAddresses map[string]int
	Interfaces    []struct {
		ID, Subnet, Decision, Reason string
		Addresses                    int
	}
}

// checkInspection checks the report of a manual dry run without faults. Such a run takes no
// virtual time, so each line must be what the model expects of the interface at this instant.
func (c *Checker) checkInspection(r *Run, answer []byte, err error) {
	if !time.Now().Equal(r.began) {
		return // other callers left no API quota, so that the SDK waited
	}
	var got report
	if err != nil || json.Unmarshal(answer, &got) != nil {
		c.recorder.violate("a manual dry run without any fault answers %v: %s", err, answer)
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
			c.recorder.count("rule/" + expected.Row)
		}
		if decisions[eni.ID] != want {
			c.recorder.violate("of %+v a dry run reports %q, want %q", eni, decisions[eni.ID], want)
		}
		delete(decisions, eni.ID)
	}
	if len(decisions) > 0 {
		c.recorder.violate("a dry run lists interfaces that do not exist: %v", decisions)
	}
	for subnet, free := range got.FreeAddresses {
		if has := c.region.EC2.FreeAddresses(subnet); has != free {
			c.recorder.violate("a dry run reports that %s has %d free addresses, it has %d", subnet, free, has)
		}
	}
}
