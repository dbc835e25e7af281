package ec2

import (
	"maps"
	"slices"
	"time"
)

// memory is how far back a table goes: longer than any stale listing here. How stale EC2's are is not documented (EC2 Developer Guide, "Eventual consistency").
const memory = 10 * time.Minute

// A table is a set of records by ID that remembers its recent past, because
// EC2's listings may be answered from it. Rows are values: whoever changes one
// puts a changed copy back.
type table[T any] struct {
	rows map[string]T
	past []change[T]
}

// A change is what a row was before it changed at a time; nil for a new one.
type change[T any] struct {
	at     time.Time
	id     string
	before *T
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
	t.past = append(t.past, change[T]{now, id, t.row(id)})
}

// row returns a copy, or nil.
func (t *table[T]) row(id string) *T {
	if row, exists := t.rows[id]; exists {
		return &row
	}
	return nil
}

// asOf returns the rows as they were, by undoing the later changes from the last one on; to read only.
func (t *table[T]) asOf(when time.Time) map[string]T {
	if last := len(t.past) - 1; last < 0 || !t.past[last].at.After(when) {
		return t.rows
	}
	rows := maps.Clone(t.rows)
	for _, change := range slices.Backward(t.past) {
		if !change.at.After(when) {
			break
		}
		if change.before != nil {
			rows[change.id] = *change.before
		} else {
			delete(rows, change.id)
		}
	}
	return rows
}

// since returns what a row was at any time from when on, the latest first; a nil for a
// time without it.
func (t *table[T]) since(when time.Time, id string) []*T {
	versions := []*T{t.row(id)}
	for _, change := range slices.Backward(t.past) {
		if !change.at.After(when) {
			break
		}
		if change.id == id {
			versions = append(versions, change.before)
		}
	}
	return versions
}

// all returns the rows in the order of their IDs.
func (t *table[T]) all() []T {
	var all []T
	for _, id := range slices.Sorted(maps.Keys(t.rows)) {
		all = append(all, t.rows[id])
	}
	return all
}
