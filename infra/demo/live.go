//go:build unix

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/sqs"
)

const (
	sweepEvery  = 3 * time.Minute
	compression = 15 // simulated seconds in one of ours
)

// A show is a scene with the function in it, and prints what happens.
type show struct {
	*scene
	out       io.Writer
	colour    bool
	stack     *simulator.Stack
	function  lambda.Invoke
	ended     chan error            // gets the end of a process of the function
	running   atomic.Int32          // invocations
	lost      int                   // events
	released  map[string]eni.Reason // interfaces by the function's log
	runs      map[eni.Trigger]int   // interfaces released, by the log's totals
	addresses int                   // the same
	last      string                // output of the function
}

// deploy puts the function to work as the template describes it, so that its first
// sweep comes soon after the past.
func (s *show) deploy(template []byte) error {
	t, err := cloudformation.Read(template)
	if err != nil {
		return err
	}
	resources, err := t.Deploy(map[string]string{"ScheduleExpression": fmt.Sprintf("rate(%.0f minutes)", sweepEvery.Minutes())})
	if err != nil {
		return err
	}
	s.advance(past + firstSweep - sweepEvery)
	s.Do(func() {
		if s.stack, err = simulator.Deploy(s.Region, resources, s.invoke); err == nil {
			s.stack.Start()
		}
	})
	s.advance(past)
	return cmp.Or(err, s.err)
}

// invoke runs the function, and counts it as running meanwhile.
func (s *show) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	s.running.Add(1)
	defer s.running.Add(-1)
	return s.function(ctx, payload)
}

// introduce prints what is to be seen.
func (s *show) introduce(seed uint64) {
	s.printf(`Two EKS clusters have run for %.0f hours (seed %d) and leaked ENIs: few addresses
are free. Now %d nodes go. Auto Scaling loses some events, Karpenter sends none.

The function is the real binary, and its stack is that of template.yaml: events
wait %.0f s and are batched. But sweeps come every %.0f minutes, not every minute, so
that events have work to do. 1 second here is %d simulated seconds, except while
the function runs.

%s
`, past.Hours(), seed, scaledIn+drained, s.stack.Queue.Delay.Seconds(), s.stack.Interval.Minutes(), compression,
		s.paint(bold, fmt.Sprintf("%-46s%18s%5s%5s%5s", "Time  What happens", "Free addresses in", "a", "b", "c")))
	s.line(plain, "Before the first sweep")
	s.at(past+scaleIn, func() { s.line(bold, "Scale-in: %d nodes by Auto Scaling, %d by Karpenter", scaledIn, drained) })
}

// live plays until the operator's dry run, and returns its report.
func (s *show) live(ctx context.Context) (dry eni.Report, err error) {
	go s.Run(ctx)
	for simulator.Look(s.Region, s.watch) {
		select {
		case <-ctx.Done():
			return dry, ctx.Err()
		case err := <-s.ended:
			time.Sleep(100 * time.Millisecond) // an interrupt ends it, too, and then ctx
			return dry, fmt.Errorf("%w; its last output: %s", err, simulator.Look(s.Region, func() string { return s.last }))
		case <-time.After(10 * time.Millisecond):
		}
		if s.running.Load() == 0 {
			s.Advance((compression - 1) * 10 * time.Millisecond)
		}
	}
	s.Do(func() { s.line(plain, "An operator lists what is left: a manual dry run") })
	answer, err := s.invoke(ctx, []byte(`{"dryRun": true}`))
	if err == nil {
		err = json.Unmarshal(answer, &dry)
	}
	return dry, err
}

// watch prints the nodes that have gone since the last call. It returns whether the show goes on.
func (s *show) watch() bool {
	s.leaving = slices.DeleteFunc(s.leaving, func(node string) bool {
		i, _ := s.EC2.Instance(node)
		switch {
		case slices.ContainsFunc(s.stack.Queue.Messages(), func(m sqs.Message) bool { return strings.Contains(m.Body, node) }):
			s.line(plain, "Auto Scaling terminated %s: event sent", node)
		case i.TerminatedAt.IsZero() || s.Loop.Now().Sub(i.TerminatedAt) < 3*time.Second: // an event takes up to two
			return false
		case i.Subnet == s.subnets[2]:
			s.line(plain, "Karpenter terminated %s: sends no event", node)
		default:
			s.line(bad, "Auto Scaling terminated %s: event lost", node)
			s.lost++
		}
		return true
	})
	return s.err == nil && s.elapsed() < past+inspection
}

// Write takes lines of the function's log. A process writes whole lines, and less than
// the 32 KB that are read from it at once. It is a door.
func (s *show) Write(text []byte) (int, error) {
	s.Do(func() {
		s.last = string(text)
		for line := range bytes.Lines(text) {
			s.read(line)
		}
	})
	return len(text), nil
}

// read takes a line of the log, and prints a run's totals.
func (s *show) read(line []byte) {
	var r struct {
		Message string
		eni.Report
		Interface string
		Reason    eni.Reason
	}
	_ = json.Unmarshal(line, &r) // other messages have other fields
	name := map[eni.Trigger]string{eni.Schedule: "Sweep", eni.Event: "Event run", eni.Manual: "Manual dry run"}[r.Trigger]
	switch {
	case r.Message == "released":
		s.released[r.Interface] = r.Reason
	case r.Message == "the run failed":
		s.line(bad, "%s: failed", name)
	case r.Message == "run completed" && r.DryRun:
		s.line(plain, "%s: would release %d of %d ENIs", name, r.Released, r.Found)
	case r.Message == "run completed":
		s.line(good, "%s: released %d of %d ENIs, %d addresses", name, r.Released, r.Found, r.AddressesReleased)
		s.runs[r.Trigger] += r.Released
		s.addresses += r.AddressesReleased
	}
}

// line prints one thing that happened, with the time and each subnet's free addresses.
func (s *show) line(colour, format string, values ...any) {
	at := time.Time{}.Add(s.elapsed() - past).Format("4:05")
	s.printf("%5s  %s", at, s.paint(colour, fmt.Sprintf("%-57s", fmt.Sprintf(format, values...))))
	for _, subnet := range s.subnets {
		s.printf("%5d", s.EC2.FreeAddresses(subnet))
	}
	s.printf("\n")
}

const plain, bold, bad, good = "", "1", "31", "32"

func (s *show) printf(format string, values ...any) {
	_, err := fmt.Fprintf(s.out, format, values...)
	s.err = cmp.Or(s.err, err)
}

func (s *show) paint(colour, text string) string {
	if s.colour && colour != plain {
		return "\x1b[" + colour + "m" + text + "\x1b[0m"
	}
	return text
}
