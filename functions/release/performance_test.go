package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// performancePage is where figures stand, each table between the comments
// <!-- name --> and <!-- /name -->.
const performancePage = "docs/performance.md"

// publishing is for one test at a time: they play side by side.
var publishing sync.Mutex

// exact are the tables of counts and virtual time alone: the same on any machine.
var exact = map[string]bool{"storm": true, "drain": true}

// published writes a measured table into docs/performance.md, with -update. Without,
// it looks whether a table with these columns stands there; of an exact one, with these rows.
func published(t testing.TB, name, table string) {
	t.Helper()
	publishing.Lock()
	defer publishing.Unlock()
	t.Logf("%s\n%s", name, table)
	page := string(read(t, performancePage))
	place := regexp.MustCompile(`(?s)(<!-- ` + name + ` -->\n).*?(<!-- /` + name + ` -->)`)
	found := place.FindString(page)
	if found == "" {
		t.Fatalf("%s has no place for the table %s", performancePage, name)
	}
	if *update {
		page = place.ReplaceAllStringFunc(page, func(string) string {
			return "<!-- " + name + " -->\n" + table + "<!-- /" + name + " -->"
		})
		if err := os.WriteFile(filepath.Join(root, performancePage), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if !exact[name] {
		lines = lines[:1]
	}
	for _, line := range lines {
		if !strings.Contains(found, line+"\n") {
			t.Errorf("%s has no line %q in its table %s; make bench writes it anew", performancePage, line, name)
		}
	}
}
