//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/boto3"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// ministackAccount is the account that ministack takes everybody for.
const ministackAccount = "000000000000"

// A ministack is AWS on the loopback: ministack for CloudFormation, S3, IAM,
// EventBridge, SQS, Lambda and the rest, in which the function's binary runs as a
// process of this machine, and a simulated region for EC2 and Auto Scaling.
type ministack struct {
	*stage
	ec2         string   // the simulator's address
	environment []string // of its clients: this address, and no credentials of anybody's
	client      *boto3.Client
	started     time.Time
}

// A deployment is a stack's outputs.
type deployment struct {
	Name, FunctionName, LogGroupName, QueueURL, DeadLetterQueueURL string
}

func startMinistack(t *testing.T) *ministack {
	t.Helper()
	s := &stage{T: t}
	s.world = simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(1, 1)), simulator.Options{Account: ministackAccount, Region: "us-east-1"})
	s.populate()
	server := httptest.NewServer(s.world.Handler())
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
	command.Dir, command.Stdout, command.Stderr = root, log, log
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

	m := &ministack{stage: s, ec2: server.URL, started: time.Now()}
	m.environment = append(samEnvironment(t), "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "no_proxy=127.0.0.1")
	m.until("ministack is ready", time.Minute, func() bool {
		response, err := http.Get(endpoint + "/_ministack/health")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	client, err := boto3.Start(root, m.environment)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	m.client = client
	return m
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

func (m *ministack) sam(arguments ...string) {
	m.Helper()
	if out, log, err := sam(m.T, m.environment, arguments...); err != nil {
		m.Fatalf("sam %s: %v\n%s%s", strings.Join(arguments, " "), err, out, log)
	}
	m.progress("sam %s", strings.Join(arguments, " "))
}

// deploy deploys what sam build built, or updates it. Of a stack that exists,
// CloudFormation keeps the parameters that are not given.
func (m *ministack) deploy(name string, parameters ...string) deployment {
	m.Helper()
	environment, _ := samTarget()
	architecture := "Architecture=" + environment
	if environment == "default" {
		architecture = "Architecture=arm64"
	}
	m.sam(append([]string{"deploy", "--config-env", environment, "--stack-name", name, "--region", "us-east-1", "--no-confirm-changeset", "--no-fail-on-empty-changeset",
		"--parameter-overrides", architecture}, parameters...)...)
	var answer struct {
		Stacks []struct {
			Outputs []struct{ OutputKey, OutputValue string }
		}
	}
	m.call("cloudformation", "describe_stacks", map[string]any{"StackName": name}, &answer)
	outputs := map[string]string{}
	for _, output := range answer.Stacks[0].Outputs {
		outputs[output.OutputKey] = output.OutputValue
	}
	return deployment{name, outputs["FunctionName"], outputs["LogGroupName"], outputs["QueueUrl"], outputs["DeadLetterQueueUrl"]}
}

// tell puts an event, in the form in which a function gets it, on the event bus.
func (m *ministack) tell(event string) {
	m.Helper()
	var e struct {
		Source     string
		DetailType string `json:"detail-type"`
		Resources  []string
		Detail     json.RawMessage
	}
	if err := json.Unmarshal([]byte(event), &e); err != nil {
		m.Fatal(err)
	}
	entry := map[string]any{"Source": e.Source, "DetailType": e.DetailType, "Resources": e.Resources, "Detail": string(e.Detail)}
	var answer struct{ FailedEntryCount int }
	m.call("events", "put_events", map[string]any{"Entries": []any{entry}}, &answer)
	if answer.FailedEntryCount != 0 {
		m.Fatalf("the event was refused: %s", event)
	}
}

// A logLine is what the tests read of a line of the function's log.
type logLine struct {
	Message, Interface, Trigger string
	DryRun                      bool
	Released                    int
	Kept                        struct{ Attached int }
}

// logged tells whether a stack's log has a line like this.
func (m *ministack) logged(d deployment, like func(logLine) bool) bool {
	m.Helper()
	var answer struct {
		Events []struct{ Message string }
	}
	m.call("logs", "filter_log_events", map[string]any{"logGroupName": d.LogGroupName}, &answer)
	for _, event := range answer.Events {
		var line logLine
		if json.Unmarshal([]byte(event.Message), &line) == nil && like(line) {
			return true
		}
	}
	return false
}

// loggedReleases tells whether a stack's log has the audit lines of these releases.
func (m *ministack) loggedReleases(d deployment, ids ...string) bool {
	m.Helper()
	for _, id := range ids {
		if !m.logged(d, func(line logLine) bool { return line.Message == "released" && line.Interface == id }) {
			return false
		}
	}
	return true
}

// until waits for what is true in the end.
func (m *ministack) until(what string, patience time.Duration, done func() bool) {
	m.Helper()
	for limit := time.Now().Add(patience); !done(); time.Sleep(500 * time.Millisecond) {
		if time.Now().After(limit) {
			m.Fatalf("in vain it was waited for %v until %s", patience, what)
		}
	}
	m.progress("%s", what)
}

func (m *ministack) gone(ids ...string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { _, there := m.world.Interface(id); return there })
}

func (m *ministack) progress(format string, arguments ...any) {
	m.Helper()
	m.Logf("%3.0f s: %s", time.Since(m.started).Seconds(), fmt.Sprintf(format, arguments...))
}
