package mutation

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// copied is a copy of the module, for a file that tests read when they run, with its tests compiled once.
var copied string

// inCopy is the command that runs tests of a folder in the copy, with another template.yaml.
func inCopy(t *testing.T, folder, tests, mutated string) *exec.Cmd {
	if copied == "" {
		copied = copyModule(t)
	}
	harness.OK(t, os.WriteFile(filepath.Join(copied, templateFile), harness.Must(os.ReadFile(mutated))(t), 0o600))
	binary := filepath.Join(filepath.Dir(copied), strings.ReplaceAll(folder, "/", "-"))
	if _, err := os.Stat(binary); err != nil {
		out, err := exec.Command("go", "test", "-vet=off", "-c", "-o", binary, "../../../"+folder).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	test := exec.Command(binary, "-test.failfast", "-test.timeout=10m", "-test.run", tests)
	test.Dir = filepath.Join(copied, folder)
	return test
}

// copyModule copies what is in the repository, and links what make installs.
func copyModule(t *testing.T) (folder string) {
	folder = t.TempDir()
	for _, entry := range harness.Must(os.ReadDir(harness.Root()))(t) {
		from, to := filepath.Join(harness.Root(), entry.Name()), filepath.Join(folder, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), "."):
			harness.OK(t, os.Symlink(from, to))
		case entry.IsDir():
			harness.OK(t, os.CopyFS(to, os.DirFS(from)))
		default:
			harness.OK(t, os.WriteFile(to, harness.Read(t, entry.Name()), 0o600))
		}
	}
	return folder
}
