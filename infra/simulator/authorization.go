package simulator

import (
	"encoding/json"
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
	decoder := json.NewDecoder(strings.NewReader(string(document)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("reading a policy: %w", err)
	}
	for _, s := range p.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action) == 0 || len(s.Resource) == 0 {
			return Policy{}, fmt.Errorf("reading a policy: statement %q needs an effect, actions and resources", s.Sid)
		}
		for operator, keys := range s.Condition {
			if _, ok := operators[operator]; !ok {
				return Policy{}, fmt.Errorf("reading a policy: statement %q: unknown operator %q", s.Sid, operator)
			}
			for key := range keys {
				if !slices.ContainsFunc(conditionKeys, func(known string) bool { return like(known, key) }) {
					return Policy{}, fmt.Errorf("reading a policy: statement %q: unknown condition key %q", s.Sid, key)
				}
			}
		}
	}
	return p, nil
}

// Allow gives a caller a policy: from then on it may do what that allows. A
// caller without one may do everything.
func (w *World) Allow(accessKey string, p Policy) {
	defer w.enter()()
	w.policies[accessKey] = p
}

// A resource is what a call is about, as a policy can see it. The zero value is "*".
type resource struct {
	arn, vpc, subnet, account string
	tags                      map[string]string
}

func (w *World) resourceOf(eni Interface) resource {
	arn := "arn:aws:ec2:" + w.options.Region + ":" + eni.Owner + ":network-interface/" + eni.ID
	return resource{arn: arn, vpc: eni.VPC, subnet: eni.Subnet, account: eni.Owner, tags: eni.Tags}
}

// permit judges a call: an explicit Deny wins, then an Allow, then the answer is
// no (IAM User Guide, Policy evaluation logic). A dry run ends here.
func (w *World) permit(c *Call, r resource) *Error {
	if p, ok := w.policies[c.Caller]; ok && !p.allows(c.Service+":"+c.Action, r.target(), w.context(r)) {
		message := "You are not authorized to perform this operation. The caller " + c.Caller + " is not authorized to perform: " + c.Service + ":" + c.Action + " on resource: " + r.target()
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

func (r resource) target() string {
	if r.arn == "" {
		return "*"
	}
	return r.arn
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
		!slices.ContainsFunc(s.Resource, func(pattern string) bool { return like(pattern, target) }) {
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

// conditionKeys are those that the context below has (Service Authorization Reference, Amazon EC2).
var conditionKeys = []string{
	"aws:ResourceTag/*", "ec2:ResourceTag/*", "ec2:Vpc", "ec2:Subnet", "ec2:Region", "aws:RequestedRegion", "aws:ResourceAccount",
}

// context is what conditions are about: keys in lower case, absent ones absent.
func (w *World) context(r resource) map[string]string {
	keys := map[string]string{"ec2:region": w.options.Region, "aws:requestedregion": w.options.Region}
	if r.arn == "" {
		return keys
	}
	keys["ec2:vpc"], keys["ec2:subnet"] = w.arn("ec2", "vpc/"+r.vpc), w.arn("ec2", "subnet/"+r.subnet)
	keys["aws:resourceaccount"] = w.options.Account
	if r.account != "" {
		keys["aws:resourceaccount"] = r.account
	}
	for key, value := range r.tags {
		keys["aws:resourcetag/"+strings.ToLower(key)] = value
		keys["ec2:resourcetag/"+strings.ToLower(key)] = value
	}
	return keys
}

// operators judge one key: the policy's values, and the call's, which may be
// absent. The negated ones hold for an absent key (IAM User Guide, Condition operators).
var operators = map[string]func(values []string, have string, present bool) bool{
	"StringEquals":    func(v []string, have string, present bool) bool { return present && slices.Contains(v, have) },
	"StringNotEquals": func(v []string, have string, present bool) bool { return !present || !slices.Contains(v, have) },
	"StringLike":      func(v []string, have string, present bool) bool { return present && anyLike(v, have) },
	"StringNotLike":   func(v []string, have string, present bool) bool { return !present || !anyLike(v, have) },
	"ArnEquals":       func(v []string, have string, present bool) bool { return present && anyLike(v, have) },
	"ArnLike":         func(v []string, have string, present bool) bool { return present && anyLike(v, have) },
	"Null": func(v []string, _ string, present bool) bool {
		return slices.Contains(v, strconv.FormatBool(!present))
	},
}

func anyLike(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return like(pattern, s) })
}
