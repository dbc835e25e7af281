package simulation

import (
	"math/rand/v2"
	"time"
)

// pick returns one of the given values; the zero value if there are none.
func pick[T any](r *rand.Rand, of ...T) (picked T) {
	if len(of) > 0 {
		picked = of[r.IntN(len(of))]
	}
	return picked
}

// pickRow returns one of a table's rows, each as often as its weight.
func pickRow[T any](r *rand.Rand, rows []T, weight func(T) int) T {
	total := 0
	for _, row := range rows {
		total += weight(row)
	}
	place := r.IntN(total)
	for _, row := range rows {
		if place -= weight(row); place < 0 {
			return row
		}
	}
	panic("simulation: no weights")
}

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// within returns a duration from low to below high.
func within(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// upTo returns a number from bounds[0] to bounds[1].
func upTo(r *rand.Rand, bounds [2]int) int { return bounds[0] + r.IntN(bounds[1]-bounds[0]+1) }
