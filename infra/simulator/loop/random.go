package loop

import (
	"fmt"
	"time"
)

// Uint64 draws a number.
func (l *Loop) Uint64() uint64 {
	l.require("a random draw")
	return l.random.Uint64()
}

// Between draws a time in [low, high).
func (l *Loop) Between(low, high time.Duration) time.Duration {
	l.require("a random draw")
	return low + time.Duration(l.random.Int64N(int64(high-low)))
}

// Chance is true with probability p. Nothing is drawn where p is 0.
func (l *Loop) Chance(p float64) bool {
	l.require("a random draw")
	return p > 0 && l.random.Float64() < p
}

// ID draws an EC2 ID in the long form: the prefix and 17 hex digits.
func (l *Loop) ID(prefix string) string { return fmt.Sprintf("%s-0%016x", prefix, l.Uint64()) }

// UUID draws a random (version 4) UUID.
func (l *Loop) UUID() string {
	a, b := l.Uint64(), l.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}
