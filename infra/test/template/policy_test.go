package template

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// What the template deploys is held against the tables by an IAM simulator of a third party.
func TestPolicyAllowsWhatARunNeedsAndNoMore(t *testing.T) {
	var queries evaluation
	for column, given := range stacks() {
		held := policies(t, given)
		for _, c := range callCases() {
			answer := queries.add(c, held, given)
			queries.checks = append(queries.checks, func() {
				if got := queries.allowed[answer]; got != c.allowedIn(column) {
					t.Errorf("%s by %s: allowed is %t for %s, with %v", c.action, c.by, got, c.name, given)
				}
			})
		}
	}
	queries.decide(t)
	t.Logf("%d calls to each of %d stacks", len(callCases()), len(columns)*len(places))
}

// The tables have no blind spot: whatever is taken out of a policy, some call comes out otherwise. Only
// of the two forms that deny the deletion of what is tagged keep each suffices alone.
func TestPolicyHasNoIdleWord(t *testing.T) {
	var queries evaluation
	for column, given := range stacks() {
		documents := policies(t, given)
		for holder, document := range documents {
			for _, change := range changes(document.(map[string]any)) {
				changed := maps.Clone(documents)
				changed[holder] = change.document
				wanted := map[int]bool{} // by the index of the answer
				for _, c := range callCases() {
					if (c.by == holder || c.resource == holder) && change.matters(c.action) {
						wanted[queries.add(c, changed, given)] = c.allowedIn(column)
					}
				}
				queries.checks = append(queries.checks, func() {
					for answer, want := range wanted {
						if queries.allowed[answer] != want {
							if change.twin {
								t.Errorf("without %s of %s a call is decided otherwise, with %v", change.name, holder, given)
							}
							return
						}
					}
					if !change.twin {
						t.Errorf("no call of the tables needs %s of %s, with %v", change.name, holder, given)
					}
				})
			}
		}
	}
	queries.decide(t)
	t.Logf("%d times something was taken out, and each was missed", len(queries.checks))
}

// The roles' and queues' statements are compared word by word: a change of what the function
// may do is seen in review as a change of the golden file.
func TestTheRolesAreAsReviewed(t *testing.T) {
	resources := harness.At(t, harness.Template(t), "Resources").(map[string]any)
	roles := map[string]any{}
	for name, resource := range resources {
		resource := resource.(map[string]any)
		properties, _ := resource["Properties"].(map[string]any)
		if resource["Type"] == "AWS::SQS::QueuePolicy" {
			roles[name] = properties
		}
		if resource["Type"] != "AWS::IAM::Role" {
			continue
		}
		if properties["ManagedPolicyArns"] != nil {
			t.Errorf("%s has a managed policy", name)
		}
		roles[name] = map[string]any{"Assume": properties["AssumeRolePolicyDocument"], "Policies": properties["Policies"]}
	}
	golden := filepath.Join("testdata", "roles.golden.yaml")
	got := harness.Must(yaml.Marshal(roles))(t)
	if *harness.Update {
		harness.OK(t, os.WriteFile(golden, got, 0o644))
	}
	if want := harness.Must(os.ReadFile(golden))(t); string(got) != string(want) {
		t.Errorf("the roles differ from %s; if that is meant: go test ./infra/test/template -run Roles -update\n%s", golden, got)
	}
}

// The boundary is on every role, where one is given.
func TestTheBoundaryIsOnEveryRole(t *testing.T) {
	for _, boundary := range []any{nil, "arn:aws:iam::123456789012:policy/boundary"} {
		given := map[string]string{}
		if boundary != nil {
			given["PermissionsBoundaryArn"] = boundary.(string)
		}
		for id, resource := range harness.Deployed(t, given) {
			if role := resource.(map[string]any); role["Type"] == "AWS::IAM::Role" && role["Properties"].(map[string]any)["PermissionsBoundary"] != boundary {
				t.Errorf("%s has not the boundary %v", id, boundary)
			}
		}
	}
}

// The one write, whatever else changes.
func TestTheOnlyWriteIsDeleteNetworkInterface(t *testing.T) {
	reads := regexp.MustCompile(`^(ec2|autoscaling):Describe`)
	own := []string{"logs:CreateLogStream", "logs:PutLogEvents", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
	statements := harness.At(t, harness.Template(t), "Resources", "ReleaseFunctionRole", "Properties", "Policies", 0, "PolicyDocument", "Statement").([]any)
	for _, s := range statements {
		statement := s.(map[string]any)
		if statement["Effect"] != "Allow" {
			continue
		}
		actions, many := statement["Action"].([]any)
		if !many {
			actions = []any{statement["Action"]}
		}
		for _, a := range actions {
			action := a.(string)
			if reads.MatchString(action) || slices.Contains(own, action) {
				continue
			}
			if action != "ec2:DeleteNetworkInterface" || statement["Condition"] == nil || statement["Resource"] == "*" {
				t.Errorf("the role may %s on %v", action, statement["Resource"])
			}
		}
	}
}
