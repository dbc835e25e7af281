package operations

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudwatch"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

const day = 24 * time.Hour

// stack is the deployed template at work, watched by CloudWatch.
type stack struct {
	*harness.Stack
	letters []cloudwatch.Sample // how many dead letters there are, each minute
}

// live plays a stack for a time, inside of harness.Bubble; prepare may put faults into it, inside of the loop.
func live(t *testing.T, parameters map[string]string, length time.Duration, prepare func(*stack)) *stack {
	s := &stack{}
	harness.Live(t, harness.Usual, parameters, length, func(h *harness.Stack) {
		s.Stack = h
		s.Every(time.Minute, func() {
			s.letters = append(s.letters, cloudwatch.Sample{At: s.Loop.Now(), Value: float64(len(s.Deployed.DeadLetters.Messages()))})
		})
		prepare(s)
	})
	return s
}

// fail has EC2's calls of some kinds fail for a while.
func (s *stack) fail(length time.Duration, fault api.Fault, prefixes ...string) {
	end := time.Now().Add(length)
	s.Front.OnCall(func(c api.Call) api.Fault {
		ofKind := slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(c.Action, prefix) })
		if c.Caller == harness.AccessKey && c.Service == "ec2" && ofKind && time.Now().Before(end) {
			return fault
		}
		return api.Fault{}
	})
}

// stick has EC2 refuse for ever to delete one interface.
func (s *stack) stick(id, code string) {
	s.Front.OnCall(func(c api.Call) api.Fault {
		if c.Action == "DeleteNetworkInterface" && c.Form.Get("NetworkInterfaceId") == id {
			return api.Fault{Code: code}
		}
		return api.Fault{}
	})
}

// leaked seeds an interface of an age, whose owner is long gone.
func (s *stack) leaked(age time.Duration) string {
	return s.EC2.AddInterface(s.Leak(s.Subnets[0], fmt.Sprintf("i-%017x", s.Random.Uint64N(1<<60)), age))
}

func (s *stack) leaks(count int, age time.Duration) {
	for range count {
		s.leaked(age)
	}
}

// leakAt seeds many leaks at each of these hours from now.
func (s *stack) leakAt(hours ...time.Duration) {
	for _, hour := range hours {
		s.Loop.After(hour*time.Hour, func() { s.leaks(200, time.Hour) })
	}
}

// watch returns all that CloudWatch gets from a stack.
func watch(s *stack) cloudwatch.Metrics {
	m := cloudwatch.Metrics{}
	harness.OK(s, m.Extract(harness.Must(cloudwatch.Kept(s.Stdout.String(), "INFO"))(s)))
	errorsID := cloudwatch.MetricID("AWS/Lambda", "Errors", map[string]string{"FunctionName": harness.FunctionName})
	for _, invocation := range s.Invocations() {
		failed := cloudwatch.Sample{At: invocation.Start}
		if invocation.Err != nil && !errors.Is(invocation.Err, context.Canceled) {
			failed.Value = 1
		}
		m[errorsID] = append(m[errorsID], failed)
	}
	m[cloudwatch.MetricID("AWS/SQS", "ApproximateNumberOfMessagesVisible", map[string]string{"QueueName": s.Deployed.DeadLetters.Name})] = s.letters
	return m
}

// alarms returns those that the template makes with these parameters, by logical ID.
func alarms(t testing.TB, parameters map[string]string) map[string]cloudwatch.Alarm {
	t.Helper()
	return harness.Must(cloudwatch.Alarms(harness.Deployed(t, parameters)))(t)
}

// firstGroups returns what a pattern's first group takes in a text, of each match.
func firstGroups(pattern, text string) (taken []string) {
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		taken = append(taken, match[1])
	}
	return taken
}
