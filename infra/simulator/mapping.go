package simulator

import (
	"cmp"
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
	w.begun = append(w.begun, func(ctx context.Context) {
		start := w.Now()
		answer, err := f(ctx, payload)
		defer w.enter()()
		w.invocations = append(w.invocations, Invocation{start, w.now, payload, answer, err})
		if then != nil {
			then(answer, err)
		}
	})
	w.rouse()
}

// A Mapping is an event source mapping: from a queue to a function, in batches.
type Mapping struct {
	Queue       *Queue
	BatchSize   int           // default 10
	Window      time.Duration // how long a batch is gathered
	Concurrency int           // how many invocations at once; default 2, the least that Lambda takes
	Invoke      Invoke
}

// maxBatch is the most that Lambda hands over at once (Lambda Developer Guide,
// "Using Lambda with Amazon SQS": the payload quota of 6 MB).
const maxBatch = 6 << 20

type mapping struct {
	Mapping
	world    *World
	gathered []delivery
	since    time.Time // of the first one gathered
	running  int
}

// A delivery is a message received, and the record of it that the function is given.
type delivery struct {
	*message
	record json.RawMessage
}

// AddMapping starts to hand a queue's messages to a function. [World.Run] makes the calls.
func (w *World) AddMapping(m Mapping) {
	defer w.enter()()
	m.BatchSize = cmp.Or(m.BatchSize, 10)
	m.Concurrency = cmp.Or(m.Concurrency, 2)
	running := &mapping{Mapping: m, world: w}
	m.Queue.arrived = running.gather
	w.after(0, running.gather)
}

// gather receives what is there while an invocation is free to take it, and hands
// the batch over when it is full or its window is over. What was gathered so long
// ago that it is visible again is the queue's: it is received anew, not twice.
func (m *mapping) gather() {
	for m.running < m.Concurrency {
		m.gathered = slices.DeleteFunc(m.gathered, func(d delivery) bool { return d.isVisible(m.world.now) })
		received := m.Queue.receive(m.BatchSize - len(m.gathered))
		if len(m.gathered) == 0 && len(received) > 0 {
			m.since = m.world.now
			m.world.after(m.Window, m.gather)
		}
		for _, message := range received {
			m.gathered = append(m.gathered, delivery{message, encode(m.Queue.record(message))})
		}
		count := m.fitting()
		full := count == m.BatchSize || count < len(m.gathered)
		if len(m.gathered) == 0 || !full && m.world.now.Before(m.since.Add(m.Window)) {
			return
		}
		m.hand(count)
	}
}

// fitting is how many of those gathered, the first ones, fit into one payload: at least one.
func (m *mapping) fitting() int {
	bytes := 0
	for count, d := range m.gathered {
		if bytes += len(d.record); bytes > maxBatch && count > 0 {
			return count
		}
	}
	return len(m.gathered)
}

// hand gives the function a batch, the first count of those gathered.
func (m *mapping) hand(count int) {
	batch := slices.Clone(m.gathered[:count])
	m.gathered = slices.Delete(m.gathered, 0, count)
	var records []json.RawMessage
	for _, d := range batch {
		records = append(records, d.record)
	}
	m.running++
	m.world.invoke(m.Invoke, encode(map[string]any{"Records": records}), func(answer []byte, err error) {
		m.running--
		m.settle(batch, answer, err)
		m.gather()
	})
}

// settle deletes what the function has done with. The rest comes back when its visibility
// timeout is over.
func (m *mapping) settle(batch []delivery, answer []byte, err error) {
	failed, ok := failures(batch, answer)
	if err != nil || !ok {
		return
	}
	for _, d := range batch {
		if !failed[d.id] {
			m.Queue.remove(d.message)
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
		if !slices.ContainsFunc(batch, func(d delivery) bool { return d.id == f.ID }) {
			return nil, false
		}
		failed[f.ID] = true
	}
	return failed, true
}

// AddSchedule calls a function at a fixed rate with what EventBridge Scheduler
// sends without an input of one's own: its detail is a string (observed; the
// EventBridge Scheduler User Guide does not say). The first call comes after the
// first interval; none is repeated.
func (w *World) AddSchedule(every time.Duration, f Invoke) {
	defer w.enter()()
	var tick func()
	tick = func() {
		w.tick(f)
		w.after(every, tick)
	}
	w.after(every, tick)
}

// Tick calls a function as its schedule does, once and now: Scheduler delivers at
// least once (EventBridge Scheduler User Guide, "What is Amazon EventBridge Scheduler?").
func (w *World) Tick(f Invoke) {
	defer w.enter()()
	w.tick(f)
}

func (w *World) tick(f Invoke) {
	w.invoke(f, w.event("aws.scheduler", "Scheduled Event", []string{w.arn("scheduler", "schedule/default/release")}, "{}"), nil)
}
