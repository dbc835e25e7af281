package loop

import (
	"sync"
	"time"
)

// A Clock is the machine's time (inside a testing/synctest bubble, the bubble's),
// shifted. A region whose clock starts two hours ago plays a past of two hours
// through by [Loop.Advance], and then goes on in real time.
type Clock struct {
	mu    sync.Mutex
	shift time.Duration
}

// NewClock returns a clock that differs from the machine's by shift.
func NewClock(shift time.Duration) *Clock { return &Clock{shift: shift} }

// Now returns the clock's time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.shift).UTC()
}

// Advance puts the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += d
}
