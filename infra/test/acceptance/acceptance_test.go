package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// TestE2EAcceptance runs the acceptance on ministack, as it runs on AWS. Without the right account
// and a yes it makes nothing.
func TestE2EAcceptance(t *testing.T) {
	harness.SAMBuild(t)
	m := startMinistack(t)
	_, other := m.AddSubnets("10.1.0.0/16", "10.1.0.0/20")
	target, _ := harness.SAMTarget()
	for _, c := range []struct{ account, accept, want string }{
		{"", "yes", "say which sandbox is meant"},
		{"111111111111", "yes", "not in 111111111111: nothing was done"},
		{ministackAccount, "", "Type yes to go on: \nacceptance: nothing was done"},
		{ministackAccount, "yes", "every step was as it should be"},
	} {
		if calls := m.CountCalls("Create"); calls != 0 {
			t.Errorf("%d things were made", calls)
		}
		command := exec.CommandContext(t.Context(), "go", "run", "./infra/test/acceptance", "-region", "us-east-1", "-account", c.account,
			"-config-env", target, "-subnets", strings.Join(append(m.Subnets, other...), ","))
		command.Dir, command.Env, command.Stdin = harness.Root(), append(m.environment, "ACCEPT="+c.accept), strings.NewReader("y\n")
		out, err := command.CombinedOutput()
		t.Logf("account %q, ACCEPT=%s: %v\n%s", c.account, c.accept, err, out)
		if done := c.account == ministackAccount && c.accept == "yes"; done != (err == nil) || !strings.Contains(string(out), c.want) {
			t.Errorf("it does not end with %q", c.want)
		}
	}
	if left := len(m.Interfaces()); left != 0 {
		t.Errorf("%d interfaces are left", left)
	}
	m.expectNothingLeft()
}
