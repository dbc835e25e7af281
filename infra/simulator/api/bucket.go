package api

import (
	"cmp"
	"strings"
	"time"
)

// A Bucket allows Size calls at once and Refill a second after that.
type Bucket struct {
	Size, Refill float64
}

type bucket struct {
	Bucket
	tokens float64
	at     time.Time
}

// A throttle has the buckets in use.
type throttle struct {
	numbers map[string]Bucket // that replace the usual ones
	buckets map[string]*bucket
}

// bucket returns the bucket of some names, made on first use.
func (t throttle) bucket(usual map[string]Bucket, names []string, now time.Time) *bucket {
	id := strings.Join(names, "/")
	if t.buckets[id] == nil {
		var size Bucket
		for _, numbers := range []map[string]Bucket{usual, t.numbers} {
			for _, name := range names {
				size = cmp.Or(numbers[name], size)
			}
		}
		t.buckets[id] = &bucket{size, size.Size, now}
	}
	return t.buckets[id]
}

func (b *bucket) take(now time.Time) bool {
	b.tokens = min(b.Size, b.tokens+now.Sub(b.at).Seconds()*b.Refill)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
