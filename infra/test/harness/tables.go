package harness

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// publishing serializes tests that run side by side: each reads and writes a whole page.
var publishing sync.Mutex

// Publish writes a measured table into a page of docs, with -update, between its comments
// <!-- name --> and <!-- /name -->, and returns what stands there then. The page must have a table
// with these columns, and with these rows where the table is exact: the same on any machine.
func Publish(t testing.TB, page, name, table string, exact bool) string {
	t.Helper()
	publishing.Lock()
	defer publishing.Unlock()
	t.Logf("%s\n%s", name, table)
	text := string(Read(t, page))
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	place := regexp.MustCompile(`(?s)` + begin + `.*?` + end)
	found := place.FindString(text)
	if found == "" {
		t.Fatalf("%s has no place for the table %s", page, name)
	}
	if *Update {
		text = strings.Replace(text, found, begin+table+end, 1)
		if err := os.WriteFile(filepath.Join(Root(), page), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return begin + table + end
	}
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if !exact {
		lines = lines[:1]
	}
	for _, line := range lines {
		if !strings.Contains(found, line+"\n") {
			t.Errorf("%s has no line %q in its table %s; with -update the test writes it anew", page, line, name)
		}
	}
	return found
}
