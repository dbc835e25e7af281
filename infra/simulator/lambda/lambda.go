// Package lambda is Lambda: invocations of a function, the event source mapping that
// feeds it from a queue, the runtime API, and the real binary as processes on it.
//
// It imports loop and sqs. Start reading at [Lambda] for a function that is Go code,
// and at [Program] for the real binary.
package lambda

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/sqs"
)

// Invoke calls a function: [Function.Invoke] is one, a test's handler another.
type Invoke func(ctx context.Context, payload []byte) ([]byte, error)

type Invocation struct {
	Start, End time.Time
	Payload    []byte
	Answer     []byte
	Err        error
}

// Lambda calls functions and records the results.
type Lambda struct {
	loop        *loop.Loop
	invocations []Invocation
}

func New(l *loop.Loop) *Lambda { return &Lambda{loop: l} }

// Call makes [loop.Loop.Run] call a function, outside of the loop. Then, unless it is
// nil, gets the result, inside.
func (s *Lambda) Call(f Invoke, payload []byte, then func(answer []byte, err error)) {
	s.loop.Begin(func(ctx context.Context) {
		var start time.Time
		s.loop.Do(func() { start = s.loop.Now() })
		answer, err := f(ctx, payload)
		s.loop.Do(func() {
			s.invocations = append(s.invocations, Invocation{start, s.loop.Now(), payload, answer, err})
			if then != nil {
				then(answer, err)
			}
		})
	})
}

// Invocations returns all that have ended, in the order of their ends; to read only.
func (s *Lambda) Invocations() []Invocation { return slices.Clip(s.invocations) }

// A Mapping is an event source mapping: from a queue to a function, in batches.
type Mapping struct {
	Queue       *sqs.Queue
	BatchSize   int
	Window      time.Duration // how long a batch is gathered
	Concurrency int           // how many invocations at once
	Invoke      Invoke
}

// maxBatch is the most that Lambda puts into one payload (Lambda Developer Guide,
// "Using Lambda with Amazon SQS": the payload quota of 6 MB).
const maxBatch = 6 << 20

type mapping struct {
	Mapping
	lambda   *Lambda
	gathered []delivery
	since    time.Time // of the first one gathered
	running  int
}

// A delivery is a message received, and its record in the function's payload.
type delivery struct {
	*sqs.Message
	record json.RawMessage
}

// AddMapping starts to give a queue's messages to a function.
func (s *Lambda) AddMapping(m Mapping) {
	running := &mapping{Mapping: m, lambda: s}
	m.Queue.OnArrival(running.gather)
	s.loop.After(0, running.gather)
}

// gather receives what is there while an invocation is free to take it, and invokes
// the function when the batch is full or its window is over. What was gathered so
// long ago that it is visible again is the queue's: it is received anew, not twice.
func (m *mapping) gather() {
	now := m.lambda.loop.Now()
	for m.running < m.Concurrency {
		m.gathered = slices.DeleteFunc(m.gathered, func(d delivery) bool { return d.Visible(now) })
		received := m.Queue.Receive(m.BatchSize - len(m.gathered))
		if len(m.gathered) == 0 && len(received) > 0 {
			m.since = now
			m.lambda.loop.After(m.Window, m.gather)
		}
		for _, message := range received {
			m.gathered = append(m.gathered, delivery{message, encode(m.Queue.Record(message))})
		}
		count := m.fitting()
		full := count == m.BatchSize || count < len(m.gathered)
		if len(m.gathered) == 0 || !full && now.Before(m.since.Add(m.Window)) {
			return
		}
		m.invoke(count)
	}
}

// fitting returns how many of those gathered, the first ones, fit into one payload: at least one.
func (m *mapping) fitting() int {
	bytes := 0
	for count, d := range m.gathered {
		if bytes += len(d.record); bytes > maxBatch && count > 0 {
			return count
		}
	}
	return len(m.gathered)
}

// invoke gives the function a batch, the first count of those gathered.
func (m *mapping) invoke(count int) {
	batch := slices.Clone(m.gathered[:count])
	m.gathered = slices.Delete(m.gathered, 0, count)
	var records []json.RawMessage
	for _, d := range batch {
		records = append(records, d.record)
	}
	m.running++
	m.lambda.Call(m.Invoke, encode(map[string]any{"Records": records}), func(answer []byte, err error) {
		m.running--
		m.complete(batch, answer, err)
		m.gather()
	})
}

// complete deletes the messages that the function has handled. The others come back
// when their visibility timeout is over.
func (m *mapping) complete(batch []delivery, answer []byte, err error) {
	failed, ok := failures(batch, answer)
	if err != nil || !ok {
		return
	}
	for _, d := range batch {
		if !failed[d.ID] {
			m.Queue.Delete(d.Message)
		}
	}
}

// failures reads a partial batch answer. An empty one is a success of all; one that
// cannot be read, or that names an unknown message, is a failure of all (Lambda
// Developer Guide, "Handling errors for an SQS event source in Lambda").
func failures(batch []delivery, answer []byte) (failed map[string]bool, ok bool) {
	var partial struct {
		Failures []struct {
			ID string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(answer) > 0 && json.Unmarshal(answer, &partial) != nil {
		return nil, false
	}
	failed = map[string]bool{}
	for _, f := range partial.Failures {
		if !slices.ContainsFunc(batch, func(d delivery) bool { return d.ID == f.ID }) {
			return nil, false
		}
		failed[f.ID] = true
	}
	return failed, true
}

// encode writes JSON of the simulator's own making, which cannot fail.
func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("simulator: " + err.Error())
	}
	return raw
}
