package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/sqs"
)

// A feed is a queue with dead letters and a mapping to a function.
type feed struct {
	*testing.T
	*Lambda
	queue, dead *sqs.Queue
}

// fed runs a test with a feed in a bubble.
func fed(t *testing.T, q sqs.Queue, m Mapping, test func(*feed)) {
	synctest.Test(t, func(t *testing.T) {
		f := &feed{T: t, Lambda: New(loop.New(loop.NewClock(0), rand.New(rand.NewPCG(1, 2))))}
		service := sqs.SQS{Loop: f.loop}
		f.loop.Do(func() {
			f.dead = service.AddQueue(sqs.Queue{Name: "dead"})
			if q.Receives > 0 {
				q.DeadLetters = f.dead
			}
			f.queue = service.AddQueue(q)
			m.Queue = f.queue
			f.AddMapping(m)
		})
		ctx, cancel := context.WithCancel(t.Context())
		go f.loop.Run(ctx)
		test(f)
		cancel()
	})
}

func (f *feed) send(bodies ...string) {
	f.loop.Do(func() {
		for _, body := range bodies {
			f.queue.Send(body)
		}
	})
}

// after lets time pass, and then looks inside.
func (f *feed) after(d time.Duration, look func()) {
	time.Sleep(d)
	synctest.Wait()
	f.loop.Do(look)
}

type batch struct {
	Records []struct {
		MessageID  string `json:"messageId"`
		Body       string `json:"body"`
		Attributes struct{ ApproximateReceiveCount string }
	}
}

func parse(t *testing.T, payload []byte) (b batch) {
	if err := json.Unmarshal(payload, &b); err != nil {
		t.Error(err)
	}
	return b
}

// Lambda Developer Guide, "Handling errors for an SQS event source in Lambda"; Amazon SQS
// Developer Guide, "Using dead-letter queues in Amazon SQS".
func TestPartialBatchesAndDeadLetters(t *testing.T) {
	seen, healed := map[string]int{}, false
	refuseBad := func(_ context.Context, payload []byte) ([]byte, error) {
		answer := `{"batchItemFailures":[`
		for _, r := range parse(t, payload).Records {
			seen[r.Body]++
			if r.Body == "bad" && !healed {
				answer += fmt.Sprintf(`{"itemIdentifier":%q}`, r.MessageID)
			}
		}
		return []byte(answer + `]}`), nil
	}
	queue := sqs.Queue{Delay: time.Minute, Visibility: 6 * time.Minute, Receives: 5}
	fed(t, queue, Mapping{BatchSize: 1000, Window: 15 * time.Second, Concurrency: 2, Invoke: refuseBad}, func(f *feed) {
		f.send("good", "bad")
		f.after(59*time.Second, func() { equal(t, "within the delay", len(f.Invocations()), 0) })
		f.after(time.Hour, func() {
			equal(t, "good", seen["good"], 1)
			equal(t, "bad", seen["bad"], 5)
			equal(t, "the queue", len(f.queue.Messages()), 0)
			equal(t, "dead letters", len(f.dead.Messages()), 1)
			healed = true
			f.dead.Redrive()
		})
		f.after(2*time.Minute, func() {
			equal(t, "after the redrive", seen["bad"], 6)
			equal(t, "all empty", len(f.queue.Messages())+len(f.dead.Messages()), 0)
		})
	})
}

// Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": what is no
// partial batch answer fails the whole batch; an empty one is a success.
func TestAnswersToABatch(t *testing.T) {
	messages := []delivery{{Message: &sqs.Message{ID: "a"}}, {Message: &sqs.Message{ID: "b"}}}
	for answer, want := range map[string]int{
		"": 0, "null": 0, "{}": 0, `{"batchItemFailures":[]}`: 0, `{"batchItemFailures":null}`: 0,
		`{"batchItemFailures":[{"itemIdentifier":"a"}]}`: 1,
		`{"batchItemFailures":[{"itemIdentifier":"c"}]}`: 2, `{"batchItemFailures":[{"itemIdentifier":""}]}`: 2, `nonsense`: 2,
	} {
		failed, ok := failures(messages, []byte(answer))
		if !ok {
			failed = map[string]bool{"a": true, "b": true}
		}
		equal(t, answer, len(failed), want)
	}
}

// Amazon SQS Developer Guide, "Visibility timeout": a message that waits in a batch for longer
// than that is received again. It comes once, with the later count.
func TestNoMessageStandsTwiceInABatch(t *testing.T) {
	var got []string
	record := func(_ context.Context, payload []byte) ([]byte, error) {
		for _, r := range parse(t, payload).Records {
			got = append(got, r.Body+r.Attributes.ApproximateReceiveCount)
		}
		return nil, nil
	}
	fed(t, sqs.Queue{Visibility: 30 * time.Second}, Mapping{BatchSize: 10, Window: time.Minute, Concurrency: 2, Invoke: record}, func(f *feed) {
		f.send("a")
		time.Sleep(20 * time.Second)
		f.send("b")
		f.after(5*time.Minute, func() {
			slices.Sort(got)
			equal(t, "messages", strings.Join(got, " "), "a3 b2")
			equal(t, "invocations", len(f.Invocations()), 1)
			equal(t, "left", len(f.queue.Messages()), 0)
		})
	})
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
