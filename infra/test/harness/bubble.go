package harness

import (
	"testing"
	"testing/synctest"
	"time"
)

// midnight is when virtual time begins here. That of package synctest begins in 2000, before any CNI
// that writes createdAt.
var midnight = time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC)

// Bubble runs a test in virtual time, from a midnight in 2026 on.
func Bubble(t *testing.T, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(midnight))
		test(t)
	})
}
