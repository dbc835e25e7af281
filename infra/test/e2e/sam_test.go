package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// samEnvironment is the machine's without any AWS setting of its user: neither
// an account nor a region of somebody's can be reached.
func samEnvironment(t testing.TB) []string {
	settings := harness.Environment(t, nil)
	clean := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		_, setting := settings[name]
		return strings.HasPrefix(name, "AWS_") || setting
	})
	return append(clean, "SAM_CLI_TELEMETRY=0", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "AWS_ACCESS_KEY_ID="+harness.AccessKey, "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_ENDPOINT_URL=http://127.0.0.1:1") // what the SAM CLI itself would ask AWS (STS, for the account) is refused
}

// onRequest skips a test but under `make e2e`.
func onRequest(t *testing.T) {
	t.Helper()
	if os.Getenv("E2E") == "" {
		t.Skip("it needs Docker or minutes; make e2e runs it")
	}
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
func sam(t testing.TB, environment []string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out, log bytes.Buffer
	command := exec.CommandContext(ctx, filepath.Join(".venv", "bin", "sam"), arguments...)
	command.Dir, command.Env, command.Stdout, command.Stderr = harness.Root(), environment, &out, &log
	err = command.Run()
	return out.String(), log.String(), err
}

func samBuild(t *testing.T) {
	t.Helper()
	onRequest(t)
	environment, _ := samTarget()
	for _, step := range [][]string{{"validate", "--lint"}, {"build", "--config-env", environment}} {
		if out, log, err := sam(t, samEnvironment(t), step...); err != nil {
			t.Fatalf("sam %s: %v\n%s%s", step[0], err, out, log)
		}
	}
}
