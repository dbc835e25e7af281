package simulator_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// handle makes the trial's function call handle for each message, and refuse those for which it returns false.
func (r *trial) handle(handle func(body, receives string) bool) {
	r.invoke = func(_ context.Context, payload []byte) ([]byte, error) {
		var batch events.SQSEvent
		var answer events.SQSEventResponse
		if err := json.Unmarshal(payload, &batch); err != nil {
			return nil, err
		}
		for _, m := range batch.Records {
			if !handle(m.Body, m.Attributes["ApproximateReceiveCount"]) {
				answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
		}
		return json.Marshal(answer)
	}
}

// Lambda Developer Guide, "Handling errors for an SQS event source in Lambda"; Amazon SQS
// Developer Guide, "Using dead-letter queues in Amazon SQS".
func TestPartialBatchesAndDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen, healed := map[string]int{}, false
		r := try(t, deployed(nothing, ""), func(r *trial) {
			r.handle(func(body, _ string) bool {
				seen[body]++
				return body == "good" || healed
			})
			r.Queue.Send("good")
			r.Queue.Send("bad")
			r.Loop.After(59*time.Second, func() { equal(t, "within the delay", len(seen), 0) })
			r.Loop.After(50*time.Minute, func() {
				equal(t, "good", seen["good"], 1)
				equal(t, "bad", seen["bad"], 5)
				equal(t, "the queue", len(r.Queue.Messages()), 0)
				equal(t, "dead letters", len(r.DeadLetters.Messages()), 1)
				healed = true
				r.DeadLetters.Redrive()
			})
		})
		equal(t, "after the redrive", seen["bad"], 6)
		equal(t, "all empty", len(r.Queue.Messages())+len(r.DeadLetters.Messages()), 0)
	})
}

// Amazon SQS Developer Guide, "Visibility timeout": a message that waits in a batch for longer
// than that is received again. It comes once, with the later count.
func TestNoMessageStandsTwiceInABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		r := try(t, deployed(mapping+"MaximumBatchingWindowInSeconds", 60), func(r *trial) {
			r.handle(func(body, receives string) bool {
				got = append(got, body+receives)
				return true
			})
			r.Queue.Delay, r.Queue.Visibility = 0, 30*time.Second
			r.Queue.Send("a")
			r.Loop.After(20*time.Second, func() { r.Queue.Send("b") })
		})
		slices.Sort(got)
		equal(t, "messages", strings.Join(got, " "), "a3 b2")
		equal(t, "invocations", len(r.batches), 1)
		equal(t, "left", len(r.Queue.Messages()), 0)
	})
}
