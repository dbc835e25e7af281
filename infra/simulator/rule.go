package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

type rule struct {
	pattern map[string]any
	queue   *Queue
}

// AddRule has every event that matches an EventBridge pattern sent to a queue.
func (w *World) AddRule(pattern []byte, queue *Queue) error {
	var p map[string]any
	if err := json.Unmarshal(pattern, &p); err != nil {
		return fmt.Errorf("reading a pattern: %w", err)
	}
	defer w.enter()()
	w.rules = append(w.rules, rule{p, queue})
	return nil
}

// Emit puts an event on the bus.
func (w *World) Emit(event []byte) {
	defer w.enter()()
	w.emit(event)
}

func (w *World) emit(event []byte) {
	var e map[string]any
	if json.Unmarshal(event, &e) != nil {
		return // the bus takes JSON objects only
	}
	for _, r := range w.rules {
		if matchesPattern(r.pattern, e) {
			r.queue.send(string(event))
		}
	}
}

// event is an event in EventBridge's envelope (EventBridge User Guide, "AWS service
// event metadata").
func (w *World) event(source, kind string, resources []string, detail any) []byte {
	return encode(map[string]any{
		"version": "0", "id": w.newUUID(), "source": source, "detail-type": kind, "account": w.options.Account,
		"time": w.now.Format(time.RFC3339), "region": w.options.Region, "resources": resources, "detail": detail,
	})
}

// encode is JSON of the world's own making, which cannot fail.
func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("simulator: " + err.Error())
	}
	return raw
}

// matchesPattern knows exact values, prefix, anything-but and exists (EventBridge
// User Guide, "Comparison operators for use in event patterns"). An unknown operator matches nothing.
func matchesPattern(pattern, event map[string]any) bool {
	for key, want := range pattern {
		have, present := event[key]
		switch want := want.(type) {
		case map[string]any:
			inner, _ := have.(map[string]any)
			if !matchesPattern(want, inner) {
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
	text, isText := have.(string)
	if prefix, ok := operator["prefix"].(string); ok {
		return isText && strings.HasPrefix(text, prefix)
	}
	if exists, ok := operator["exists"].(bool); ok {
		return exists == present
	}
	if not, ok := operator["anything-but"]; ok && present {
		if many, ok := not.([]any); ok {
			return !slices.Contains(many, have)
		}
		return not != have
	}
	return false
}
