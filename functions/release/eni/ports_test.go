package eni

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errPort = errors.New("no answer")

// outside is a script for the ports: what they return, and how they were called. Package
// handler tests the run with the real adapters on a real wire.
type outside struct {
	rule       Rule
	interfaces []Interface
	inSubnets  []Interface // the listing by subnets, where it differs
	instances  map[string]Instance
	subnets    []string
	answer     func(n int, id string) error // to the n-th delete; nil: all succeed
	fail       string                       // the port that fails
	slow       time.Duration                // of each delete
	slowRead   time.Duration                // of the instances
	took       time.Duration                // set by run
	vanished   func(id string) bool         // no longer listed; nil: none

	called  []string
	deleted []string
}

// leaks returns an outside with interfaces of a terminated owner, 10 addresses each.
func leaks(count int) *outside {
	o := &outside{rule: rule, instances: visible(map[string]State{dead: Terminated})}
	for n := range count {
		i := leaked()
		i.ID = fmt.Sprintf("eni-%d", n)
		o.interfaces = append(o.interfaces, i)
	}
	return o
}

func (o *outside) call(port string, values ...string) error {
	o.called = append(o.called, strings.TrimSpace(port+" "+strings.Join(values, ",")))
	if o.fail == port {
		return errPort
	}
	return nil
}

func (o *outside) Available(context.Context) ([]Interface, error) {
	return o.interfaces, o.call("all")
}

func (o *outside) AvailableInVPCs(_ context.Context, vpcs []string) ([]Interface, error) {
	return o.interfaces, o.call("vpcs", vpcs...)
}

func (o *outside) AvailableInSubnets(_ context.Context, subnets []string) ([]Interface, error) {
	if o.inSubnets != nil {
		return o.inSubnets, o.call("subnets", subnets...)
	}
	return o.interfaces, o.call("subnets", subnets...)
}

func (o *outside) OfInstances(_ context.Context, instances []string) ([]Interface, error) {
	return o.interfaces, o.call("instances", instances...)
}

func (o *outside) Existing(_ context.Context, ids []string) (map[string]bool, error) {
	existing := map[string]bool{}
	for _, id := range ids {
		existing[id] = o.vanished == nil || !o.vanished(id)
	}
	return existing, o.call("existing")
}

func (o *outside) Visible(ctx context.Context, instances []string) (map[string]Instance, error) {
	select {
	case <-time.After(o.slowRead):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return o.instances, o.call("states", instances...)
}

func (o *outside) FreeAddresses(_ context.Context, subnets []string) (map[string]int, error) {
	return map[string]int{"subnet-12345678": 3}, o.call("free", subnets...)
}

func (o *outside) Subnets(_ context.Context, groups []string) ([]string, error) {
	return o.subnets, o.call("groups", groups...)
}

func (o *outside) Delete(ctx context.Context, id string, limiter Limiter) (requestID string, err error) {
	if err := limiter.Wait(ctx); err != nil {
		return "", err
	}
	time.Sleep(o.slow)
	o.deleted = append(o.deleted, id)
	if o.answer != nil {
		err = o.answer(len(o.deleted), id)
	}
	return "request-" + id, err
}

var sweep = Job{Trigger: Manual, Scope: Scope{Sweep: true}}

// run runs a job in virtual time, from now on, with a minute until the deadline.
func run(t *testing.T, o *outside, job Job) (report Report, log string, err error) {
	t.Helper()
	var lines bytes.Buffer
	seed := rand.Uint64()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		releaser := Releaser{
			Interfaces: o, Instances: o, Subnets: o, Groups: o, Deleter: o,
			Rule: o.rule, Region: "eu-west-1", DeletesPerMinute: 60, NewLimiter: newLimiter,
			Log:     slog.New(slog.NewJSONHandler(&lines, nil)).With("seed", seed),
			Shuffle: rand.New(rand.NewPCG(seed, 0)).Shuffle,
		}
		begun := time.Now()
		report, err = releaser.Run(ctx, job)
		o.took = time.Since(begun)
	})
	return report, lines.String(), err
}
