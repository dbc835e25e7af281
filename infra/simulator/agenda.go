package simulator

import "time"

// An action is something that happens at a time.
type action struct {
	at    time.Time
	order int // of two at one time, the one scheduled first comes first
	do    func()
}

// agenda is the heap (container/heap) of actions to come, the next one on top.
type agenda []action

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(action)) }

func (a agenda) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].order < a[j].order
	}
	return a[i].at.Before(a[j].at)
}

func (a *agenda) Pop() any {
	last := len(*a) - 1
	next := (*a)[last]
	*a = (*a)[:last]
	return next
}
