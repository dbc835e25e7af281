// Package e2e runs the function against programs that this project did not write: moto, where `make
// test` has installed it; `sam local invoke` in Docker, under `make e2e` (E2E=1). Start reading at local_test.go. It may import anything but other tests.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// bridge is where a container of Docker's default network finds the host.
const bridge = "172.17.0.1"

// TestE2ELocal runs every sample event by `sam local invoke`: the binary that ships,
// in Docker, under AWS's own runtime emulator, with the simulator as EC2. What each
// deletes and answers is that of TestEachSampleRuns, but here only a manual payload can delete.
func TestE2ELocal(t *testing.T) {
	harness.SAMBuild(t)
	for _, want := range events.Samples {
		t.Run(want.Name, func(t *testing.T) {
			s := newSocket(t)
			leaks := s.AddScaleIn()
			if want.Name != "manual-release" {
				want.Deletes, want.Answer = 0, strings.Replace(want.Answer, `"dryRun":false`, `"dryRun":true`, 1)
			}
			answer, log := s.samLocalInvoke(s.Sample(want.Name))
			if !strings.Contains(answer, want.Answer) {
				t.Errorf("answer %s\nwant %s\nlog %s", answer, want.Answer, log)
			}
			if want.Answer == "" && !strings.Contains(answer, `"errorType":"InputError"`) {
				t.Errorf("it is not refused: %s", answer)
			}
			s.ExpectDeleted(leaks(want.Deletes)...)
			for line := range strings.Lines(log) {
				if strings.Contains(line, `"message"`) && !json.Valid([]byte(line)) {
					t.Errorf("a line of the log is no JSON: %s", line)
				}
			}
			t.Logf("%d deleted, answer %.160s", len(leaks(want.Deletes)), answer)
		})
	}
}

// TestE2ELocalMistakes: what an operator's machine can lack.
func TestE2ELocalMistakes(t *testing.T) {
	harness.SAMBuild(t)
	t.Run("a bad setting", func(t *testing.T) {
		s := newSocket(t)
		answer, log := s.samLocalInvoke(`{"dryRun":false}`, "GRACE_PERIOD_MINUTES=5", "VPC_IDS=,")
		if !strings.Contains(log, `GRACE_PERIOD_MINUTES: `) || !strings.Contains(log, `VPC_IDS: `) {
			t.Errorf("answer %s\nlog %s", answer, log)
		}
		s.ExpectDeleted()
	})
	t.Run("no permission", func(t *testing.T) {
		s := newSocket(t)
		s.AddScaleIn()
		s.Do(func() { s.Front.Allow(harness.AccessKey, iam.Policy{}) })
		if answer, _ := s.samLocalInvoke(`{"dryRun":false}`); !strings.Contains(answer, "UnauthorizedOperation") {
			t.Errorf("answer %s", answer)
		}
		s.ExpectDeleted()
	})
}

// socket is a region behind a socket that containers reach, in real time.
type socket struct {
	*harness.Region
	endpoint string
}

func newSocket(t *testing.T) *socket {
	t.Helper()
	r := harness.NewRegion(t, 1, simulator.Options{})
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: r.Front}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return &socket{r, fmt.Sprintf("http://%s:%d", bridge, listener.Addr().(*net.TCPAddr).Port)}
}

// localTemplate is the built template for `sam local invoke` against the region. The
// container knows only variables that the template declares, so this declares the two
// endpoints, too; the rest is as it ships.
func (s *socket) localTemplate(settings ...string) string {
	s.Helper()
	_, folder := harness.SAMTarget()
	built, err := os.ReadFile(filepath.Join(harness.Root(), folder, "template.yaml"))
	if err != nil {
		s.Fatal(err)
	}
	code, err := filepath.Abs(filepath.Join(harness.Root(), folder, "ReleaseFunction"))
	if err != nil {
		s.Fatal(err)
	}
	extra := fmt.Sprintf("${1}AWS_ENDPOINT_URL_EC2: %s\n${1}AWS_ENDPOINT_URL_AUTO_SCALING: %s\n${1}DRY_RUN:", s.endpoint, s.endpoint)
	local := regexp.MustCompile(`(?m)^( *)DRY_RUN:`).ReplaceAllString(string(built), extra)
	local = regexp.MustCompile(`(?m)^( *CodeUri:) .*$`).ReplaceAllString(local, "${1} "+code)
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		local = regexp.MustCompile(`(?m)^( *`+name+`:)(.*\n +Ref: .*| .*)$`).ReplaceAllString(local, `${1} "`+value+`"`)
	}
	return s.file("template.yaml", local)
}

// samConfig is samconfig.toml, which the SAM CLI looks for beside the template.
func (s *socket) samConfig() string {
	s.Helper()
	path, err := filepath.Abs(filepath.Join(harness.Root(), "samconfig.toml"))
	if err != nil {
		s.Fatal(err)
	}
	return path
}

// file writes a file that goes with the test.
func (s *socket) file(name, text string) string {
	s.Helper()
	path := filepath.Join(s.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

// samLocalInvoke returns the function's answer and its log.
func (s *socket) samLocalInvoke(payload string, settings ...string) (answer, log string) {
	s.Helper()
	environment, _ := harness.SAMTarget()
	answer, log, _ = harness.SAM(s, harness.SAMEnvironment(s), "local", "invoke", "ReleaseFunction", "--config-file", s.samConfig(), "--config-env", environment,
		"--template-file", s.localTemplate(settings...), "--skip-pull-image", "--event", s.file("event.json", payload))
	var compact bytes.Buffer // the SAM CLI writes JSON its own way
	if json.Compact(&compact, []byte(answer)) == nil {
		answer = compact.String()
	}
	return answer, log
}

// TestE2EInvoke: what an operator sees who looks first, then releases.
func TestE2EInvoke(t *testing.T) {
	harness.SAMBuild(t)
	s := newSocket(t)
	leaks := s.AddScaleIn()
	event := s.file("event.json", s.Sample("manual-release"))
	dry := s.makeInvoke("EVENT="+event, "DRY_RUN=1")
	s.ExpectDeleted()
	for _, want := range []string{"INTERFACE ", " would release ", " owner-alive\n", "5 would be released, which gives 50 addresses back", "This was a dry run: nothing was deleted."} {
		if !strings.Contains(dry, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	t.Logf("a look:\n%s", dry)
	real := s.makeInvoke("EVENT=" + event)
	if !strings.Contains(real, "6 found: 5 released, which gives 50 addresses back; 0 gone, 0 deferred, 0 failed, 1 kept (owner-alive)") {
		t.Error("the totals are others")
	}
	t.Logf("for real:\n%s", real)
	s.ExpectDeleted(leaks(events.All)...)
	if wrong := s.makeInvoke("EVENT=" + s.file("wrong.json", s.Sample("invalid-field"))); !strings.Contains(wrong, "is not known") {
		t.Errorf("a field that is not known says\n%s", wrong)
	}
}

// makeInvoke runs `make invoke` with the region for EC2, and returns what it prints, its log left out.
func (s *socket) makeInvoke(arguments ...string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "make", append([]string{"--no-print-directory", "-s", "invoke", "SAM_FLAGS=--skip-pull-image --config-file " + s.samConfig() + " --template-file " + s.localTemplate()}, arguments...)...)
	var out, log bytes.Buffer
	command.Dir, command.Env, command.Stdout, command.Stderr = harness.Root(), harness.SAMEnvironment(s), &out, &log
	if err := command.Run(); err != nil {
		s.Logf("make invoke: %v", err)
		return log.String()
	}
	return out.String()
}
