// Package iam judges calls by policies, as far as the template's roles need it, and
// names resources. It imports nothing of this module. Start reading at [ParsePolicy]
// and [Policy.Allows]; [Like] has the wildcards, also of EC2's filters.
package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An Account is one account in one region.
type Account struct{ Region, ID string }

// ARN names a resource of the account.
func (a Account) ARN(service, resource string) string {
	return "arn:aws:" + service + ":" + a.Region + ":" + a.ID + ":" + resource
}

// A Resource is what a call is about, as a policy sees it.
type Resource struct {
	ARN  string
	Keys map[string]string // condition keys in lower case, because their case does not count
}

// Everything is the resource of a listing.
var Everything = Resource{ARN: "*"}

// A Policy is an IAM policy document. ParsePolicy refuses an element, operator or
// condition key that Allows does not support; none is passed over.
type Policy struct {
	Version   string
	Statement []Statement
}

type Statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Action    Strings
	Resource  Strings
	Condition map[string]map[string]Strings `json:",omitempty"` // operator, key, values
}

// Strings is one string or a list of them; IAM allows both.
type Strings []string

func (s *Strings) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*s = Strings{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(s))
}

// ParsePolicy reads a policy document and refuses what Allows could not judge.
func ParsePolicy(document []byte) (Policy, error) {
	var p Policy
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("reading a policy: %w", err)
	}
	for _, s := range p.Statement {
		if err := s.check(); err != nil {
			return Policy{}, fmt.Errorf("reading a policy: statement %q: %w", s.Sid, err)
		}
	}
	return p, nil
}

func (s Statement) check() error {
	if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action) == 0 || len(s.Resource) == 0 {
		return errors.New("it needs an effect, actions and resources")
	}
	for operator, keys := range s.Condition {
		if operators[operator] == nil {
			return fmt.Errorf("unknown operator %q", operator)
		}
		for key := range keys {
			if !slices.ContainsFunc(conditionKeys, func(known string) bool { return Like(known, key) }) {
				return fmt.Errorf("unknown condition key %q", key)
			}
		}
	}
	return nil
}

// conditionKeys are those that the resources here have (Service Authorization
// Reference, "Condition keys for Amazon EC2"; IAM User Guide, "AWS global condition context keys").
var conditionKeys = []string{"aws:RequestedRegion", "aws:ResourceTag/*", "ec2:Vpc", "ec2:Subnet"}

// Allows judges an action ("ec2:DeleteNetworkInterface") on a resource: an explicit
// Deny wins, then an Allow, then the answer is no (IAM User Guide, "Policy evaluation logic").
func (p Policy) Allows(action string, on Resource) bool {
	allowed := false
	for _, s := range p.Statement {
		if s.covers(action, on) {
			if s.Effect == "Deny" {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

func (s Statement) covers(action string, on Resource) bool {
	if !slices.ContainsFunc(s.Action, func(pattern string) bool { return Like(strings.ToLower(pattern), strings.ToLower(action)) }) ||
		!AnyLike(s.Resource, on.ARN) {
		return false
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			have, present := on.Keys[strings.ToLower(key)]
			if !operators[operator](values, have, present) {
				return false
			}
		}
	}
	return true
}

// operators judge one key: the policy's values, and the call's, which may be
// absent (IAM User Guide, "IAM JSON policy elements: Condition operators").
var operators = map[string]func(values []string, have string, present bool) bool{
	"StringEquals": func(v []string, have string, present bool) bool { return present && slices.Contains(v, have) },
	"StringLike":   func(v []string, have string, present bool) bool { return present && AnyLike(v, have) },
	"ArnLike":      func(v []string, have string, present bool) bool { return present && anyARNLike(v, have) },
	"Null":         func(v []string, _ string, present bool) bool { return slices.Contains(v, strconv.FormatBool(!present)) },
}

// Like matches a pattern with * (anything) and ? (one character; the EC2 User Guide
// says "zero or one" of filters), case-sensitive. A backslash takes the next
// character as it is.
func Like(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return Like(pattern[1:], s) || s != "" && Like(pattern, s[1:])
	case s == "":
		return false
	case pattern[0] == '?':
		return Like(pattern[1:], s[1:])
	case pattern[0] == '\\' && len(pattern) > 1:
		return pattern[1] == s[0] && Like(pattern[2:], s[1:])
	}
	return pattern[0] == s[0] && Like(pattern[1:], s[1:])
}

func AnyLike(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return Like(pattern, s) })
}

// anyARNLike compares part by part: a wildcard does not reach across a colon,
// except in the last part, the resource.
func anyARNLike(patterns []string, arn string) bool {
	const parts = 6 // arn:partition:service:region:account:resource
	have := strings.SplitN(arn, ":", parts)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.EqualFunc(strings.SplitN(pattern, ":", parts), have, Like)
	})
}
