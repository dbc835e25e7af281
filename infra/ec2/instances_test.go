package ec2

import (
	"testing"
	"time"
)

// The time in EC2's reason is read where there is one; it is for the log only.
func TestEndedAt(t *testing.T) {
	for reason, want := range map[string]time.Time{
		"User initiated (2026-11-23 10:00:00 GMT)": time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
		"Server.SpotInstanceTermination":           {},
		"":                                         {},
		"User initiated (yesterday)":               {},
		"Client.UserInitiatedShutdown: User initiated shutdown (soon)": {},
	} {
		if got := endedAt(reason); !got.Equal(want) {
			t.Errorf("%q ended at %v, want %v", reason, got, want)
		}
	}
}
