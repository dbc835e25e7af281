package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/network-interface-releaser/network-interface-releaser"

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
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, output)
	}
	return filepath.Join(folder, "bootstrap")
}

func TestTheBinaryIsSmallAndOfItsArchitecture(t *testing.T) {
	t.Parallel()
	machines := map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64}
	allowed := parameters(t)["Architecture"].(map[string]any)["AllowedValues"].([]any)
	if len(allowed) != len(machines) {
		t.Errorf("the template allows %v", allowed)
	}
	for architecture, machine := range machines {
		path := build(t, architecture)
		file, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if file.Machine != machine {
			t.Errorf("%s is built as %s", architecture, file.Machine)
		}
		_ = file.Close()
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		small := compressed(t, content)
		t.Logf("%s: %d bytes, %d compressed", architecture, len(content), small)
		if architecture == "arm64" && (len(content) > maxBinary || small > maxCompressed) {
			t.Errorf("the binary has %d bytes, %d compressed; it may have %d and %d", len(content), small, maxBinary, maxCompressed)
		}
	}
}

// dependencies lists the packages that a package is built with, as it ships.
func dependencies(t *testing.T, pkg string) []string {
	t.Helper()
	command := exec.Command("go", "list", "-tags", "lambda.norpc", "-deps", pkg)
	command.Dir = root
	command.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.Fields(string(output))
}

func TestWhatShips(t *testing.T) {
	shipped := dependencies(t, "./functions/release")
	for _, trap := range []string{"text/template", "html/template", "net/rpc", "testing", module + "/infra/simulator"} {
		if slices.Contains(shipped, trap) {
			t.Errorf("the shipped binary has %s in it", trap)
		}
	}
	const services = "github.com/aws/aws-sdk-go-v2/service/"
	for _, pkg := range shipped {
		service, is := strings.CutPrefix(pkg, services)
		known := []string{"ec2", "autoscaling", "internal", "sts", "sso", "ssooidc", "signin"} // the last four are the credentials'
		if is && !slices.Contains(known, strings.Split(service, "/")[0]) {
			t.Errorf("the shipped binary has the SDK's client of %s in it", service)
		}
	}
}

// Dependencies point inward: main -> infra -> eni.
func TestImportBoundaries(t *testing.T) {
	command := exec.Command("go", "list", "-f", `{{.ImportPath}}: {{join .Imports " "}}`, "./...")
	command.Dir = root
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		pkg, imports, _ := strings.Cut(line, ": ")
		pkg = strings.TrimPrefix(pkg, module+"/")
		for imported := range strings.FieldsSeq(imports) {
			outside := strings.Contains(strings.Split(imported, "/")[0], ".")
			switch {
			case pkg == "functions/release/eni" && outside:
				t.Errorf("%s imports %s: the domain knows the standard library only", pkg, imported)
			case strings.Contains(imported, "aws-sdk-go-v2/service/") && pkg != "infra/ec2" && pkg != "infra/autoscaling":
				t.Errorf("%s imports %s: only the adapters know the SDK's services", pkg, imported)
			case strings.HasPrefix(pkg, "infra/simulator") && strings.HasPrefix(imported, module) && !strings.HasPrefix(imported, module+"/infra/simulator"):
				t.Errorf("%s imports %s: the simulator judges the product, so it shares no code with it", pkg, imported)
			case strings.HasPrefix(imported, module+"/infra/simulator") && !strings.HasPrefix(pkg, "infra/simulator") && pkg != "infra/demo":
				t.Errorf("%s imports the simulator", pkg)
			}
		}
	}
}
