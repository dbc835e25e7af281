// Package eventbridge is EventBridge: a bus with rules, the envelope of events, and
// what its Scheduler sends.
//
// It imports loop and iam. A rule's target is a function, so it depends on neither
// queues nor Lambda. Start reading at [Bus] and at matches.
package eventbridge

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// A Bus is the default event bus.
type Bus struct {
	loop    *loop.Loop
	account iam.Account
	rules   []rule
}

type rule struct {
	pattern map[string]any
	target  func(event []byte)
}

func New(l *loop.Loop, account iam.Account) *Bus { return &Bus{loop: l, account: account} }

// AddRule sends every event that matches an EventBridge pattern to a target.
func (b *Bus) AddRule(pattern []byte, target func(event []byte)) error {
	var p map[string]any
	if err := json.Unmarshal(pattern, &p); err != nil {
		return fmt.Errorf("reading a pattern: %w", err)
	}
	if err := check(p); err != nil {
		return fmt.Errorf("reading a pattern: %w", err)
	}
	b.rules = append(b.rules, rule{p, target})
	return nil
}

func (b *Bus) Emit(event []byte) {
	var e map[string]any
	if json.Unmarshal(event, &e) != nil {
		return // the bus takes JSON objects only
	}
	for _, r := range b.rules {
		if matches(r.pattern, e) {
			r.target(event)
		}
	}
}

// Event returns an event in EventBridge's envelope (EventBridge User Guide, "AWS
// service event metadata").
func (b *Bus) Event(source, detailType string, resources []string, detail any) []byte {
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": b.loop.UUID(), "source": source, "detail-type": detailType, "account": b.account.ID,
		"time": b.loop.Now().Format(time.RFC3339), "region": b.account.Region, "resources": resources, "detail": detail,
	})
	if err != nil {
		panic("simulator: writing an event: " + err.Error())
	}
	return raw
}

// Tick returns what EventBridge Scheduler sends without an input of one's own: its
// detail is a string (observed; the EventBridge Scheduler User Guide does not say). It delivers
// at least once (EventBridge Scheduler User Guide, "What is Amazon EventBridge Scheduler?").
func (b *Bus) Tick() []byte {
	return b.Event("aws.scheduler", "Scheduled Event", []string{b.account.ARN("scheduler", "schedule/default/release")}, "{}")
}

// check refuses a pattern that matches would read wrongly.
func check(pattern map[string]any) error {
	for key, want := range pattern {
		if inner, ok := want.(map[string]any); ok {
			if err := check(inner); err != nil {
				return err
			}
			continue
		}
		list, ok := want.([]any)
		if !ok {
			return fmt.Errorf("%s is neither an object nor a list", key)
		}
		for _, each := range list {
			operator, _ := each.(map[string]any)
			for name, value := range operator {
				_, excludes := value.(string)
				_, asks := value.(bool)
				if len(operator) > 1 || !(name == "anything-but" && excludes || name == "exists" && asks) {
					return fmt.Errorf("the operator %v of %s is not supported", operator, key)
				}
			}
		}
	}
	return nil
}

// matches supports exact values, anything-but one text, and exists (EventBridge User
// Guide, "Comparison operators for use in event patterns"). Any other is an error of check.
func matches(pattern, event map[string]any) bool {
	for key, want := range pattern {
		have, present := event[key]
		switch want := want.(type) {
		case map[string]any:
			inner, _ := have.(map[string]any)
			if !matches(want, inner) {
				return false
			}
		case []any:
			if !slices.ContainsFunc(want, func(w any) bool { return matchesValue(w, have, present) }) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func matchesValue(want, have any, present bool) bool {
	if list, ok := have.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return matchesValue(want, one, true) })
	}
	operator, ok := want.(map[string]any)
	if !ok {
		return present && want == have
	}
	if exists, ok := operator["exists"].(bool); ok {
		return exists == present
	}
	return present && have != operator["anything-but"]
}
