// Package eventbridge is EventBridge: a bus with rules, the envelope of events, and
// what its Scheduler sends.
//
// It imports loop and iam. A rule's target is a function, so it depends on neither
// queues nor Lambda. Start reading at [Bus]; pattern.go matches.
package eventbridge

import (
	"encoding/json"
	"fmt"
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
