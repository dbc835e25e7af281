package simulation

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// checkLiveness waits, outside and without faults, as long as the function may take, and
// checks that everything to be released is.
func (c *Checker) checkLiveness(s model.Settings) {
	// After this no interface is young, whatever its node's clock, and each message that a
	// killed run had received is visible again. The schedule rests: the sweeps that follow are to do
	// all of it.
	c.region.Do(func() { c.stack.Paused = true })
	time.Sleep(max(s.GracePeriod+15*time.Minute, c.stack.Queue.Visibility+2*time.Minute) + time.Second)
	c.region.Do(func() { c.stack.Paused = false })
	due := simulator.Look(c.region, func() map[string]string { return c.due(s) })
	left := func() string {
		for id, by := range c.due(s) {
			if due[id] == by {
				return id
			}
		}
		return ""
	}
	runs := c.runsNeeded(s, len(due))
	for range runs {
		time.Sleep(c.scenario.interval)
		if simulator.Look(c.region, left) == "" {
			break
		}
	}
	time.Sleep(c.stack.Timeout - separation + time.Second)
	c.region.Do(func() {
		if id := left(); id != "" {
			eni, _ := c.region.EC2.Interface(id)
			c.violate("%s is still there, %d runs after it could be released: %+v", id, runs, eni)
		}
	})
}

// due returns the interfaces that are to be released and can be, with the row and the date by which:
// while EC2 shows its terminated owner one is due, which may be young once that is forgotten.
func (c *Checker) due(s model.Settings) map[string]string {
	due := map[string]string{}
	for _, eni := range c.region.EC2.Interfaces() {
		if _, undeletable := c.faults.undeletable[eni.ID]; undeletable || s.DryRun {
			continue
		}
		if e := c.expect(s, eni); e.Release {
			due[eni.ID] = e.Row + " " + eni.Tags[model.TagCreatedAt]
		}
	}
	return due
}

// runsNeeded bounds the runs until everything is released. An undeletable interface costs
// three attempts; where these fill the budget only the random pick makes progress: after 30
// runs an interface, one in 10^13 was never picked.
func (c *Checker) runsNeeded(s model.Settings, due int) int {
	share, undeletable := s.DeletesPerMinute, len(c.faults.undeletable)
	all := due + undeletable
	switch {
	case undeletable == 0:
		return 1 + 2*due/share
	case 3*all <= share:
		return 2
	}
	return 2 + 2*due/share + 30*all
}

// classify counts how often each message of a batch was in a run that failed.
func (c *Checker) classify(r *Run, err error) {
	var batch struct {
		Records []struct {
			ID         string `json:"messageId"`
			Body       string
			Attributes struct{ ApproximateReceiveCount string }
		}
	}
	_ = json.Unmarshal(r.payload, &batch) // what is no batch has no records
	for _, record := range batch.Records {
		if strings.Contains(record.Body, "State-change") {
			c.count("message/state change")
		}
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

// checkEnd checks what is left at the end: messages, CNIs and leaked interfaces.
func (c *Checker) checkEnd(s model.Settings, redated map[string]bool) {
	c.checkMessages()
	if c.scenario.cron == 0 && !c.scenario.resourceController && !c.scenario.ipamdSweeps && c.scenario.kind != "backlog" {
		c.checkCNIs()
	}
	if c.scenario.implausible {
		return
	}
	oldest, dated := s.GracePeriod+15*time.Minute, c.datedByCNIs()
	c.coverage["dated by a CNI"] += len(dated)
	for _, eni := range c.region.EC2.Leaked() {
		young := c.expect(s, eni).Reason == "young" && eni.Creator != "" && !redated[eni.ID]
		if now := c.region.Loop.Now(); young && now.Sub(eni.LeakedAt) > oldest && now.Sub(dated[eni.ID]) > oldest {
			c.violate("%s has been leaked since %v and still counts as young", eni.ID, eni.LeakedAt)
		}
	}
}

// datedByCNIs returns when a CNI last dated an interface that it found without a readable date, for an orphan
// then looks younger than it is (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go: getLeakedENIs).
func (c *Checker) datedByCNIs() map[string]time.Time {
	dated := map[string]time.Time{}
	for _, call := range c.region.Front.Calls() {
		if call.Action == "CreateTags" && call.Code == "" && call.Form.Get("Tag.1.Key") == model.TagCreatedAt {
			dated[call.Form.Get("ResourceId.1")] = call.At
		}
	}
	return dated
}

// checkMessages checks that each message was done, or is in the dead-letter queue for cause.
// That of a failing message may still be to come; ended has checked why its runs failed.
func (c *Checker) checkMessages() {
	const soon = 3 * time.Minute // without faults: the queue's delay, the batch window and a run
	for _, m := range c.stack.Queue.Messages() {
		failures := c.failed[m.ID]
		failing := failures > 0 && failures >= m.Receives-1
		if !slices.Contains(invalid, m.Body) && !failing && c.region.Loop.Now().Sub(m.SentAt) > soon {
			c.violate("a message is still in the queue, received %d times: %.200s", m.Receives, m.Body)
		}
	}
	for _, m := range c.stack.DeadLetters.Messages() {
		c.count("message/dead letter")
		if failures := c.failed[m.ID]; !slices.Contains(invalid, m.Body) && failures < c.stack.Queue.Receives {
			c.violate("a message is in the dead-letter queue after %d failures: %.200s", failures, m.Body)
		}
	}
}
