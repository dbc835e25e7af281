package harness

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// publishing serializes tests that run side by side: each reads and writes a whole page.
var publishing sync.Mutex

// Publish writes a measured table into a page of docs, with -update, between its comments
// <!-- name --> and <!-- /name -->. Without, the page must have a table with these columns, and with
// these rows where the table is exact: the same on any machine.
func Publish(t testing.TB, page, name, table string, exact bool) {
	t.Helper()
	publishing.Lock()
	defer publishing.Unlock()
	t.Logf("%s\n%s", name, table)
	text := string(Read(t, page))
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, _ := strings.Cut(text, begin)
	found, after, there := strings.Cut(rest, end)
	if !there {
		t.Fatalf("%s has no place for the table %s", page, name)
	}
	if *Update {
		OK(t, os.WriteFile(filepath.Join(Root(), page), []byte(before+begin+table+end+after), 0o644))
		return
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
}
