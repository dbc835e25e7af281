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
	command := exec.Command("make", "-s", "build-ReleaseFunction", "ARTIFACTS_DIR="+folder, "ARCHITECTURE="+architecture)
	command.Dir = harness.Root()
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, output)
	}
	return filepath.Join(folder, "bootstrap")
}

func TestTheBinaryIsSmallAndOfItsArchitecture(t *testing.T) {
	t.Parallel()
	machines := map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64}
	allowed := harness.At(t, harness.Template(t), "Parameters", "Architecture", "AllowedValues").([]any)
	if len(allowed) != len(machines) {
		t.Errorf("the template allows %v", allowed)
	}
	table := "| Architecture | bytes | compressed |\n|---|---|---|\n"
	for _, architecture := range slices.Sorted(maps.Keys(machines)) {
		path := build(t, architecture)
		file, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if file.Machine != machines[architecture] {
			t.Errorf("%s is built as %s", architecture, file.Machine)
		}
		_ = file.Close()
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
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
	if _, err := writer.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return small.Len()
}
