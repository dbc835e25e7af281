package harness

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
)

// Update is the flag with which tests write what is made of their results: golden files, tables
// and pictures of the documentation. Some measure longer then.
var Update = flag.Bool("update", false, "write golden files, tables and pictures anew")

// Root returns the repository's folder.
func Root() string {
	folder, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(folder, "go.mod")); missing == nil {
			return folder
		}
		if folder == filepath.Dir(folder) {
			err = errors.New("no folder above this one has a go.mod")
		}
		folder = filepath.Dir(folder)
	}
	panic(err)
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

// Role returns the policy of the function's role in these resources.
func Role(resources cloudformation.Resources) (iam.Policy, error) {
	document, err := cloudformation.At(resources, "ReleaseFunctionRole", "Properties", "Policies", 0, "PolicyDocument")
	if err != nil {
		return iam.Policy{}, err
	}
	text, err := json.Marshal(document)
	if err != nil {
		return iam.Policy{}, err
	}
	return iam.ParsePolicy(text)
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
