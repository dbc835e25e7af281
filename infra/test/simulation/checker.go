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
	scenario Scenario
	region   *simulator.Region
	stack    *simulator.Stack
	faults   *Faults
	recorder *Recorder
	failed   map[string]int // by message, the runs with it that failed
}

// Called checks a call, by the calls before it and by what it met.
func (c *Checker) Called(r *Run, call Call) {
	if call.isDelete() {
		c.checkStart(r, call)
	}
	if !call.At.IsZero() {
		c.checkEffect(r, call)
	}
}

// Ended checks a run as a whole.
func (c *Checker) Ended(r *Run, err error) {
	if late := time.Since(r.deadline); late > 0 {
		c.recorder.violate("%s outlived its deadline by %v", r.process.key, late)
	}
	c.checkLog(r, err)
	if r.inspection {
		return
	}
	c.classify(r, err)
	if err != nil && !r.cut && c.faults.quiescentAt(r.began) && !c.mayFail() {
		c.recorder.violate("a run failed although no call met a fault: %v", err)
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
	if json.Unmarshal(r.payload, &batch) != nil {
		return
	}
	for _, record := range batch.Records {
		if record.Attributes.ApproximateReceiveCount != "1" {
			c.recorder.count("message/came again")
		}
		if err != nil {
			c.failed[record.ID]++
		}
	}
	var refused *lambda.FunctionError
	if err != nil && !errors.As(err, &refused) {
		c.recorder.count("run/failed as a whole")
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
