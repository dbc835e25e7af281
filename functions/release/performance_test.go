package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// performancePage is where figures stand, each table between the comments
// <!-- name --> and <!-- /name -->.
const performancePage = "docs/performance.md"

// published writes a measured table into docs/performance.md, with -update. Without,
// only the table's form is looked at: that it stands there, with as many rows and columns.
func published(t testing.TB, name, table string) {
	t.Helper()
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
	if strings.Count(found, "|") != strings.Count(table, "|") {
		t.Errorf("the table %s of %s is not of this form; make bench writes it anew", name, performancePage)
	}
}
