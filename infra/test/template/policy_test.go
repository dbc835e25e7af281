package template

import (
	"maps"
	"testing"
)

// What the template deploys is held against the tables by an IAM simulator of a third party.
func TestPolicyAllowsWhatARunNeedsAndNoMore(t *testing.T) {
	var queries evaluation
	for column, given := range stacks() {
		held := queries.addPolicies(policies(t, given))
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

// The tables have no blind spot: whatever is taken out of a policy, some call comes out otherwise.
func TestPolicyHasNoIdleWord(t *testing.T) {
	var queries evaluation
	for column, given := range stacks() {
		documents := policies(t, given)
		for holder, document := range documents {
			for _, change := range changes(document.(map[string]any)) {
				changed := maps.Clone(documents)
				changed[holder] = change.document
				held := queries.addPolicies(changed)
				wanted := map[int]bool{} // by the index of the answer
				for _, c := range callCases() {
					if (c.by == holder || c.resource == holder) && change.matters(c.action) {
						wanted[queries.add(c, held, given)] = c.allowedIn(column)
					}
				}
				queries.checks = append(queries.checks, func() {
					for answer, want := range wanted {
						if queries.allowed[answer] != want {
							return
						}
					}
					t.Errorf("no call of the tables needs %s of %s, with %v", change.name, holder, given)
				})
			}
		}
	}
	queries.decide(t)
	t.Logf("%d times something was taken out, and each was missed", len(queries.checks))
}
