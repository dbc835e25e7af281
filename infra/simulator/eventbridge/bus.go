// Package eventbridge is EventBridge: a bus with rules, the envelope of events, and
// what its Scheduler sends.
//
// It imports loop and iam. A rule's target is a function, so it depends on neither
// queues nor Lambda. Start reading at [Bus] and at matches.
package eventbridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// check refuses a pattern that matches would not answer as EventBridge does.
func check(pattern map[string]any) error {
	if len(pattern) == 0 {
		return errors.New("an empty object is not supported")
	}
	for key, want := range pattern {
		if key == "$or" || strings.Contains(key, ".") { // alternatives, and a path
			return fmt.Errorf("the key %s is not supported", key)
		}
		if inner, ok := want.(map[string]any); ok {
			if err := check(inner); err != nil {
				return err
			}
			continue
		}
		list, _ := want.([]any)
		if len(list) == 0 || slices.ContainsFunc(list, func(each any) bool { return operator(each) == nil }) {
			return fmt.Errorf("%v of %s is not supported", want, key)
		}
	}
	return nil
}

// operator returns what holds for the values of a field that one entry of a pattern's list wants:
// an exact text, anything-but one text, prefix and exists (EventBridge User Guide, "Comparison
// operators for use in event patterns"). It is nil for any other.
func operator(want any) func(values []any) bool {
	if _, exact := want.(string); exact {
		return func(values []any) bool { return slices.Contains(values, want) }
	}
	one, _ := want.(map[string]any)
	if len(one) != 1 {
		return nil
	}
	exists, asks := one["exists"].(bool)
	_, excludes := one["anything-but"].(string)
	prefix, begins := one["prefix"].(string)
	switch {
	case asks:
		return func(values []any) bool { return exists == (len(values) > 0) }
	case excludes:
		return func(values []any) bool {
			return slices.ContainsFunc(values, func(v any) bool { return v != one["anything-but"] })
		}
	case begins:
		return func(values []any) bool {
			return slices.ContainsFunc(values, func(v any) bool { text, ok := v.(string); return ok && strings.HasPrefix(text, prefix) })
		}
	}
	return nil
}

// matches answers as AWS's own matcher, event-ruler: a field has the values that are in its lists, and
// exists by these, so not as an object or as an empty list; null is a value. It panics at an event that
// event-ruler reads in a way of its own: with several objects in a list, or a path for a key.
func matches(pattern, event map[string]any) bool {
	for key, want := range pattern {
		var values []any
		var objects []map[string]any
		for name, have := range event {
			if name == key {
				values, objects = flatten(have)
			} else if strings.HasPrefix(name, key+".") {
				panic("simulator: a key that is a path is not supported: " + name)
			}
		}
		switch want := want.(type) {
		case map[string]any:
			if len(objects) > 1 {
				panic("simulator: a pattern about several objects in a list is not supported: " + key)
			}
			if !matches(want, append(objects, nil)[0]) {
				return false
			}
		case []any:
			if !slices.ContainsFunc(want, func(each any) bool { return operator(each)(values) }) {
				return false
			}
		}
	}
	return true
}

// flatten returns a field's values, and its objects, out of all lists.
func flatten(have any) (values []any, objects []map[string]any) {
	switch have := have.(type) {
	case map[string]any:
		return nil, []map[string]any{have}
	case []any:
		for _, each := range have {
			v, o := flatten(each)
			values, objects = append(values, v...), append(objects, o...)
		}
		return values, objects
	}
	return []any{have}, nil
}
