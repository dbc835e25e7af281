package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const pattern = `{"source": ["aws.autoscaling"], "detail-type": ["EC2 Instance Terminate Successful"], "detail": {"AutoScalingGroupName": [{"prefix": ""}], "Destination": [{"anything-but": "WarmPool"}, {"exists": false}]}}`

// buffer is the way of an event: rule, queue, dead letters, mapping.
func buffer(t *testing.T, w *World, f Invoke) (queue, dead *Queue) {
	t.Helper()
	dead = w.AddQueue(Queue{Name: "dead"})
	queue = w.AddQueue(Queue{Name: "buffer", Delay: time.Minute, Visibility: 6 * time.Minute, Receives: 5, DeadLetters: dead})
	if err := w.AddRule([]byte(pattern), queue); err != nil {
		t.Fatal(err)
	}
	w.AddMapping(Mapping{Queue: queue, BatchSize: 1000, Window: 15 * time.Second, Invoke: f})
	return queue, dead
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
	synctest.Test(t, func(t *testing.T) {
		w, _ := region(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		seen := map[string]int{}
		healed := false
		queue, dead := buffer(t, w, func(_ context.Context, payload []byte) ([]byte, error) {
			answer := `{"batchItemFailures":[`
			for _, r := range parse(t, payload).Records {
				seen[r.Body]++
				if r.Body == "bad" && !healed {
					answer += fmt.Sprintf(`{"itemIdentifier":%q}`, r.MessageID)
				}
			}
			return []byte(answer + `]}`), nil
		})
		go w.Run(ctx)
		queue.Send("good")
		queue.Send("bad")
		time.Sleep(59 * time.Second)
		synctest.Wait()
		equal(t, "within the delay", len(w.Invocations()), 0)
		time.Sleep(time.Hour)
		synctest.Wait()
		equal(t, "good", seen["good"], 1)
		equal(t, "bad", seen["bad"], 5)
		equal(t, "the queue", len(queue.Messages()), 0)
		equal(t, "dead letters", len(dead.Messages()), 1)
		healed = true
		dead.Redrive()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		equal(t, "after the redrive", seen["bad"], 6)
		equal(t, "all empty", len(queue.Messages())+len(dead.Messages()), 0)
		cancel()
	})
}

// Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": what is no
// partial batch answer fails the whole batch; an empty one is a success.
func TestAnswersToABatch(t *testing.T) {
	messages := []delivery{{message: &message{id: "a"}}, {message: &message{id: "b"}}}
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

// Lambda Developer Guide, "Using Lambda with Amazon SQS": never more than two at once;
// a failed run brings its batch back.
func TestConcurrencyAndFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := region(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		queue := w.AddQueue(Queue{Visibility: 6 * time.Minute})
		running, most := 0, 0
		w.AddMapping(Mapping{Queue: queue, BatchSize: 1, Invoke: func(ctx context.Context, _ []byte) ([]byte, error) {
			end := w.enter()
			running++
			most = max(most, running)
			end()
			if err := sleep(ctx, 10*time.Second); err != nil {
				return nil, err
			}
			defer w.enter()()
			running--
			if len(w.invocations) == 0 {
				return nil, errors.New("once")
			}
			return nil, nil
		}})
		go w.Run(ctx)
		for range 5 {
			queue.Send("x")
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		equal(t, "at once", most, 2)
		if n := len(w.Invocations()); n < 6 {
			t.Errorf("%d invocations, at least one failed", n)
		}
		equal(t, "left", len(queue.Messages()), 0)
		cancel()
	})
}

// Amazon SQS Developer Guide, "Visibility timeout": a message that waits in a batch for longer
// than that is received again. It comes once, with the later count.
func TestNoMessageStandsTwiceInABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := region(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		queue := w.AddQueue(Queue{Visibility: 30 * time.Second})
		var handed []string
		w.AddMapping(Mapping{Queue: queue, Window: time.Minute, Invoke: func(_ context.Context, payload []byte) ([]byte, error) {
			for _, r := range parse(t, payload).Records {
				handed = append(handed, r.Body+r.Attributes.ApproximateReceiveCount)
			}
			return nil, nil
		}})
		go w.Run(ctx)
		queue.Send("a")
		time.Sleep(20 * time.Second)
		queue.Send("b")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		slices.Sort(handed)
		equal(t, "handed over", strings.Join(handed, " "), "a3 b2")
		equal(t, "invocations", len(w.Invocations()), 1)
		equal(t, "left", len(queue.Messages()), 0)
		cancel()
	})
}

// Observed: Scheduler's detail is the string "{}".
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := region(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		w.AddSchedule(time.Minute, func(context.Context, []byte) ([]byte, error) { return nil, errors.New("not repeated") })
		go w.Run(ctx)
		time.Sleep(3*time.Minute + time.Second)
		synctest.Wait()
		runs := w.Invocations()
		equal(t, "runs", len(runs), 3)
		var event struct{ Source, Detail string }
		if err := json.Unmarshal(runs[0].Payload, &event); err != nil {
			t.Fatal(err)
		}
		equal(t, "source", event.Source, "aws.scheduler")
		equal(t, "detail", event.Detail, "{}")
		cancel()
	})
}
