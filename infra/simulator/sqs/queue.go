// Package sqs is SQS: queues with delay, visibility timeout and dead letters.
//
// It imports loop and iam. Start reading at [Queue].
package sqs

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

type SQS struct {
	Loop    *loop.Loop
	Account iam.Account
}

// A Queue is an SQS queue. The exported fields are set before [SQS.AddQueue].
type Queue struct {
	Name        string
	Delay       time.Duration // before a message can first be received
	Visibility  time.Duration // a received message that was not deleted comes back after this
	Receives    int           // after so many a message goes to DeadLetters instead
	DeadLetters *Queue

	sqs      SQS
	messages []*Message
	arrived  func()
}

type Message struct {
	ID, Body string
	SentAt   time.Time
	Receives int

	received time.Time // for the first time
	visible  time.Time
	source   *Queue // of a dead letter
}

func (s SQS) AddQueue(q Queue) *Queue {
	q.sqs = s
	return &q
}

func (q *Queue) Send(body string) {
	now := q.sqs.Loop.Now()
	q.messages = append(q.messages, &Message{ID: q.sqs.Loop.UUID(), Body: body, SentAt: now, visible: now.Add(q.Delay)})
	q.sqs.Loop.After(q.Delay, q.announce)
}

// Messages returns all messages, those in flight and those delayed included.
func (q *Queue) Messages() []Message {
	var all []Message
	for _, m := range q.messages {
		all = append(all, *m)
	}
	return all
}

// Redrive sends the messages of a dead-letter queue back to where they came from.
func (q *Queue) Redrive() {
	for _, m := range q.messages {
		if m.source != nil {
			m.source.Send(m.Body)
		}
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *Message) bool { return m.source != nil })
}

// OnArrival calls f whenever there may be something to receive.
func (q *Queue) OnArrival(f func()) { q.arrived = f }

func (q *Queue) announce() {
	if q.arrived != nil {
		q.arrived()
	}
}

// Receive takes up to n visible messages; those received too often go to the dead letters.
func (q *Queue) Receive(n int) []*Message {
	now := q.sqs.Loop.Now()
	var received []*Message
	for _, m := range slices.Clone(q.messages) {
		if len(received) == n {
			break
		}
		if !m.Visible(now) {
			continue
		}
		if q.DeadLetters != nil && m.Receives >= q.Receives {
			q.Delete(m)
			dead := *m
			dead.source, dead.visible = q, now
			q.DeadLetters.messages = append(q.DeadLetters.messages, &dead)
			q.DeadLetters.announce()
			continue
		}
		if m.Receives == 0 {
			m.received = now
		}
		m.Receives++
		m.visible = now.Add(q.Visibility)
		q.sqs.Loop.After(q.Visibility, q.announce)
		received = append(received, m)
	}
	return received
}

// Visible holds for a message that can be received.
func (m *Message) Visible(now time.Time) bool { return !m.visible.After(now) }

func (q *Queue) Delete(m *Message) {
	q.messages = slices.DeleteFunc(q.messages, func(other *Message) bool { return other == m })
}

// Record returns a message as Lambda gives it to a function (Lambda Developer Guide,
// "Using Lambda with Amazon SQS").
func (q *Queue) Record(m *Message) map[string]any {
	sum := md5.Sum([]byte(m.Body))
	return map[string]any{
		"messageId": m.ID, "receiptHandle": "handle-" + m.ID, "body": m.Body,
		"attributes": map[string]string{
			"ApproximateReceiveCount": strconv.Itoa(m.Receives), "SenderId": "events.amazonaws.com",
			"SentTimestamp":                    strconv.FormatInt(m.SentAt.UnixMilli(), 10),
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.received.UnixMilli(), 10),
		},
		"messageAttributes": map[string]any{}, "md5OfBody": hex.EncodeToString(sum[:]),
		"eventSource": "aws:sqs", "eventSourceARN": q.sqs.Account.ARN("sqs", q.Name), "awsRegion": q.sqs.Account.Region,
	}
}
