package simulation

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// A Checker checks by the region's own state, not by the function's words: safety (no
// interface in use is released), liveness (none that leaked is forgotten) and telemetry.
type Checker struct {
	scenario Scenario
	region   *simulator.World
	faults   *Faults
	recorder *Recorder

	mu     sync.Mutex
	runs   map[*Run]*evidence
	failed map[string]int // by message, the runs with it that failed
}

// evidence is what a run did, as the region saw it.
type evidence struct {
	unread    map[string]bool // listings whose last read failed
	throttled string          // the interface whose delete was throttled last
	attempts  []time.Time     // of deletes
	released  map[string]release
}

// A release is a delete that had its effect.
type release struct {
	subnet    string
	addresses int
	answered  bool // the run received the answer
}

// Started begins to collect a run's evidence.
func (c *Checker) Started(r *Run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs[r] = &evidence{unread: map[string]bool{}, released: map[string]release{}}
}

func (c *Checker) evidence(r *Run) *evidence {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runs[r]
}

// Called checks a call, then adds it to the run's evidence.
func (c *Checker) Called(r *Run, call Call) {
	e := c.evidence(r)
	if call.isDelete() {
		c.checkStart(r, e, call)
	}
	if !call.At.IsZero() {
		c.checkEffect(r, e, call)
	}
	switch call.Action {
	case "DescribeNetworkInterfaces", "DescribeInstances":
		e.unread[call.Action] = call.Status != http.StatusOK
	case "DeleteNetworkInterface":
		e.throttled = ""
		if slices.Contains(throttles, call.Code) {
			e.throttled = call.Target
		}
	}
	if call.Deleted {
		e.released[call.Target] = release{call.Before.Subnet, len(call.Before.Addresses) + 16*len(call.Before.Prefixes), call.Status == http.StatusOK}
	}
}

// Ended checks a run as a whole.
func (c *Checker) Ended(r *Run, err error) {
	if late := time.Since(r.deadline); late > 0 {
		c.recorder.violate("%s outlived its deadline by %v", r.process, late)
	}
	c.checkLog(r, c.evidence(r), err)
	c.mu.Lock()
	delete(c.runs, r)
	c.mu.Unlock()
	if r.inspection {
		return
	}
	c.classify(r, err)
	if err != nil && !r.cut && c.faults.quiescentAt(r.began) && !c.mayFail() {
		c.recorder.violate("a run failed in a calm: %v", err)
	}
}

// mayFail reports whether a run may fail once all is quiescent: only for an
// interface that nobody is authorized to delete.
func (c *Checker) mayFail() bool {
	for _, how := range c.faults.undeletables() {
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
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, record := range batch.Records {
		if record.Attributes.ApproximateReceiveCount != "1" {
			c.recorder.count("message/came again")
		}
		if err != nil {
			c.failed[record.ID]++
		}
	}
	var refused *simulator.FunctionError
	if err != nil && !errors.As(err, &refused) {
		c.recorder.count("run/failed as a whole")
	}
}

func (c *Checker) failures(message string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed[message]
}

// expect returns what the rule decides about an interface by what EC2 shows now.
func (c *Checker) expect(s model.Settings, eni simulator.Interface) model.Expectation {
	return s.Expect(eni, c.owner, c.region.Now())
}

func (c *Checker) owner(id string) *simulator.Instance {
	i, ok := c.region.Instance(id)
	if !ok || i.Hidden || i.Owner != account {
		return nil
	}
	return &i
}
