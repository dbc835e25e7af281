// Package mutation shows that the tests can fail: it breaks the product in one place at a time, by
// go's -overlay or in a copy, and expects a test that fails, and of the rule a simulation, too. Start reading
// at mutation_test.go; the mutants are in mutants_test.go, wiring_test.go and template_test.go. It runs the tests of other packages, and imports none.
package mutation

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// rows makes two mutants of each row of the rule's tables: one without it, and, for a
// row of evidence, one that decides the other way.
func rows(t *testing.T) []mutant {
	source := string(harness.Read(t, ruleFile))
	var all []mutant
	made, begun := 0, 0 // rows of which mutants are made, and lines on which a row begins
	for _, table := range []string{"guards", "evidence"} {
		_, body, found := strings.Cut(source, "\nvar "+table+" = ")
		if !found {
			t.Fatalf("no table %s in %s", table, ruleFile)
		}
		body, _, _ = strings.Cut(body, "\n}\n")
		begun += strings.Count(body, "\n\t{")
		for _, row := range regexp.MustCompile(`(?m)^\t\{[^\n]*(\},?( //[^\n]*)?\n|\{\n(\t\t[^\n]*\n)*\t\}\},\n)`).FindAllString(body+"\n", -1) {
			made++
			name := table + ": " + strings.TrimSpace(strings.SplitN(row, "func", 2)[0])
			all = append(all, mutant{name: "without " + name, file: ruleFile, old: row, new: ""})
			if flipped := strings.NewReplacer("true,", "false,", "false,", "true,").Replace(row); flipped != row {
				all = append(all, mutant{name: "the other way: " + name, file: ruleFile, old: row, new: flipped})
			}
		}
	}
	if made != begun || made == 0 {
		t.Fatalf("mutants of %d rows, not of %d: the tables look otherwise now", made, begun)
	}
	return all
}

var only = flag.String("mutant", "", "try the mutants whose kinds and names match this; none without it")

// kinds are all mutants. The simulation is asked for those of the rule and of the run that it can see.
func kinds(t *testing.T) []kind {
	return []kind{
		{"planted", planted, true}, {"rows of the rule", rows(t), true}, {"conditions of the rule", bent, true}, {"the run and the adapters", others, true},
		{"numbers and texts of the run", numbers, false}, {"handler, wiring and adapters", wiring, false}, {"template.yaml", ofTemplate(t), false},
	}
}

type kind struct {
	name      string
	mutants   []mutant
	simulated bool
}

// Each mutant can be made of the product as it is now.
func TestMutantsFit(t *testing.T) {
	all := 0
	for _, k := range kinds(t) {
		for _, m := range k.mutants {
			mutate(t, m)
		}
		all += len(k.mutants)
	}
	if all < 150 {
		t.Errorf("%d mutants", all)
	}
}

// TestMutants shows that the tests can fail: each mutant is caught by a named test and, where the
// simulation can see it, by the simulation, or it says why not.
func TestMutants(t *testing.T) {
	if *only == "" {
		t.Skip("half an hour, for make mutants")
	}
	for _, k := range kinds(t) {
		tried, byTest, bySimulation := 0, 0, 0
		for _, m := range k.mutants {
			if !regexp.MustCompile(*only).MatchString(k.name + ": " + m.name) {
				continue
			}
			mutated := mutate(t, m)
			test, history := failingTest(t, m, mutated), ""
			simulated := k.simulated && m.unseen == "" && m.equivalent == ""
			if simulated {
				history = failingHistory(t, mutated)
			}
			tried++
			if test != "" {
				byTest++
			}
			if history != "" {
				bySimulation++
			}
			fmt.Printf("%s\n    test: %s\n    simulation: %s\n", m.name, cmp.Or(test, "none; "+m.equivalent), cmp.Or(history, "not asked; "+m.unseen))
			if test == "" && m.equivalent == "" || history == "" && simulated {
				t.Errorf("%s survives", m.name)
			}
			if test != "" && m.equivalent != "" {
				t.Errorf("%s is no equivalent: %s sees it", m.name, test)
			}
		}
		fmt.Printf("== %s: %d mutants, %d caught by a test, %d by the simulation\n", k.name, tried, byTest, bySimulation)
	}
}

// mutate writes a mutant beside the product's files, which stay as they are: template.yaml into a copy of the
// module, a file of Go for go's -overlay. It returns where.
func mutate(t *testing.T, m mutant) (path string) {
	source := string(harness.Read(t, m.file))
	if strings.Count(source, m.old) != 1 {
		t.Fatalf("%s: %q stands %d times in %s; mend the mutant", m.name, m.old, strings.Count(source, m.old), m.file)
	}
	source = strings.Replace(source, m.old, m.new, 1)
	if strings.Contains(m.new, "remembered(") {
		source += remembered
	}
	// What a mutant does not use any more is no error of its own.
	for pkg, use := range unused {
		if strings.Contains(source, `"`+pkg+"\"\n") || strings.Contains(source, "/"+pkg+"\"\n") {
			source += "\nvar _ = " + use + "\n"
		}
	}
	folder := t.TempDir()
	changed := filepath.Join(folder, filepath.Base(m.file))
	harness.OK(t, os.WriteFile(changed, []byte(source), 0o600))
	if m.file == templateFile {
		return changed
	}
	overlay := filepath.Join(folder, "overlay.json")
	replace := map[string]any{"Replace": map[string]string{filepath.Join(harness.Root(), m.file): changed}}
	harness.OK(t, os.WriteFile(overlay, harness.Must(json.Marshal(replace))(t), 0o600))
	return overlay
}

// unused has a use for each package that a mutant may leave without one.
var unused = map[string]string{
	"types": "types.Filter{}", "slices": "slices.Max([]int{1})", "fmt": "fmt.Sprint()", "cmp": "cmp.Compare(1, 1)", "rand/v2": "rand.Int", "debug": "debug.Stack",
	"retry": "retry.NewStandard", "imds": "imds.New", "strings": "strings.Cut", "errors": "errors.New", "ratelimit": "ratelimit.None", "time": "time.Second", "regexp": "regexp.Match",
}

// seenBy has the packages whose tests see the mutants of a file, by the beginning of file and name: the cheapest
// first, and behind a colon which of their tests, or with "-" which not.
var seenBy = []struct{ mutants, packages string }{
	{mainFile, "functions/release"},
	{"functions/release/handler/", "functions/release/handler infra/test/operations:Alarm|Metrics"},
	{"functions/release/eni/", "functions/release/eni:-Interleaving functions/release/handler functions/release/eni:Interleaving"},
	{"infra/awsconfig/", "infra/awsconfig infra/ec2 functions/release/handler"},
	{"infra/ec2/", "infra/ec2 functions/release/handler"},
	{groupsFile, "infra/autoscaling"},
	{templateFile + `: \w+Alarm`, "infra/test/operations:Alarm"},
	{templateFile, "infra/simulator/cloudformation infra/simulator infra/test/template infra/test/operations:Alarm|Dashboard|Metrics|Quer"},
}

var failed = regexp.MustCompile(`(?:--- FAIL:\s+|running tests:\s+|/\w+\.)(Test\w+|Fuzz\w+)`)

// failingTest is the first test that a mutant fails.
func failingTest(t *testing.T, m mutant, mutated string) string {
	for _, row := range seenBy {
		if !regexp.MustCompile("^" + row.mutants).MatchString(m.file + ": " + m.name) {
			continue
		}
		for each := range strings.FieldsSeq(row.packages) {
			folder, tests, _ := strings.Cut(each, ":")
			which := "-run=" + tests
			if except, is := strings.CutPrefix(tests, "-"); is {
				which = "-skip=" + except
			}
			test := exec.Command("go", "test", "-vet=off", "-failfast", "-timeout=10m", which, "-overlay", mutated, "../../../"+folder)
			if m.file == templateFile {
				test = inCopy(t, folder, tests, mutated)
			}
			out, err := test.CombinedOutput()
			if name := failed.FindSubmatch(out); err != nil && name != nil {
				return string(name[1])
			} else if err != nil {
				t.Errorf("%s does not compile: %s", m.name, out)
			}
		}
		return ""
	}
	t.Fatalf("no row of seenBy is for %s", m.file)
	return ""
}

var violated = regexp.MustCompile(`violation in (simulation \d+ of \d+: .{0,90})`)

// failingHistory is the violation that 3,000 simulations find in a mutant.
func failingHistory(t *testing.T, overlay string) string {
	binary := filepath.Join(t.TempDir(), "mutant")
	if out, err := exec.Command("go", "test", "-vet=off", "-c", "-o", binary, "-overlay", overlay, "../simulation").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(binary, "-test.run=^TestHistories$", "-test.v", "-test.timeout=5m", "-sim.histories=3000").CombinedOutput()
	if err == nil {
		return ""
	}
	if what := violated.FindSubmatch(out); what != nil {
		return string(what[1])
	}
	if strings.Contains(string(out), "no simulation met") {
		return ""
	}
	return "the simulation ends: " + string(out[max(0, len(out)-300):])
}
