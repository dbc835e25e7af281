package template

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

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
			if err != nil || entry.IsDir() || strings.HasSuffix(path, ".png") || strings.HasSuffix(path, "words_test.go") || strings.Contains(path, "/fuzz/") {
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
