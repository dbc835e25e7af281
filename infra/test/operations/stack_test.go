// Package operations holds what an operator sees of the deployed template against a simulated region
// at work: alarms, dashboard, queries, metrics, cost, the first week, the pictures. Start reading at
// alarms_test.go. It may import anything but other tests.
package operations

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

const day = 24 * time.Hour

// stack is the deployed template at work, watched by CloudWatch.
type stack struct {
	*harness.Stack
	letters []sample // how many dead letters there are, each minute
}

// live plays a stack for a time, inside of synctest.Test; prepare may put faults into it.
func live(t *testing.T, parameters map[string]string, length time.Duration, prepare func(*stack)) *stack {
	t.Helper()
	s := &stack{}
	harness.Live(t, harness.Usual, parameters, length, func(h *harness.Stack) {
		s.Stack = h
		s.Every(time.Minute, func() {
			s.letters = append(s.letters, sample{s.World.Now(), float64(len(s.DeadLetters.Messages()))})
		})
		if prepare != nil {
			prepare(s)
		}
	})
	return s
}

// errorSamples returns what Lambda counts in AWS/Lambda Errors.
func (s *stack) errorSamples() (samples []sample) {
	for _, invocation := range s.World.Invocations() {
		failed := 0.0
		if invocation.Err != nil && !errors.Is(invocation.Err, context.Canceled) {
			failed = 1
		}
		samples = append(samples, sample{invocation.Start, failed})
	}
	return samples
}

// fail has EC2's calls of some kinds fail for a while.
func (s *stack) fail(length time.Duration, fault simulator.Fault, prefixes ...string) {
	end := time.Now().Add(length)
	s.World.OnCall(func(c simulator.Call) simulator.Fault {
		ofKind := slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(c.Action, prefix) })
		if c.Caller == harness.AccessKey && c.Service == "ec2" && ofKind && time.Now().Before(end) {
			return fault
		}
		return simulator.Fault{}
	})
}

// stick has EC2 refuse for ever to delete one interface.
func (s *stack) stick(id, code string) {
	s.World.OnCall(func(c simulator.Call) simulator.Fault {
		if c.Action == "DeleteNetworkInterface" && c.Form.Get("NetworkInterfaceId") == id {
			return simulator.Fault{Code: code}
		}
		return simulator.Fault{}
	})
}

// abandoned seeds an interface of an age, whose owner is long gone.
func (s *stack) abandoned(age time.Duration) string {
	return s.AddLeakOfAge(s.Subnets[0], fmt.Sprintf("i-%017x", s.Random.Uint64N(1<<60)), age)
}

func (s *stack) leaks(count int, age time.Duration) {
	for range count {
		s.abandoned(age)
	}
}

func (s *stack) eachHourLeak(count int) {
	s.Every(time.Hour, func() { s.leaks(count, time.Hour) })
}
