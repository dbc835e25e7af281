package simulator

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Invoke calls a function: [Runtime.Invoke] is one, a test's handler another.
type Invoke func(ctx context.Context, payload []byte) ([]byte, error)

// An Invocation is what became of one call of the function.
type Invocation struct {
	Start, End time.Time
	Payload    []byte
	Answer     []byte
	Err        error
}

// Invocations are all that have ended, in the order of their ends.
func (w *World) Invocations() []Invocation {
	defer w.enter()()
	return slices.Clone(w.invocations)
}

// invoke has Run call the function, and the world note the outcome.
func (w *World) invoke(f Invoke, payload []byte, then func(answer []byte, err error)) {
	w.begin(func(ctx context.Context) {
		start := w.Now()
		answer, err := f(ctx, payload)
		defer w.enter()()
		w.invocations = append(w.invocations, Invocation{start, w.now, payload, answer, err})
		if then != nil {
			then(answer, err)
		}
	})
}

// A Mapping is an event source mapping: from a queue to a function, in batches.
type Mapping struct {
	Queue       *Queue
	BatchSize   int           // default 10
	Window      time.Duration // how long a batch is gathered
	Concurrency int           // how many invocations at once; default 2, the least that Lambda takes (facts 3)
	Invoke      Invoke
}

// maxBatch is the most that Lambda hands over at once (facts 3).
const maxBatch = 6 << 20

type mapping struct {
	Mapping
	world    *World
	gathered []*message
	bytes    int       // of their records
	since    time.Time // of the first one gathered
	running  int
}

// AddMapping starts to hand a queue's messages to a function. [World.Run] makes the calls.
func (w *World) AddMapping(m Mapping) {
	defer w.enter()()
	if m.BatchSize == 0 {
		m.BatchSize = 10
	}
	if m.Concurrency == 0 {
		m.Concurrency = 2
	}
	running := &mapping{Mapping: m, world: w}
	m.Queue.arrived = running.gather
	w.after(0, running.gather)
}

// gather receives what is there while an invocation is free to take it, and hands
// the batch over when it is full or its window is over.
func (m *mapping) gather() {
	for m.running < m.Concurrency {
		received := m.Queue.receive(m.BatchSize - len(m.gathered))
		if len(m.gathered) == 0 && len(received) > 0 {
			m.since = m.world.now
			m.world.after(m.Window, m.gather)
		}
		m.gathered = append(m.gathered, received...)
		for _, message := range received {
			m.bytes += len(encode(m.Queue.record(message)))
		}
		full := len(m.gathered) == m.BatchSize || m.bytes > maxBatch
		if len(m.gathered) == 0 || !full && m.world.now.Before(m.since.Add(m.Window)) {
			return
		}
		m.hand()
	}
}

// hand gives the function its batch, at most 6 MB of it; what is left is the next one.
func (m *mapping) hand() {
	var records []any
	bytes, count := 0, 0
	for _, message := range m.gathered {
		record := encode(m.Queue.record(message))
		if count > 0 && bytes+len(record) > maxBatch {
			break
		}
		records, bytes, count = append(records, json.RawMessage(record)), bytes+len(record), count+1
	}
	batch := m.gathered[:count:count]
	m.gathered, m.bytes = m.gathered[count:], m.bytes-bytes
	m.running++
	m.world.invoke(m.Invoke, encode(map[string]any{"Records": records}), func(answer []byte, err error) {
		m.running--
		m.settle(batch, answer, err)
		m.gather()
	})
}

// settle deletes what the function has done with. The rest comes back when its visibility
// timeout is over.
func (m *mapping) settle(batch []*message, answer []byte, err error) {
	if err != nil {
		return
	}
	failed, ok := failures(batch, answer)
	if !ok {
		return
	}
	for _, message := range batch {
		if !failed[message.id] {
			m.Queue.remove(message)
		}
	}
}

// failures reads a partial batch answer. An empty one is a success of all; one that
// cannot be read, or that names an unknown message, is a failure of all (Lambda
// Developer Guide, Handling errors for an SQS event source).
func failures(batch []*message, answer []byte) (failed map[string]bool, ok bool) {
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
		if !slices.ContainsFunc(batch, func(m *message) bool { return m.id == f.ID }) {
			return nil, false
		}
		failed[f.ID] = true
	}
	return failed, true
}

// AddSchedule calls a function at a fixed rate with what EventBridge Scheduler
// sends without an input of one's own: its detail is a string (facts 3). The
// first call comes after the first interval; none is repeated.
func (w *World) AddSchedule(every time.Duration, f Invoke) {
	defer w.enter()()
	var tick func()
	tick = func() {
		w.invoke(f, encode(map[string]any{
			"version": "0", "id": w.newUUID(), "detail-type": "Scheduled Event", "source": "aws.scheduler",
			"account": w.options.Account, "time": w.now.UTC().Format("2006-01-02T15:04:05Z"), "region": w.options.Region,
			"resources": []string{w.arn("scheduler", "schedule/default/release")}, "detail": "{}",
		}), nil)
		w.after(every, tick)
	}
	w.after(every, tick)
}
