//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/handler"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// A trial is a show in virtual time, with the handler in place of the binary.
type trial struct {
	*show
	environment map[string]string // replaces the template's
	missing     string            // of the log: the first line with this text
	then        func(*show)       // a defect, after the first sweep
}

// play returns what the show prints.
func (p *trial) play(t *testing.T, seed uint64) (output string, err error) {
	template := harness.Read(t, "template.yaml")
	harness.Bubble(t, func(t *testing.T) {
		var out strings.Builder
		p.show = &show{scene: newScene(seed), out: &out, released: map[string]eni.Reason{}, runs: map[eni.Trigger]int{}}
		ctx, stop := context.WithCancel(t.Context())
		err = p.show.play(ctx, seed, template, func() (func(), error) { return p.start() })
		stop()
		synctest.Wait()
		output = out.String()
	})
	return output, err
}

func (p *trial) start() (stop func(), err error) {
	for name, value := range p.environment {
		p.stack.Environment[name] = value
	}
	p.stack.Environment["AWS_LAMBDA_FUNCTION_NAME"] = "release"
	h, err := handler.New(handler.Config{
		Environment: p.stack.Environment,
		AWS:         harness.Client(accessKey, p.Transport()),
		Log:         slog.New(slog.NewJSONHandler(p, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr})),
		Metrics:     p, Shuffle: rand.Shuffle,
	})
	if err != nil {
		return nil, err
	}
	p.function = func(ctx context.Context, payload []byte) ([]byte, error) {
		answer, err := h.Invoke(ctx, payload)
		if p.then != nil {
			p.Do(func() { p.then(p.show) })
			p.then = nil
		}
		return answer, err
	}
	return func() {}, nil
}

// Write passes the log on.
func (p *trial) Write(line []byte) (int, error) {
	if p.missing != "" && bytes.Contains(line, []byte(p.missing)) {
		p.missing = ""
		return len(line), nil
	}
	return p.show.Write(line)
}

// deleteProtected deletes the interface with a description, as the function.
func deleteProtected(what string) func(*show) {
	return func(s *show) {
		for id, is := range s.protected {
			if is == what {
				_, _ = s.Front.Call("ec2", "DeleteNetworkInterface", accessKey, url.Values{"NetworkInterfaceId": {id}})
			}
		}
	}
}

func TestTheDemoPasses(t *testing.T) {
	for seed := range uint64(20) {
		output, err := (&trial{}).play(t, seed+1)
		if err != nil || !strings.Contains(output, "\nPASS: all 30 leaked ENIs deleted, nothing else. 4 more are leaked but protected.\n") {
			t.Errorf("seed %d: %v\n%s", seed+1, err, output)
		}
		expectPlain(t, output)
	}
}

func TestTheDemoFails(t *testing.T) {
	for name, c := range map[string]struct {
		trial
		want string
	}{
		"a leaked interface stays":        {trial{environment: map[string]string{"CLUSTER_NAMES": "blue"}}, "\n  leaked, but not deleted: eni-"},
		"nothing is deleted":              {trial{environment: map[string]string{"DRY_RUN": "true"}}, "\nFAIL: 0 ENIs deleted"},
		"one with an Elastic IP goes":     {trial{then: deleteProtected("with an Elastic IP")}, " with an Elastic IP\n"},
		"one of another plugin goes":      {trial{then: deleteProtected("of another network plugin")}, "\n  deleted, but needed: eni-"},
		"one that a tag protects goes":    {trial{then: deleteProtected("leaked, with a tag to keep it")}, "\n  deleted, but needed: eni-"},
		"a deletion is not in the log":    {trial{missing: `"message":"released"`}, "\n  deleted, but not logged: eni-"},
		"the log has one that was not so": {trial{then: func(s *show) { s.released["eni-0"] = eni.OwnerGone }}, "\n  logged, but not deleted: eni-0"},
		"another call": {trial{then: func(s *show) {
			_, _ = s.Front.Call("ec2", "CreateNetworkInterface", accessKey, url.Values{"SubnetId": {s.subnets[0]}})
		}}, "\n  called: CreateNetworkInterface"},
	} {
		output, err := c.play(t, 1)
		if !errors.Is(err, errFailed) || !strings.Contains(output, "\nFAIL: ") || !strings.Contains(output, c.want) {
			t.Errorf("%s: %v\n%s", name, err, output)
		}
		expectPlain(t, output)
	}
}

// expectPlain wants 80 columns, and no escape codes.
func expectPlain(t *testing.T, output string) {
	t.Helper()
	for line := range strings.Lines(output) {
		if utf8.RuneCountInString(line) > 81 || strings.Contains(line, "\x1b") {
			t.Errorf("%q", line)
		}
	}
}
