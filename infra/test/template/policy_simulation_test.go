package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// policies are those that the template writes, by who holds them: a role's own by its logical id,
// a queue's and those of who may take a role by the ARN, as it is in the first of the places.
func policies(t *testing.T, given map[string]string) map[string]any {
	held := map[string]any{}
	for id, resource := range harness.Deployed(t, given) {
		switch harness.At(t, resource, "Type") {
		case "AWS::IAM::Role":
			if own := harness.At(t, resource, "Properties", "Policies").([]any); len(own) != 1 {
				t.Fatalf("%s has %d policies, the tests read one", id, len(own))
			}
			held[id] = harness.At(t, resource, "Properties", "Policies", 0, "PolicyDocument")
			held["arn:aws:iam::"+harness.Account+":role/"+harness.StackName+"-"+id] = harness.At(t, resource, "Properties", "AssumeRolePolicyDocument")
		case "AWS::SQS::QueuePolicy":
			for _, queue := range harness.At(t, resource, "Properties", "Queues").([]any) {
				held["arn:aws:sqs:"+here+":"+queue.(string)] = harness.At(t, resource, "Properties", "PolicyDocument")
			}
		}
	}
	return held
}

// A change takes one thing out of a policy: a statement, an action, a condition, or the bounds of
// its resources or principals.
type change struct {
	name     string
	actions  []any // the only ones that it can matter to
	document any
	twin     bool // it must make no difference: another statement does the same
}

// twins are the statements that do the same, as long as IAM takes an empty value as the evaluator does.
var twins = []any{"KeepWhatIsTaggedKeep", "KeepWhateverTheValue"}

func (c change) matters(action string) bool {
	service, _, _ := strings.Cut(action, ":")
	return slices.Contains(c.actions, any(action)) || slices.Contains(c.actions, any(service+":*"))
}

func changes(document map[string]any) (all []change) {
	statements := document["Statement"].([]any)
	for i, each := range statements {
		statement := each.(map[string]any)
		actions, several := statement["Action"].([]any)
		if !several {
			actions = []any{statement["Action"]}
		}
		add := func(name string, instead ...any) {
			changed := any(map[string]any{"Version": document["Version"], "Statement": slices.Concat(statements[:i], instead, statements[i+1:])})
			if len(statements) == 1 && len(instead) == 0 {
				changed = nil
			}
			all = append(all, change{fmt.Sprintf("%v: %s", statement["Sid"], name), actions, changed, len(instead) == 0 && slices.Contains(twins, statement["Sid"])})
		}
		with := func(element string, value any) map[string]any {
			changed := maps.Clone(statement)
			changed[element] = value
			return changed
		}
		add("the statement")
		for j, action := range actions {
			if several {
				add(action.(string), with("Action", slices.Concat(actions[:j], actions[j+1:])))
			}
		}
		for _, bound := range []string{"Resource", "Principal"} {
			// A queue's policy is the queue's alone, whatever it names.
			if value, bounded := statement[bound]; bounded && value != "*" && (bound == "Principal" || statement["Principal"] == nil) {
				add(bound, with(bound, "*"))
			}
		}
		conditions, _ := statement["Condition"].(map[string]any)
		for operator, keys := range conditions {
			for key := range keys.(map[string]any) {
				others := maps.Clone(conditions)
				delete(others, operator)
				if rest := maps.Clone(keys.(map[string]any)); len(rest) > 1 {
					delete(rest, key)
					others[operator] = rest
				}
				add(operator+" "+key, with("Condition", others))
			}
		}
	}
	if both := slices.DeleteFunc(slices.Clone(statements), func(s any) bool { return slices.Contains(twins, s.(map[string]any)["Sid"]) }); len(both) < len(statements) {
		all = append(all, change{"both forms of keep", []any{"ec2:DeleteNetworkInterface"}, map[string]any{"Version": document["Version"], "Statement": both}, false})
	}
	return all
}

// everything is the operator's policy.
var everything = map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": "*", "Resource": "*"}}}

// An evaluation is all that the IAM simulator is asked, at once, its answers, and what they are checked for.
type evaluation struct {
	calls   []any
	allowed []bool
	checks  []func()
}

// add returns the index of the answer.
func (s *evaluation) add(c call, held map[string]any, given map[string]string) int {
	there := strings.NewReplacer("arn:aws:", "arn:"+given["AWS::Partition"]+":", harness.StackRegion, given["AWS::Region"])
	principal, context := c.by, map[string]string{}
	if !strings.Contains(c.by, ".") { // no service
		principal = there.Replace("arn:aws:sts::" + harness.Account + ":assumed-role/" + harness.StackName + "-" + c.by + "/session")
	}
	for key, value := range c.context {
		context[key] = there.Replace(value)
	}
	identity := held[c.by]
	if c.by == operator {
		identity = everything
	}
	s.calls = append(s.calls, map[string]any{
		"principal": principal, "action": c.action, "resource": there.Replace(c.resource), "context": context,
		"account":  harness.Account, // whatever the resource says: the policies alone must refuse another's
		"identity": identity, "attached": held[c.resource],
	})
	return len(s.calls) - 1
}

// decide gets the answers, and checks them.
func (s *evaluation) decide(t *testing.T) {
	node := harness.Tool(t, ".venv", "bin", "node")
	harness.Tool(t, ".ci", "iam", "node_modules")
	queries := harness.Must(json.Marshal(s.calls))(t)
	decide := exec.Command(node, filepath.Join(harness.Root(), ".ci", "iam", "decide.mjs"))
	decide.Stdin, decide.Stderr = bytes.NewReader(queries), os.Stderr
	harness.OK(t, json.Unmarshal(harness.Must(decide.Output())(t), &s.allowed))
	if len(s.allowed) != len(s.calls) {
		t.Fatalf("%d answers to %d calls", len(s.allowed), len(s.calls))
	}
	for _, check := range s.checks {
		check()
	}
}
