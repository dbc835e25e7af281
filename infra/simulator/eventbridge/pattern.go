package eventbridge

import (
	"fmt"
	"slices"
	"strings"
)

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
				_, nested := value.(map[string]any)
				if len(operator) > 1 || nested || !slices.Contains([]string{"prefix", "anything-but", "exists"}, name) {
					return fmt.Errorf("the operator %v of %s is not supported", operator, key)
				}
			}
		}
	}
	return nil
}

// matches supports exact values, prefix, anything-but and exists (EventBridge User
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
