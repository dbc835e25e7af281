// Package e2e runs the function against programs that this project did not write: moto, where `make
// test` has installed it; `sam local invoke` in Docker, under `make e2e` (E2E=1). Start reading at local_test.go. It may import anything but other tests.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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
		settings := s.file("settings.json", `{"Parameters":{"GRACE_PERIOD_MINUTES":"5","VPC_IDS":","}}`)
		var answer, log string
		for try := 0; try < 3 && !strings.Contains(log, "the function cannot start"); try++ { // the SAM CLI can miss the log of a container that ends at once
			answer, log = s.samLocalInvoke(`{"dryRun":false}`, "--env-vars", settings)
		}
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
	listener := harness.Must(net.Listen("tcp", bridge+":0"))(t)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: r.Front}}
	server.Start()
	t.Cleanup(server.Close)
	return &socket{r, server.URL}
}

// flags make `sam local invoke` run the built template against the region. The container
// has only variables that a template declares, so this one declares the two endpoints,
// too; the rest is as it ships.
func (s *socket) flags() []string {
	s.Helper()
	_, target := harness.SAMTarget()
	folder := filepath.Join(harness.Root(), target)
	built := harness.Must(os.ReadFile(filepath.Join(folder, "template.yaml")))(s)
	endpoints := fmt.Sprintf("${1}AWS_ENDPOINT_URL_EC2: %s\n${1}AWS_ENDPOINT_URL_AUTO_SCALING: %s\n${1}DRY_RUN:", s.endpoint, s.endpoint)
	local := regexp.MustCompile(`(?m)^( *)DRY_RUN:`).ReplaceAllString(string(built), endpoints)
	local = regexp.MustCompile(`(?m)^( *CodeUri:) .*$`).ReplaceAllString(local, "${1} "+filepath.Join(folder, "ReleaseFunction"))
	return []string{"--skip-pull-image", "--config-file", filepath.Join(harness.Root(), "samconfig.toml"), "--template-file", s.file("template.yaml", local)}
}

// file writes a file that goes with the test.
func (s *socket) file(name, text string) string {
	s.Helper()
	path := filepath.Join(s.TempDir(), name)
	harness.OK(s, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// samLocalInvoke returns the function's answer and its log.
func (s *socket) samLocalInvoke(payload string, flags ...string) (answer, log string) {
	s.Helper()
	target, _ := harness.SAMTarget()
	arguments := append([]string{"local", "invoke", "ReleaseFunction", "--config-env", target, "--event", s.file("event.json", payload)}, s.flags()...)
	answer, log, _ = harness.Run(s, harness.SAM, append(arguments, flags...)...)
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

// makeInvoke runs `make invoke` with the region for EC2, and returns what it prints, or where it fails its log.
func (s *socket) makeInvoke(arguments ...string) string {
	s.Helper()
	arguments = append(arguments, "--no-print-directory", "-s", "invoke", "SAM_FLAGS="+strings.Join(s.flags(), " "))
	out, log, err := harness.Run(s, "make", arguments...)
	if err != nil {
		s.Logf("make invoke: %v", err)
		return log
	}
	return out
}
