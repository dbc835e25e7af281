package simulator

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strconv"
	"time"
)

// A Queue is an SQS queue. The exported fields are set before [World.AddQueue].
type Queue struct {
	Name        string
	Delay       time.Duration // before a message can first be received
	Visibility  time.Duration // a received message that was not deleted comes back after this; default 30 s
	Receives    int           // after so many a message goes to DeadLetters instead
	DeadLetters *Queue

	world    *World
	messages []*message
	arrived  func() // the mapping's
}

type message struct {
	id, body string
	sent     time.Time
	first    time.Time // received
	visible  time.Time
	receives int
	source   *Queue
}

// A Message is what a queue holds.
type Message struct {
	ID, Body string
	SentAt   time.Time
	Receives int
}

// AddQueue adds a queue to the world.
func (w *World) AddQueue(q Queue) *Queue {
	defer w.enter()()
	q.world = w
	q.Visibility = cmp.Or(q.Visibility, 30*time.Second) // SQS's default (Amazon SQS Developer Guide, "Visibility timeout")
	return &q
}

// Send puts a message into the queue.
func (q *Queue) Send(body string) {
	defer q.world.enter()()
	q.send(body)
}

// Messages are all messages, those in flight and those delayed included.
func (q *Queue) Messages() []Message {
	defer q.world.enter()()
	var all []Message
	for _, m := range q.messages {
		all = append(all, Message{m.id, m.body, m.sent, m.receives})
	}
	return all
}

// Redrive sends the messages of a dead-letter queue back to where they came from.
func (q *Queue) Redrive() {
	defer q.world.enter()()
	for _, m := range q.messages {
		if m.source != nil {
			m.source.send(m.body)
		}
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.source != nil })
}

func (q *Queue) send(body string) {
	w := q.world
	q.messages = append(q.messages, &message{id: w.newUUID(), body: body, sent: w.now, visible: w.now.Add(q.Delay)})
	w.after(q.Delay, q.announce)
}

// announce tells the mapping that there may be something to receive.
func (q *Queue) announce() {
	if q.arrived != nil {
		q.arrived()
	}
}

// receive takes up to n visible messages; those received too often go to the dead letters.
func (q *Queue) receive(n int) []*message {
	w := q.world
	var received []*message
	for _, m := range slices.Clone(q.messages) {
		if len(received) == n {
			break
		}
		if !m.isVisible(w.now) {
			continue
		}
		if q.DeadLetters != nil && m.receives >= q.Receives {
			q.remove(m)
			dead := *m
			dead.source, dead.visible = q, w.now
			q.DeadLetters.messages = append(q.DeadLetters.messages, &dead)
			q.DeadLetters.announce()
			continue
		}
		if m.receives == 0 {
			m.first = w.now
		}
		m.receives++
		m.visible = w.now.Add(q.Visibility)
		w.after(q.Visibility, q.announce)
		received = append(received, m)
	}
	return received
}

func (m *message) isVisible(now time.Time) bool { return !m.visible.After(now) }

func (q *Queue) remove(m *message) {
	q.messages = slices.DeleteFunc(q.messages, func(other *message) bool { return other == m })
}

// record is a message as Lambda hands it to a function (Lambda Developer Guide, "Using
// Lambda with Amazon SQS").
func (q *Queue) record(m *message) map[string]any {
	sum := md5.Sum([]byte(m.body))
	return map[string]any{
		"messageId": m.id, "receiptHandle": "handle-" + m.id, "body": m.body,
		"attributes": map[string]string{
			"ApproximateReceiveCount": strconv.Itoa(m.receives), "SenderId": "events.amazonaws.com",
			"SentTimestamp":                    strconv.FormatInt(m.sent.UnixMilli(), 10),
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.first.UnixMilli(), 10),
		},
		"messageAttributes": map[string]any{}, "md5OfBody": hex.EncodeToString(sum[:]),
		"eventSource": "aws:sqs", "eventSourceARN": q.world.arn("sqs", q.Name), "awsRegion": q.world.options.Region,
	}
}
