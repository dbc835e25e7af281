// Package performance measures speed and size: what depends on the machine is a benchmark, for `make
// bench` only; counts, virtual time and bytes are tests with a bound. The tables are those of
// docs/performance.md. Start reading at storm_test.go. It may import anything but other tests.
package performance

import "time"

const (
	page = "docs/performance.md"
	day  = 24 * time.Hour
)
