package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Policy is an IAM policy document, as far as this evaluator reads one: an
// element, operator or condition key that it does not know is an error, never passed over.
type Policy struct {
	Version   string
	Statement []Statement
}

// A Statement of a policy.
type Statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Action    Strings
	Resource  Strings
	Condition map[string]map[string]Strings `json:",omitempty"` // operator, key, values
}

// Strings is one string or a list of them; IAM allows both.
type Strings []string

// UnmarshalJSON reads both forms.
func (s *Strings) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*s = Strings{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(s))
}

// ParsePolicy reads a policy document and refuses what [World.Allow] could not judge.
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
			if !slices.ContainsFunc(conditionKeys, func(known string) bool { return like(known, key) }) {
				return fmt.Errorf("unknown condition key %q", key)
			}
		}
	}
	return nil
}

// Allow gives a caller a policy: from then on it may do what that allows. A
// caller without one may do everything.
func (w *World) Allow(accessKey string, p Policy) {
	defer w.enter()()
	w.policies[accessKey] = p
}

// A resource is what a call is about, as a policy can see it.
type resource struct {
	arn, vpc, subnet string
	tags             map[string]string
}

// everything is the resource of a listing.
var everything = resource{arn: "*"}

func (w *World) resourceOf(eni Interface) resource {
	arn := "arn:aws:ec2:" + w.options.Region + ":" + eni.Owner + ":network-interface/" + eni.ID
	return resource{arn: arn, vpc: eni.VPC, subnet: eni.Subnet, tags: eni.Tags}
}

// permit judges a call: an explicit Deny wins, then an Allow, then the answer is
// no (IAM User Guide, "Policy evaluation logic"). A dry run ends here.
func (w *World) permit(c *Call, r resource) *Error {
	if p, ok := w.policies[c.Caller]; ok && !p.allows(c.Service+":"+c.Action, r.arn, w.context(r)) {
		message := fmt.Sprintf("You are not authorized to perform this operation. The caller %s is not authorized to perform: %s:%s on resource: %s", c.Caller, c.Service, c.Action, r.arn)
		if c.Service == "autoscaling" {
			return &Error{403, "AccessDenied", message}
		}
		return &Error{403, "UnauthorizedOperation", message}
	}
	if c.DryRun && c.Service == "ec2" {
		return &Error{412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."}
	}
	return nil
}

func (p Policy) allows(action, target string, context map[string]string) bool {
	allowed := false
	for _, s := range p.Statement {
		if s.covers(action, target, context) {
			if s.Effect == "Deny" {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

func (s Statement) covers(action, target string, context map[string]string) bool {
	if !slices.ContainsFunc(s.Action, func(pattern string) bool { return like(strings.ToLower(pattern), strings.ToLower(action)) }) ||
		!anyLike(s.Resource, target) {
		return false
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			have, present := context[strings.ToLower(key)]
			if !operators[operator](values, have, present) {
				return false
			}
		}
	}
	return true
}

// conditionKeys are those that the context below has (Service Authorization
// Reference, "Condition keys for Amazon EC2"; IAM User Guide, "AWS global condition context keys").
var conditionKeys = []string{"aws:RequestedRegion", "aws:ResourceTag/*", "ec2:Vpc", "ec2:Subnet"}

// context is what conditions are about: keys in lower case, for their case does
// not count, and absent ones absent.
func (w *World) context(r resource) map[string]string {
	keys := map[string]string{"aws:requestedregion": w.options.Region}
	if r.vpc != "" {
		keys["ec2:vpc"], keys["ec2:subnet"] = w.arn("ec2", "vpc/"+r.vpc), w.arn("ec2", "subnet/"+r.subnet)
	}
	for key, value := range r.tags {
		keys["aws:resourcetag/"+strings.ToLower(key)] = value
	}
	return keys
}

// operators judge one key: the policy's values, and the call's, which may be
// absent (IAM User Guide, "IAM JSON policy elements: Condition operators").
var operators = map[string]func(values []string, have string, present bool) bool{
	"StringEquals": func(v []string, have string, present bool) bool { return present && slices.Contains(v, have) },
	"StringLike":   func(v []string, have string, present bool) bool { return present && anyLike(v, have) },
	"ArnLike":      func(v []string, have string, present bool) bool { return present && anyARNLike(v, have) },
	"Null":         func(v []string, _ string, present bool) bool { return slices.Contains(v, strconv.FormatBool(!present)) },
}

// anyLike tells whether one of the patterns (see like) matches.
func anyLike(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return like(pattern, s) })
}

// anyARNLike compares part by part: a wildcard does not reach across a colon,
// except in the last part, the resource.
func anyARNLike(patterns []string, arn string) bool {
	const parts = 6 // arn:partition:service:region:account:resource
	have := strings.SplitN(arn, ":", parts)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.EqualFunc(strings.SplitN(pattern, ":", parts), have, like)
	})
}
