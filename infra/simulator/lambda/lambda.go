// Package lambda is Lambda: invocations of a function, the event source mapping that
// feeds it from a queue, the runtime API, and the real binary as processes on it.
//
// It imports loop and sqs. Start reading at [Lambda] for a function that is Go code,
// and at [Program] in process.go for the real binary.
package lambda

import (
	"context"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// Invoke calls a function: [Runtime.Invoke] is one, a test's handler another.
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
