package template

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

const module = "github.com/network-interface-releaser/network-interface-releaser/"

// mayImport has a row for each package of this module: the packages of this module that it may
// import, its tests left out. Arrows run downwards only; "any" is for what nothing imports.
var mayImport = map[string]string{
	"functions/release":         "functions/release/handler infra/awsconfig",
	"functions/release/handler": "functions/release/eni infra/awsconfig infra/ec2 infra/autoscaling",
	"functions/release/eni":     "",
	"functions/release/events":  "",
	"infra/awsconfig":           "",
	"infra/ec2":                 "functions/release/eni infra/awsconfig",
	"infra/autoscaling":         "functions/release/eni infra/awsconfig",
	"infra/report":              "functions/release/eni",
	"infra/demo":                "any",

	"infra/simulator/loop":           "",
	"infra/simulator/iam":            "",
	"infra/simulator/cloudformation": "",
	"infra/simulator/cloudwatch":     "",
	"infra/simulator/api":            "infra/simulator/loop infra/simulator/iam",
	"infra/simulator/ec2":            "infra/simulator/loop infra/simulator/iam infra/simulator/api",
	"infra/simulator/cni":            "infra/simulator/loop infra/simulator/api infra/simulator/ec2",
	"infra/simulator/eventbridge":    "infra/simulator/loop infra/simulator/iam",
	"infra/simulator/sqs":            "infra/simulator/loop infra/simulator/iam",
	"infra/simulator/lambda":         "infra/simulator/loop infra/simulator/sqs",
	"infra/simulator/autoscaling":    "infra/simulator/loop infra/simulator/iam infra/simulator/api infra/simulator/ec2 infra/simulator/cni infra/simulator/eventbridge",
	"infra/simulator/cleaners":       "infra/simulator/loop infra/simulator/api infra/simulator/ec2 infra/simulator/cni",
	"infra/simulator":                "infra/simulator/*",
	"infra/simulator/simtest":        "infra/simulator infra/simulator/*",

	"infra/test/harness":          "functions/release/eni functions/release/events functions/release/handler infra/awsconfig infra/simulator infra/simulator/*",
	"infra/test/harness/chart":    "infra/test/harness",
	"infra/test/boto3":            "",
	"infra/test/acceptance":       "any",
	"infra/test/simulation/model": "infra/simulator/ec2", // it judges the rule, so it shares no code with it
	"infra/test/simulation":       "any",
	"infra/test/operations":       "any",
	"infra/test/performance":      "any",
	"infra/test/template":         "any",
	"infra/test/e2e":              "any",
	"infra/test/mutation":         "any",
}

type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func (p goPackage) name() string { return strings.TrimPrefix(p.ImportPath, module) }

// list runs go list.
func list(t *testing.T, arguments ...string) (packages []goPackage) {
	command := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,TestImports,XTestImports", "-tags", "lambda.norpc"}, arguments...)...)
	command.Dir, command.Stderr = harness.Root(), os.Stderr
	command.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0") // as it ships
	for decoder := json.NewDecoder(bytes.NewReader(harness.Must(command.Output())(t))); decoder.More(); {
		var p goPackage
		harness.OK(t, decoder.Decode(&p))
		packages = append(packages, p)
	}
	return packages
}

func TestImports(t *testing.T) {
	gone := maps.Clone(mayImport)
	for _, p := range list(t, "./...") {
		row, known := mayImport[p.name()]
		if !known {
			t.Errorf("%s has no row in mayImport", p.name())
		}
		delete(gone, p.name())
		for _, imported := range p.Imports {
			name, own := strings.CutPrefix(imported, module)
			outside := strings.Contains(strings.Split(imported, "/")[0], ".")
			switch {
			case own && row != "any" && !allows(row, name):
				t.Errorf("%s imports %s", p.name(), name)
			case outside && p.name() == "functions/release/eni":
				t.Errorf("%s imports %s: the domain is built with the standard library only", p.name(), imported)
			case strings.Contains(imported, "aws-sdk-go-v2/service/") && p.name() != "infra/ec2" && p.name() != "infra/autoscaling":
				t.Errorf("%s imports %s: only the adapters know the SDK's services", p.name(), imported)
			}
		}
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if name, own := strings.CutPrefix(imported, module); own && mayImport[name] == "any" && name != p.name() {
				t.Errorf("%s imports %s, which nothing may", p.name(), name)
			}
		}
	}
	for name := range gone {
		t.Errorf("mayImport has a row for %s, which is no package", name)
	}
}

// allows reports whether a row has a package, or a folder/* that it is in.
func allows(row, name string) bool {
	return slices.ContainsFunc(strings.Fields(row), func(each string) bool {
		folder, is := strings.CutSuffix(each, "*")
		return each == name || is && strings.HasPrefix(name, folder)
	})
}

func TestWhatShips(t *testing.T) {
	var own []string
	for _, p := range list(t, "-deps", "./functions/release") {
		if p.name() != p.ImportPath {
			own = append(own, p.name())
		}
		if slices.Contains([]string{"text/template", "html/template", "net/rpc", "testing"}, p.ImportPath) {
			t.Errorf("the shipped binary has %s in it", p.ImportPath)
		}
		service, is := strings.CutPrefix(p.ImportPath, "github.com/aws/aws-sdk-go-v2/service/")
		known := []string{"ec2", "autoscaling", "internal", "sts", "sso", "ssooidc", "signin"} // the last four are the credentials'
		if is && !slices.Contains(known, strings.Split(service, "/")[0]) {
			t.Errorf("the shipped binary has the SDK's client of %s in it", service)
		}
	}
	slices.Sort(own)
	want := []string{"functions/release", "functions/release/eni", "functions/release/handler", "infra/autoscaling", "infra/awsconfig", "infra/ec2"}
	if !slices.Equal(own, want) {
		t.Errorf("the shipped binary has %q in it, want %q", own, want)
	}
}

// formerWords have a word of their own today: docs, template, logs and code use one word for one
// thing. What they became is in the comment beside them.
var formerWords = []string{
	`by hand`, `trigger.{0,3}hand`, // manual
	`hostile`, `histor(y|ies) that`, `traits`, `odd(ity|ities)`, `spells?\b`, `stuck(ness)?\b`, `calm(Down)?\b`, // simulation, scenario, variations, outage, undeletable, quiesce
	`\bWorld\b`, `\bwitness\b`, `\btidings?\b`, `\bjournal\b`, `foreclosed`, `furnish`, `\bloner\b`, // region, checker, record, protected, startPods, standalone
	`abandon(ed)?\b`, `Abandoned`, `left behind by hand`, `give(s|n)? back\b`, `came back`, // leaked, freed
	`GiveBack`, `DieAt`, `SeedInstance`, `neighbou?r`, // FreeENI, CrashAt, AddInstance, other cleaner
	`misunderstood`, `not-understood`, // invalid, unsupported
	`owner-forgot`, `forgottenAfter`, // never-attached
	`\bPace\b`, `ErrPaceSpent`, `one by lot`, // limiter, budget, random
	`the run is done`, `the run failed`, `somebody else was faster`, `CloudWatch lacks`, // run completed, run failed, already deleted, writing metrics failed
}

func TestOneWordForOneThing(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(strings.Join(formerWords, "|"))
	for _, place := range []string{"functions", "infra", "docs", "README.md", "template.yaml", "Makefile"} {
		harness.OK(t, filepath.WalkDir(filepath.Join(harness.Root(), place), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, ".png") || strings.HasSuffix(path, "module_test.go") || strings.Contains(path, "/fuzz/") {
				return err
			}
			text, err := os.ReadFile(path)
			for n, line := range strings.Split(string(text), "\n") {
				if word := pattern.FindString(line); word != "" {
					t.Errorf("%s:%d: %q has another word today", path, n+1, word)
				}
			}
			return err
		}))
	}
}
