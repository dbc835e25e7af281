package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// TestE2EAcceptance runs the acceptance on ministack, as it runs on AWS. Without the right account
// and a yes it makes nothing.
func TestE2EAcceptance(t *testing.T) {
	harness.SAMBuild(t)
	m := startMinistack(t)
	_, other := m.AddSubnets("10.1.0.0/16", "10.1.0.0/20")
	m.Do(func() {
		m.AutoScaling.AddGroup(autoscaling.Group{Name: "nodes", Subnets: m.Subnets[1:]})
		harness.Must(m.AutoScaling.ScaleOut("nodes", 1))(t)
	})
	target, _ := harness.SAMTarget()
	record := filepath.Join(t.TempDir(), "acceptance.json")
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
			"-config-env", target, "-subnets", strings.Join(append(m.Subnets, other...), ","), "-group", "nodes", "-wait", "2s", "-record", record)
		command.Dir, command.Env, command.Stdin = harness.Root(), append(m.environment, "ACCEPT="+c.accept), strings.NewReader("y\n")
		out, err := command.CombinedOutput()
		t.Logf("account %q, ACCEPT=%s: %v\n%s", c.account, c.accept, err, out)
		if done := c.account == ministackAccount && c.accept == "yes"; done != (err == nil) || !strings.Contains(string(out), c.want) {
			t.Errorf("it does not end with %q", c.want)
		}
	}
	if found := harness.Lines[finding](t, string(harness.Must(os.ReadFile(record))(t))); len(found) != 12 {
		t.Errorf("%d findings: %+v", len(found), found)
	}
	if left := len(m.Interfaces()); left != 0 {
		t.Errorf("%d interfaces are left", left)
	}
	m.expectNothingLeft()
}

// ministackAccount is the account that ministack takes everybody for.
const ministackAccount = "000000000000"

// A ministack is AWS on the loopback: ministack for CloudFormation, S3, IAM,
// EventBridge, SQS, Lambda and the rest, in which the function's binary runs as a
// process of this machine, and a simulated region for EC2 and Auto Scaling.
type ministack struct {
	*harness.Region
	environment []string // of its clients: these addresses, and no credentials of anybody's
}

func startMinistack(t *testing.T) *ministack {
	t.Helper()
	r := harness.NewRegion(t, 1, simulator.Options{Account: ministackAccount, Region: "us-east-1"})
	server := httptest.NewServer(r.Front)
	t.Cleanup(server.Close)

	free := httptest.NewServer(nil)
	free.Close() // so its port is free
	endpoint := free.URL
	endpoints := []string{"AWS_ENDPOINT_URL=" + endpoint, "AWS_ENDPOINT_URL_EC2=" + server.URL, "AWS_ENDPOINT_URL_AUTO_SCALING=" + server.URL}
	folder := t.TempDir() // so that nothing of an earlier run is found, and nothing is left
	log := harness.Must(os.Create(filepath.Join(folder, "log")))(t)
	command := exec.Command(filepath.Join(".venv-ministack", "bin", "python"), filepath.Join(".ci", "ministack.py"))
	command.Dir, command.Stdout, command.Stderr = harness.Root(), log, log
	// The function inherits this environment: without the endpoints it would call AWS.
	// AWS derives its log format from the template's LoggingConfig; ministack does not.
	command.Env = append(endpoints, "PATH=/usr/bin:/bin", "HOME="+folder, "TMPDIR="+folder, "S3_DATA_DIR="+folder, "GATEWAY_PORT="+strings.TrimPrefix(endpoint, "http://127.0.0.1:"), "BIND_HOST=127.0.0.1",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_LAMBDA_LOG_FORMAT=JSON")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // to end what it starts, too
	if err := command.Start(); err != nil {
		t.Fatalf("%v: make e2e installs what this needs", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		_ = command.Wait()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the end of ministack's log:\n%s", text[max(0, len(text)-8000):])
		}
		_ = log.Close()
	})
	for limit := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if response, err := http.Get(endpoint + "/_ministack/health"); err == nil {
			harness.OK(t, response.Body.Close())
			if response.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(limit) {
			t.Fatal("ministack is not ready after a minute")
		}
	}
	environment := append(harness.SAMEnvironment(t), "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "no_proxy=127.0.0.1")
	return &ministack{r, append(environment, endpoints...)}
}

// expectNothingLeft expects nothing of a stack, and no stack but that in which SAM keeps its bucket.
func (m *ministack) expectNothingLeft() {
	m.Helper()
	client := harness.Must(boto3.Start(harness.Root(), m.environment))(m)
	defer client.Close()
	for _, list := range [][3]string{
		{"lambda", "list_functions", "Functions[].FunctionName"},
		{"lambda", "list_event_source_mappings", "EventSourceMappings[].UUID"},
		{"sqs", "list_queues", "QueueUrls"},
		{"events", "list_rules", "Rules[].Name"},
		{"scheduler", "list_schedules", "Schedules[].Name"},
		{"iam", "list_roles", "Roles[].RoleName"},
		{"logs", "describe_log_groups", "logGroups[].logGroupName"},
		{"cloudwatch", "describe_alarms", "MetricAlarms[].AlarmName"},
		{"cloudwatch", "list_dashboards", "DashboardEntries[].DashboardName"},
		{"cloudformation", "describe_stacks", "Stacks[?StackName != 'aws-sam-cli-managed-default'].StackName"},
	} {
		var left []string
		if err := client.Call(list[0], list[1], nil, list[2], &left); err != nil || len(left) > 0 {
			m.Errorf("%s has these left: %q, %v", list[1], left, err)
		}
	}
}
