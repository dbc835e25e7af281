package performance

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// maxBinary keeps the cold start and the upload small. A reflection trap, which
// ends the linker's dead-code elimination, would make it five times as large.
const (
	maxBinary     = 10_000_000 // bytes
	maxCompressed = 4_000_000
)

// build makes the binary as `sam build` does, for one value of Architecture.
func build(t testing.TB, architecture string) string {
	t.Helper()
	folder := t.TempDir()
	output(t, nil, "make", "-s", "build-ReleaseFunction", "ARTIFACTS_DIR="+folder, "ARCHITECTURE="+architecture)
	return filepath.Join(folder, "bootstrap")
}

// output runs a command in the repository's folder, and returns what it writes.
func output(t testing.TB, environment []string, command ...string) string {
	t.Helper()
	c := exec.Command(command[0], command[1:]...)
	c.Dir, c.Env = harness.Root(), append(os.Environ(), environment...)
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", c, err, output)
	}
	return string(output)
}

func TestTheBinaryIsSmallAndOfItsArchitecture(t *testing.T) {
	t.Parallel()
	machines := map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64}
	if allowed := harness.At(t, harness.Template(t), "Parameters", "Architecture", "AllowedValues").([]any); len(allowed) != len(machines) {
		t.Errorf("the template allows %v", allowed)
	}
	table := "| Architecture | bytes | compressed |\n|---|---|---|\n"
	for _, architecture := range slices.Sorted(maps.Keys(machines)) {
		path := build(t, architecture)
		file := harness.Must(elf.Open(path))(t)
		if file.Machine != machines[architecture] {
			t.Errorf("%s is built as %s", architecture, file.Machine)
		}
		_ = file.Close()
		content := harness.Must(os.ReadFile(path))(t)
		small := compressed(t, content)
		table += fmt.Sprintf("| %s | %d | %d |\n", architecture, len(content), small)
		if architecture == "arm64" && (len(content) > maxBinary || small > maxCompressed) {
			t.Errorf("the binary has %d bytes, %d compressed; it may have %d and %d", len(content), small, maxBinary, maxCompressed)
		}
	}
	harness.Publish(t, page, "binary", table, false)
}

func compressed(t testing.TB, content []byte) int {
	t.Helper()
	var small bytes.Buffer
	writer := gzip.NewWriter(&small)
	harness.Must(writer.Write(content))(t)
	harness.OK(t, writer.Close())
	return small.Len()
}
