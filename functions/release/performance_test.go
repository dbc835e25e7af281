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

// published writes a measured table into docs/performance.md, with -update. Without,
// it only looks whether a table with these columns stands there.
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
	if columns, _, _ := strings.Cut(table, "\n"); !strings.Contains(found, columns+"\n") {
		t.Errorf("%s has no table %s with the columns %s; make bench writes it anew", performancePage, name, columns)
	}
}
