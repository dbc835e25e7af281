package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// ministackAccount is the account that ministack takes everybody for.
const ministackAccount = "000000000000"

// A ministack is AWS on the loopback: ministack for CloudFormation, S3, IAM,
// EventBridge, SQS, Lambda and the rest, in which the function's binary runs as a
// process of this machine, and a simulated region for EC2 and Auto Scaling.
type ministack struct {
	*harness.Region
	ec2         string   // the simulator's address
	environment []string // of its clients: this address, and no credentials of anybody's
	client      *boto3.Client
}

func startMinistack(t *testing.T) *ministack {
	t.Helper()
	harness.OnRequest(t)
	r := harness.NewRegion(t, 1, simulator.Options{Account: ministackAccount, Region: "us-east-1"})
	server := httptest.NewServer(r.Front)
	t.Cleanup(server.Close)

	port := ministackPort(t)
	endpoint := "http://127.0.0.1:" + port
	folder := t.TempDir() // so that nothing of an earlier run is found, and nothing is left
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	// The function inherits this environment: without the endpoints it would call AWS.
	// AWS derives its log format from the template's LoggingConfig; ministack does not.
	command := exec.Command(filepath.Join(".venv-ministack", "bin", "python"), filepath.Join(".ci", "ministack.py"))
	command.Dir, command.Stdout, command.Stderr = harness.Root(), log, log
	command.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + folder, "TMPDIR=" + folder, "S3_DATA_DIR=" + folder, "GATEWAY_PORT=" + port, "BIND_HOST=127.0.0.1",
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_ENDPOINT_URL_EC2=" + server.URL, "AWS_ENDPOINT_URL_AUTO_SCALING=" + server.URL, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_LAMBDA_LOG_FORMAT=JSON"}
	ministackRun(t, command)
	t.Cleanup(func() {
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the end of ministack's log:\n%s", text[max(0, len(text)-8000):])
		}
		_ = log.Close()
	})

	m := &ministack{Region: r, ec2: server.URL}
	m.environment = append(harness.SAMEnvironment(t), "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "no_proxy=127.0.0.1")
	for limit := time.Now().Add(time.Minute); !healthy(endpoint); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("ministack is not ready after a minute")
		}
	}
	client, err := boto3.Start(harness.Root(), m.environment)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	m.client = client
	return m
}

func healthy(endpoint string) bool {
	response, err := http.Get(endpoint + "/_ministack/health")
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func ministackPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
}

// ministackRun starts a process that ends with the test, as do all that it starts.
func ministackRun(t *testing.T, command *exec.Cmd) {
	t.Helper()
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		t.Fatalf("%v: make e2e installs what this needs", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		_ = command.Wait()
	})
}

// call makes one API call; arguments and answer are as boto3 has them.
func (m *ministack) call(service, operation string, arguments map[string]any, answer any) {
	m.Helper()
	if err := m.client.Call(service, operation, arguments, answer); err != nil {
		m.Fatal(err)
	}
}

// inventory counts what stacks can leave behind.
func (m *ministack) inventory() map[string]int {
	m.Helper()
	counts := map[string]int{}
	for key, list := range map[string][2]string{
		"Functions": {"lambda", "list_functions"}, "EventSourceMappings": {"lambda", "list_event_source_mappings"}, "QueueUrls": {"sqs", "list_queues"},
		"Rules": {"events", "list_rules"}, "Schedules": {"scheduler", "list_schedules"}, "Roles": {"iam", "list_roles"}, "logGroups": {"logs", "describe_log_groups"},
		"MetricAlarms": {"cloudwatch", "describe_alarms"}, "DashboardEntries": {"cloudwatch", "list_dashboards"},
	} {
		var answer map[string]json.RawMessage
		var items []any
		m.call(list[0], list[1], map[string]any{}, &answer)
		if raw, some := answer[key]; some && json.Unmarshal(raw, &items) != nil {
			m.Fatalf("%s answers %s", list[1], raw)
		}
		counts[key] = len(items)
	}
	return counts
}

// expectNothingLeft expects no stack but that in which SAM keeps its bucket.
func (m *ministack) expectNothingLeft() {
	m.Helper()
	for kind, count := range m.inventory() {
		if count != 0 {
			m.Errorf("%d %s are left", count, kind)
		}
	}
	var answer struct{ Stacks []struct{ StackName string } }
	m.call("cloudformation", "describe_stacks", map[string]any{}, &answer)
	if len(answer.Stacks) != 1 || answer.Stacks[0].StackName != "aws-sam-cli-managed-default" {
		m.Errorf("the stacks %v are left", answer.Stacks)
	}
}
