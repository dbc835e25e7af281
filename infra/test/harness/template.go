package harness

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
)

// Update is the flag with which tests write what is made of their results: golden files, tables
// and pictures of the documentation. Some measure longer then.
var Update = flag.Bool("update", false, "write golden files, tables and pictures anew")

// Root returns the repository's folder.
func Root() string {
	folder, err := os.Getwd()
	for ; err == nil && folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if _, missing := os.Stat(filepath.Join(folder, "go.mod")); missing == nil {
			return folder
		}
	}
	panic("no folder above this one has a go.mod")
}

// Must returns the value of a call that must succeed: Must(os.ReadFile(name))(t).
func Must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		OK(t, err)
		return value
	}
}

// OK ends a test with an error.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Read returns a file of the repository.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	return Must(os.ReadFile(filepath.Join(Root(), name)))(t)
}

// Tool returns the path of a program that `make test` installs. Where it is missing the test is
// skipped, so that `go test ./...` needs Go only; with TOOLS=required, as make sets it, the test fails.
func Tool(t testing.TB, name ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{Root()}, name...)...)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("TOOLS") == "required" {
		t.Fatalf("%s is missing", path)
	}
	t.Skipf("%s is missing; make test installs it", path)
	return ""
}

// What cloudformation deploys where nothing else is given, and who its function is.
const (
	StackName    = "releaser"
	StackRegion  = "eu-west-1"
	Account      = "123456789012"
	FunctionName = StackName + "-ReleaseFunction"
	AccessKey    = "AKIAFUNCTION00000000" // the function signs with it
)

var readTemplate = sync.OnceValues(func() (cloudformation.Template, error) {
	text, err := os.ReadFile(filepath.Join(Root(), "template.yaml"))
	if err != nil {
		return nil, err
	}
	return cloudformation.Read(text)
})

// Template returns template.yaml. It is read once for all tests, which must not change it.
func Template(t testing.TB) cloudformation.Template {
	t.Helper()
	return Must(readTemplate())(t)
}

// Deployed returns the resources that the template makes with these parameters and pseudo parameters.
func Deployed(t testing.TB, parameters map[string]string) cloudformation.Resources {
	t.Helper()
	return Must(Template(t).Deploy(parameters))(t)
}

// At follows a path of names and indices into a document.
func At(t testing.TB, document any, path ...any) any {
	t.Helper()
	return Must(cloudformation.At(document, path...))(t)
}

// Environment returns the variables that the deployed function has, with these parameters.
func Environment(t testing.TB, parameters map[string]string) map[string]string {
	t.Helper()
	environment := map[string]string{"AWS_LAMBDA_FUNCTION_NAME": FunctionName}
	for name, value := range At(t, Deployed(t, parameters), "ReleaseFunction", "Properties", "Environment", "Variables").(map[string]any) {
		environment[name] = value.(string)
	}
	return environment
}

// publishing serializes tests that run side by side: each reads and writes a whole page.
var publishing sync.Mutex

// Publish writes a measured table into a page of docs, with -update, between its comments
// <!-- name --> and <!-- /name -->. Without, the page must have a table with these columns, and with
// these rows where the table is exact: the same on any machine.
func Publish(t testing.TB, page, name, table string, exact bool) {
	t.Helper()
	publishing.Lock()
	defer publishing.Unlock()
	t.Logf("%s\n%s", name, table)
	text := string(Read(t, page))
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, _ := strings.Cut(text, begin)
	found, after, there := strings.Cut(rest, end)
	if !there {
		t.Fatalf("%s has no place for the table %s", page, name)
	}
	if *Update {
		OK(t, os.WriteFile(filepath.Join(Root(), page), []byte(before+begin+table+end+after), 0o644))
		return
	}
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if !exact {
		lines = lines[:1]
	}
	for _, line := range lines {
		if !strings.Contains(found, line+"\n") {
			t.Errorf("%s has no line %q in its table %s; with -update the test writes it anew", page, line, name)
		}
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

// SAMBuild builds the function, under `make e2e`; else it skips the test.
func SAMBuild(t testing.TB) {
	t.Helper()
	if os.Getenv("E2E") == "" {
		t.Skip("it needs Docker or minutes; make e2e runs it")
	}
	environment, _ := SAMTarget()
	for _, step := range [][]string{{"validate", "--lint"}, {"build", "--config-env", environment}} {
		if out, log, err := Run(t, SAM, step...); err != nil {
			t.Fatalf("sam %s: %v\n%s%s", step[0], err, out, log)
		}
	}
}
