package simulator

import (
	"fmt"
	"time"
)

// between is a random time in [low, high).
func (w *World) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.rand.Int64N(int64(high-low)))
}

// chance is true with probability p.
func (w *World) chance(p float64) bool { return p > 0 && w.rand.Float64() < p }

// newID is an EC2 ID in the long form: a prefix and 17 hex digits.
func (w *World) newID(prefix string) string {
	return fmt.Sprintf("%s-0%016x", prefix, w.rand.Uint64())
}

// newUUID is a random (version 4) UUID.
func (w *World) newUUID() string {
	a, b := w.rand.Uint64(), w.rand.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}

// arn is an ARN of the world's region and account.
func (w *World) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + w.options.Region + ":" + w.options.Account + ":" + resource
}
