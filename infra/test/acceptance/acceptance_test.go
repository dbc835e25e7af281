package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// TestE2EAcceptance runs the acceptance, as it runs on AWS, on ministack and the simulator.
func TestE2EAcceptance(t *testing.T) {
	harness.SAMBuild(t)
	m := startMinistack(t)
	_, other := m.AddSubnets("10.1.0.0/16", "10.1.0.0/20")
	environment, _ := harness.SAMTarget()
	command := exec.CommandContext(t.Context(), "go", "run", "./infra/test/acceptance", "-region", "us-east-1", "-account", ministackAccount, "-config-env", environment,
		"-subnets", strings.Join(append(m.Subnets, other...), ","), "-record", filepath.Join(t.TempDir(), "answers.json"))
	command.Dir, command.Env = harness.Root(), append(m.environment, "AWS_ENDPOINT_URL_EC2="+m.ec2, "ACCEPT=yes")
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "every step was as it should be") {
		t.Error(err)
	}
	if left := len(m.Interfaces()); left != 0 {
		t.Errorf("%d interfaces are left", left)
	}
	m.expectNothingLeft()
}

// Another account than the one that was named, or no yes: nothing is made.
func TestE2EAcceptanceAsks(t *testing.T) {
	m := startMinistack(t)
	for _, c := range []struct{ account, answer, want string }{
		{"111111111111", "yes\n", "not in 111111111111: nothing was done"},
		{ministackAccount, "y\n", "nothing was done"},
		{"", "yes\n", "say which sandbox is meant"},
	} {
		command := exec.CommandContext(t.Context(), "go", "run", "./infra/test/acceptance", "-region", "us-east-1", "-account", c.account)
		command.Dir, command.Env, command.Stdin = harness.Root(), append(m.environment, "AWS_ENDPOINT_URL_EC2="+m.ec2), strings.NewReader(c.answer)
		if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("account %q, answer %q: %v\n%s", c.account, c.answer, err, out)
		}
	}
	if calls := m.CountCalls("Create"); calls != 0 {
		t.Errorf("%d things were made", calls)
	}
}
