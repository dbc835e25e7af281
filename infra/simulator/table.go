package simulator

import (
	"maps"
	"slices"
	"time"
)

// memory is how long a table knows how it was: longer than EC2's listings are stale (facts 2, race K).
const memory = 10 * time.Minute

// A table is a set of records by ID that remembers its recent past, because
// EC2's listings may be answered from it. Rows are values: whoever changes one
// puts a changed copy back.
type table[T any] struct {
	rows map[string]T
	past []change[T]
}

// A change is what a row was before it changed at a time.
type change[T any] struct {
	at      time.Time
	id      string
	before  T
	existed bool
}

func (t *table[T]) get(id string) (T, bool) {
	row, ok := t.rows[id]
	return row, ok
}

func (t *table[T]) put(now time.Time, id string, row T) {
	if t.rows == nil {
		t.rows = map[string]T{}
	}
	t.remember(now, id)
	t.rows[id] = row
}

func (t *table[T]) drop(now time.Time, id string) {
	t.remember(now, id)
	delete(t.rows, id)
}

func (t *table[T]) remember(now time.Time, id string) {
	for len(t.past) > 0 && now.Sub(t.past[0].at) > memory {
		t.past = t.past[1:]
	}
	before, existed := t.rows[id]
	t.past = append(t.past, change[T]{now, id, before, existed})
}

// asOf is the rows as they were, by undoing the later changes from the last one on.
func (t *table[T]) asOf(when time.Time) map[string]T {
	rows := maps.Clone(t.rows)
	for _, change := range slices.Backward(t.past) {
		if !change.at.After(when) {
			break
		}
		if change.existed {
			rows[change.id] = change.before
		} else {
			delete(rows, change.id)
		}
	}
	return rows
}

// ids are the table's IDs in order.
func (t *table[T]) ids() []string { return slices.Sorted(maps.Keys(t.rows)) }
