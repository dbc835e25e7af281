package simulation

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
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
	if err != nil && !r.cut && c.faults.quiescentAt(r.began) && !c.mayFail() {
		c.violate("a run failed although no call met a fault: %v", err)
	}
}

// mayFail reports whether a run may fail without faults: only for an interface that
// nobody is authorized to delete.
func (c *Checker) mayFail() bool {
	for _, how := range c.faults.undeletable {
		if how.name == unauthorized {
			return true
		}
	}
	return false
}

// classify counts how often each message of a batch was in a run that failed.
func (c *Checker) classify(r *Run, err error) {
	var batch struct {
		Records []struct {
			ID         string `json:"messageId"`
			Attributes struct{ ApproximateReceiveCount string }
		}
	}
	_ = json.Unmarshal(r.payload, &batch) // what is no batch has no records
	for _, record := range batch.Records {
		if record.Attributes.ApproximateReceiveCount != "1" {
			c.count("message/came again")
		}
		if err != nil {
			c.failed[record.ID]++
		}
	}
	var refused *lambda.FunctionError
	if err != nil && !errors.As(err, &refused) {
		c.count("run/failed as a whole")
	}
}

// expect returns what the rule decides about an interface by what EC2 shows now.
func (c *Checker) expect(s model.Settings, eni ec2.Interface) model.Expectation {
	return s.Expect(eni, c.owner, c.region.Loop.Now())
}

func (c *Checker) owner(id string) *ec2.Instance {
	i, ok := c.region.EC2.Instance(id)
	if !ok || i.Hidden || i.Owner != account {
		return nil
	}
	return &i
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
