//go:build e2e

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// bridge is where a container of Docker's default network finds the host.
const bridge = "172.17.0.1"

// TestE2ELocal runs every sample event by `sam local invoke`: the binary that ships,
// in Docker, under AWS's own runtime emulator, with the simulator as EC2. What each
// deletes and answers is that of TestEachSampleRuns.
func TestE2ELocal(t *testing.T) {
	samBuild(t)
	for _, want := range events.Samples {
		t.Run(want.Name, func(t *testing.T) {
			s := newSocketStage(t)
			deletable := s.scaleInIDs()
			answer, log := s.samLocalInvoke(s.sample(want.Name))
			if !strings.Contains(answer, want.Answer) {
				t.Errorf("answer %s\nwant %s\nlog %s", answer, want.Answer, log)
			}
			if want.Answer == "" && !strings.Contains(answer, `"errorType":"InputError"`) {
				t.Errorf("it is not refused: %s", answer)
			}
			s.expectDeleted(deletable(want.Deletes)...)
			for line := range strings.Lines(log) {
				if strings.Contains(line, `"message"`) && !json.Valid([]byte(line)) {
					t.Errorf("a line of the log is no JSON: %s", line)
				}
			}
			t.Logf("%d deleted, answer %.160s", len(deletable(want.Deletes)), answer)
		})
	}
}

// TestE2ELocalMistakes: what an operator's machine can lack.
func TestE2ELocalMistakes(t *testing.T) {
	samBuild(t)
	t.Run("a bad setting", func(t *testing.T) {
		s := newSocketStage(t)
		answer, log := s.samLocalInvoke(`{"dryRun":false}`, "GRACE_PERIOD_MINUTES=5", "VPC_IDS=,")
		if !strings.Contains(log, `GRACE_PERIOD_MINUTES: `) || !strings.Contains(log, `VPC_IDS: `) {
			t.Errorf("answer %s\nlog %s", answer, log)
		}
		s.expectDeleted()
	})
	t.Run("no permission", func(t *testing.T) {
		s := newSocketStage(t)
		s.scaleIn()
		s.world.Allow(functionKey, simulator.Policy{})
		if answer, _ := s.samLocalInvoke(`{"dryRun":false}`); !strings.Contains(answer, "UnauthorizedOperation") {
			t.Errorf("answer %s", answer)
		}
		s.expectDeleted()
	})
}

// newSocketStage is a stage behind a socket that containers reach, in real time.
func newSocketStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{T: t}
	s.world = simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(1, 1)), simulator.Options{Account: ownAccount})
	s.populate()
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s.world.Handler()}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	s.endpoint = fmt.Sprintf("http://%s:%d", bridge, listener.Addr().(*net.TCPAddr).Port)
	return s
}

// samEnvironment is the machine's without any AWS setting of its user: neither
// an account nor a region of somebody's can be reached.
func samEnvironment(t *testing.T) []string {
	settings := slices.Sorted(maps.Keys(at(t, template(t), "Resources", "ReleaseFunction", "Properties", "Environment", "Variables").(map[string]any)))
	clean := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "AWS_") || slices.Contains(settings, name)
	})
	return append(clean, "SAM_CLI_TELEMETRY=0", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "AWS_ACCESS_KEY_ID="+functionKey, "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_ENDPOINT_URL=http://127.0.0.1:1") // what the SAM CLI itself would ask AWS (STS, for the account) is refused
}

// samTarget is this machine's processor, for which containers run at full speed,
// and the folder in which samconfig.toml has it built.
func samTarget() (environment, folder string) {
	if runtime.GOARCH == "amd64" {
		return "x86_64", ".aws-sam/x86_64"
	}
	return "default", ".aws-sam/build"
}

// sam runs the SAM CLI, for three minutes at most, in an environment like samEnvironment's.
func sam(t *testing.T, environment []string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out, log bytes.Buffer
	command := exec.CommandContext(ctx, filepath.Join(".venv", "bin", "sam"), arguments...)
	command.Dir, command.Env, command.Stdout, command.Stderr = root, environment, &out, &log
	err = command.Run()
	return out.String(), log.String(), err
}

func samBuild(t *testing.T) {
	t.Helper()
	environment, _ := samTarget()
	for _, step := range [][]string{{"validate", "--lint"}, {"build", "--config-env", environment}} {
		if out, log, err := sam(t, samEnvironment(t), step...); err != nil {
			t.Fatalf("sam %s: %v\n%s%s", step[0], err, out, log)
		}
	}
}

// localTemplate is the built template for `sam local invoke` against the stage. The
// container knows only variables that the template declares, so this declares the two
// endpoints, too; the rest is as it ships.
func (s *stage) localTemplate(settings ...string) string {
	s.Helper()
	_, folder := samTarget()
	built, err := os.ReadFile(filepath.Join(root, folder, "template.yaml"))
	if err != nil {
		s.Fatal(err)
	}
	code, err := filepath.Abs(filepath.Join(root, folder, "ReleaseFunction"))
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
func (s *stage) samConfig() string {
	s.Helper()
	path, err := filepath.Abs(filepath.Join(root, "samconfig.toml"))
	if err != nil {
		s.Fatal(err)
	}
	return path
}

// file writes a file that goes with the test.
func (s *stage) file(name, text string) string {
	s.Helper()
	path := filepath.Join(s.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

// samLocalInvoke returns the function's answer and its log.
func (s *stage) samLocalInvoke(payload string, settings ...string) (answer, log string) {
	s.Helper()
	environment, _ := samTarget()
	answer, log, _ = sam(s.T, samEnvironment(s.T), "local", "invoke", "ReleaseFunction", "--config-file", s.samConfig(), "--config-env", environment,
		"--template-file", s.localTemplate(settings...), "--skip-pull-image", "--event", s.file("event.json", payload))
	var compact bytes.Buffer // the SAM CLI writes JSON its own way
	if json.Compact(&compact, []byte(answer)) == nil {
		answer = compact.String()
	}
	return answer, log
}

// TestE2EInvoke: what an operator sees who looks first, then releases.
func TestE2EInvoke(t *testing.T) {
	samBuild(t)
	s := newSocketStage(t)
	deletable := s.scaleInIDs()
	event := s.file("event.json", s.sample("hand-release"))
	dry := s.makeInvoke("EVENT="+event, "DRY_RUN=1")
	s.expectDeleted()
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
	s.expectDeleted(deletable(events.All)...)
	if wrong := s.makeInvoke("EVENT=" + s.file("wrong.json", s.sample("not-understood-field"))); !strings.Contains(wrong, "is not known") {
		t.Errorf("a field that is not known says\n%s", wrong)
	}
}

// makeInvoke runs `make invoke` with the stage for EC2, and returns what it prints, its log left out.
func (s *stage) makeInvoke(arguments ...string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "make", append([]string{"--no-print-directory", "-s", "invoke", "SAM_FLAGS=--skip-pull-image --config-file " + s.samConfig() + " --template-file " + s.localTemplate()}, arguments...)...)
	var out, log bytes.Buffer
	command.Dir, command.Env, command.Stdout, command.Stderr = root, samEnvironment(s.T), &out, &log
	if err := command.Run(); err != nil {
		s.Logf("make invoke: %v", err)
		return log.String()
	}
	return out.String()
}
