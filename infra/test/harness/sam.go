package harness

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// OnRequest skips a test but under `make e2e`.
func OnRequest(t testing.TB) {
	t.Helper()
	if os.Getenv("E2E") == "" {
		t.Skip("it needs Docker or minutes; make e2e runs it")
	}
}

// SAMEnvironment returns the machine's environment without any AWS setting of its user: neither an
// account nor a region of somebody's can be reached.
func SAMEnvironment(t testing.TB) []string {
	settings := Environment(t, nil)
	clean := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		_, setting := settings[name]
		return strings.HasPrefix(name, "AWS_") || setting
	})
	return append(clean, "SAM_CLI_TELEMETRY=0", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_REGION="+StackRegion, "AWS_DEFAULT_REGION="+StackRegion, "AWS_ACCESS_KEY_ID="+AccessKey, "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_ENDPOINT_URL=http://127.0.0.1:1") // the SAM CLI's own calls (STS, for the account) are refused
}

// SAMTarget returns the environment of samconfig.toml for this machine's processor, on which
// containers run at full speed, and the folder in which that is built.
func SAMTarget() (environment, folder string) {
	if runtime.GOARCH == "amd64" {
		return "x86_64", ".aws-sam/x86_64"
	}
	return "default", ".aws-sam/build"
}

// SAM is the SAM CLI's program.
const SAM = ".venv/bin/sam"

// Run runs a program in the repository's folder, for three minutes at most, in SAMEnvironment.
func Run(t testing.TB, program string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out, log bytes.Buffer
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir, command.Env, command.Stdout, command.Stderr = Root(), SAMEnvironment(t), &out, &log
	err = command.Run()
	return out.String(), log.String(), err
}

// SAMBuild builds the function.
func SAMBuild(t testing.TB) {
	t.Helper()
	OnRequest(t)
	environment, _ := SAMTarget()
	for _, step := range [][]string{{"validate", "--lint"}, {"build", "--config-env", environment}} {
		if out, log, err := Run(t, SAM, step...); err != nil {
			t.Fatalf("sam %s: %v\n%s%s", step[0], err, out, log)
		}
	}
}
