package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// scaleIn puts the world of the samples on the stage: two terminated nodes with
// interfaces of their own in both subnets, and another dead node's in each.
func (s *stage) scaleIn() (own, second []string, near, far string) {
	s.instance(events.Instance, "terminated")
	s.instance(events.OtherInstance, "terminated")
	s.instance(instanceID(3), "terminated")
	s.instance(instanceID(4), "running")
	s.world.AddGroup(simulator.Group{Name: "my-asg", Subnets: []string{s.subnets[0]}})
	own = []string{s.leak(s.subnets[0], events.Instance), s.leak(s.subnets[1], events.Instance)}
	second = []string{s.leak(s.subnets[1], events.OtherInstance)}
	near, far = s.leak(s.subnets[0], instanceID(3)), s.leak(s.subnets[1], instanceID(3))
	s.leak(s.subnets[0], instanceID(4)) // a living node's: always kept
	return own, second, near, far
}

// scaleInIDs is scaleIn, with the interfaces of each part.
func (s *stage) scaleInIDs() func(parts events.Interfaces) []string {
	ownIDs, secondIDs, nearID, farID := s.scaleIn()
	byPart := map[events.Interfaces][]string{events.Own: ownIDs, events.Second: secondIDs, events.Near: {nearID}, events.Far: {farID}}
	return func(parts events.Interfaces) (ids []string) {
		for part, its := range byPart {
			if parts&part != 0 {
				ids = append(ids, its...)
			}
		}
		return ids
	}
}

// Each sample, run on the same world: what it deletes and what it answers.
func TestEachSampleRuns(t *testing.T) {
	for _, sample := range events.Samples {
		t.Run(sample.Name, func(t *testing.T) {
			onStage(t, func(s *stage) {
				deletable := s.scaleInIDs()
				answer, err := s.invoke(s.sample(sample.Name))
				if (err == nil) != (sample.Answer != "") || !strings.Contains(answer, sample.Answer) {
					s.Errorf("%v, %s\nwant %s", err, answer, sample.Answer)
				}
				if listed := strings.Contains(answer, `"interfaces":[`); listed != strings.HasPrefix(sample.Name, "hand") {
					s.Errorf("the answer lists its interfaces: %v", listed)
				}
				s.expectDeleted(deletable(sample.Deletes)...)
			})
		})
	}
}

// A sweep that finds nothing, the usual case, makes one call.
func TestAnIdleSweepMakesOneCall(t *testing.T) {
	onStage(t, func(s *stage) {
		s.report(s.sample("schedule"))
		if calls := s.world.Calls(); len(calls) != 1 {
			s.Errorf("%d calls", len(calls))
		}
	})
}

// An input that is refused makes no call at all.
func TestWrongInputsMakeNoCall(t *testing.T) {
	onStage(t, func(s *stage) {
		s.scaleIn()
		for _, payload := range []string{"", "null", "[]", "{", `{"dryRun":null}`, `{"subnetIds":[]}`, `{"region":"eu-west-1"}`, `{"Records":[]}`, s.sample("not-understood-state-change")} {
			if answer, err := s.invoke(payload); err == nil || !strings.Contains(err.Error(), "nothing was done") {
				s.Errorf("%s: %s, %v", payload, answer, err)
			}
		}
		if calls := s.world.Calls(); len(calls) != 0 {
			s.Errorf("%d calls", len(calls))
		}
		if strings.Contains(s.log.String(), "my-asg") || strings.Contains(s.log.String(), "apne1") {
			s.Error("the log holds the event")
		}
	})
}

// The parameter DryRun makes every run dry.
func TestTheParameterDryRun(t *testing.T) {
	onStage(t, func(s *stage) {
		s.scaleIn()
		s.deploy(map[string]string{"DryRun": "true"})
		for _, name := range []string{"schedule", "terminate", "batch", "hand-release"} {
			if _, err := s.invoke(s.sample(name)); err != nil {
				s.Error(err)
			}
		}
		s.expectDeleted()
		if s.calls("Delete") != 0 {
			s.Error("a dry run called DeleteNetworkInterface")
		}
	})
}

// What an operator can get wrong around the function: each gets an error that
// says what to do, and releases nothing.
func TestMistakesAroundTheFunction(t *testing.T) {
	const sweep = `{"dryRun":false}`
	for name, c := range map[string]struct {
		bend func(*stage)
		want string
	}{
		"no credentials": {func(s *stage) {
			s.config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, errors.New("no credentials were found")
			})
		}, "no credentials were found"},
		"revoked credentials": {func(s *stage) { s.world.RevokeKey(functionKey) }, "AuthFailure"},
		"no permission to read": {func(s *stage) {
			s.world.Allow(functionKey, allowing("ec2:DeleteNetworkInterface"))
		}, "UnauthorizedOperation"},
		"no permission to delete": {func(s *stage) {
			s.world.Allow(functionKey, allowing("ec2:Describe*"))
		}, "the permission ec2:DeleteNetworkInterface is missing"},
		"EC2 unreachable": {func(s *stage) {
			s.config.HTTPClient = &http.Client{Transport: refused{}}
		}, "connection refused"},
		"EC2 hangs": {func(s *stage) {
			s.world.Inject("DescribeNetworkInterfaces", 100, simulator.Fault{Latency: time.Hour})
		}, "deadline exceeded"},
		"EC2 fails": {func(s *stage) {
			s.world.Inject("DescribeInstances", 100, simulator.Fault{Code: "InternalError", Status: 500})
		}, "not all evidence could be read"},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(s *stage) {
				s.scaleIn()
				c.bend(s)
				s.deploy(nil)
				start := time.Now()
				answer, err := s.invoke(sweep)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					s.Errorf("%v, %s; want an error with %q", err, answer, c.want)
				}
				if took := time.Since(start); took >= time.Minute {
					s.Errorf("it took %v: Lambda had ended it", took)
				}
				if !strings.Contains(s.log.String(), "the run failed") {
					s.Error("no line of totals")
				}
				s.expectDeleted()
			})
		})
	}
}

func allowing(action string) simulator.Policy {
	return simulator.Policy{Statement: []simulator.Statement{{Effect: "Allow", Action: simulator.Strings{action}, Resource: simulator.Strings{"*"}}}}
}

// refused is a network without EC2.
type refused struct{}

func (refused) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("dial tcp: connection refused")
}

// With a deadline of 3 s no delete may start: everything is deferred, and it says so.
func TestADeadlineOfThreeSeconds(t *testing.T) {
	onStage(t, func(s *stage) {
		s.scaleIn()
		answer, err := s.invokeFor(3*time.Second, s.sample("schedule"))
		if err != nil || !strings.Contains(answer, `"released":0,"gone":0,"deferred":5`) || !strings.Contains(s.log.String(), "less than 5 seconds away") {
			s.Errorf("%v, %s", err, answer)
		}
		s.expectDeleted()
	})
}

// A thousand events of one scale-in: one run, at most 25 reads, and the run's
// share of deletes goes to the interfaces that were told.
func TestAThousandEvents(t *testing.T) {
	onStage(t, func(s *stage) {
		records := []map[string]any{}
		for n := range 1000 {
			id, group := s.instance(instanceID(n), "terminated"), fmt.Sprintf("group-%d", n%300)
			if n < 300 {
				s.world.AddGroup(simulator.Group{Name: group, Subnets: s.subnets[:]})
			}
			if n%4 == 0 {
				s.leak(s.subnets[n%2], id)
			}
			event := strings.NewReplacer(events.Instance, id, "my-asg", group).Replace(s.sample("terminate"))
			records = append(records, map[string]any{"messageId": fmt.Sprint(n), "eventSource": "aws:sqs", "body": event})
		}
		s.instance(instanceID(5000), "terminated")
		for range 50 {
			s.leak(s.subnets[0], instanceID(5000))
		}
		batch, err := json.Marshal(map[string]any{"Records": records})
		if err != nil {
			s.Fatal(err)
		}
		answer, err := s.invoke(string(batch))
		if err != nil || answer != `{"batchItemFailures":[]}` {
			s.Fatalf("%v, %s", err, answer)
		}
		if reads := s.calls("Describe"); reads > 25 {
			s.Errorf("%d reads", reads)
		} else {
			s.Logf("%d reads for 1,000 events of 300 groups", reads)
		}
		if s.calls("Delete") != 60 {
			s.Errorf("%d deletes, want the run's share of 60", s.calls("Delete"))
		}
		for _, call := range s.world.Calls() {
			if call.Action == "DeleteNetworkInterface" && !strings.Contains(s.log.String(), `"interface":"`+call.Form.Get("NetworkInterfaceId")) {
				s.Error("a delete without its audit line")
			}
		}
		if strings.Contains(s.log.String(), instanceID(5000)) {
			s.Error("an interface of another instance was released before those that were told")
		}
	})
}

// Consecutive sweeps drain a backlog at the pace, whatever fails on the way.
func TestABacklogDrains(t *testing.T) {
	onStageWith(t, simulator.Options{EmptyPages: 0.3}, func(s *stage) {
		s.instance(events.Instance, "terminated")
		for n := range 450 {
			s.leak(s.subnets[n%2], events.Instance)
		}
		s.world.Inject("DeleteNetworkInterface", 2, simulator.Fault{Code: "InternalError", Status: 500})
		var first eni.Report
		released, addresses := 0, 0
		for minute := 0; released < 450; minute++ {
			if minute > 9 {
				s.Fatalf("%d of 450 released after %d sweeps", released, minute)
			}
			next := time.Now().Add(time.Minute)
			report := s.report(s.sample("schedule"))
			if minute == 0 {
				first = report
			}
			released += report.Released
			addresses += report.AddressesReleased
			time.Sleep(time.Until(next))
		}
		if first.Found != 450 || addresses != 4500 || len(s.world.Interfaces()) != 0 {
			s.Errorf("found %d, %d addresses back, %d left", first.Found, addresses, len(s.world.Interfaces()))
		}
	})
}

// An Auto Scaling API that hangs costs its subnets, not the run.
func TestAutoScalingHangs(t *testing.T) {
	onStage(t, func(s *stage) {
		own, _, near, _ := s.scaleIn()
		s.world.Inject("DescribeAutoScalingGroups", 100, simulator.Fault{Latency: time.Hour})
		start := time.Now()
		if answer, err := s.invoke(s.sample("terminate")); err != nil {
			s.Errorf("%v, %s", err, answer)
		}
		if took := time.Since(start); took > 12*time.Second {
			s.Errorf("it took %v", took)
		}
		s.expectDeleted(append(own, near)...) // near, by the event's own subnet
	})
}

// Free addresses are no evidence: where EC2 hangs on them, the run goes on.
func TestDescribeSubnetsHangs(t *testing.T) {
	onStage(t, func(s *stage) {
		own, second, near, far := s.scaleIn()
		s.world.Inject("DescribeSubnets", 100, simulator.Fault{Latency: time.Hour})
		start := time.Now()
		if answer, err := s.invoke(s.sample("schedule")); err != nil || !strings.Contains(answer, `"freeAddresses":{}`) {
			s.Errorf("%v, %s", err, answer)
		}
		if took := time.Since(start); took > 20*time.Second {
			s.Errorf("it took %v", took)
		}
		s.expectDeleted(append(append(own, second...), near, far)...)
	})
}

// One delete that hangs fails alone.
func TestADeleteHangs(t *testing.T) {
	onStage(t, func(s *stage) {
		s.scaleIn()
		s.world.Inject("DeleteNetworkInterface", 1, simulator.Fault{Latency: time.Hour})
		answer, err := s.invoke(s.sample("schedule"))
		if err != nil || !strings.Contains(answer, `"released":4,"gone":0,"deferred":0,"failed":1`) {
			s.Errorf("%v, %s", err, answer)
		}
	})
}

// A throttle code that the SDK does not know by itself is retried and classed all the same.
func TestRateExceededIsAThrottle(t *testing.T) {
	onStage(t, func(s *stage) {
		s.scaleIn()
		s.world.Inject("DeleteNetworkInterface", 3, simulator.Fault{Code: "RateExceeded"})
		answer, err := s.invoke(s.sample("schedule"))
		if err != nil || !strings.Contains(answer, `"released":0,"gone":0,"deferred":5`) || s.calls("Delete") != 3 {
			s.Errorf("%v, %d deletes, %s", err, s.calls("Delete"), answer)
		}
	})
}

// Run until cut, anywhere: the end state is the same.
func TestACutRunCanBeRepeated(t *testing.T) {
	for cut := time.Duration(0); cut < 30*time.Second; cut += 1300 * time.Millisecond {
		onStage(t, func(s *stage) {
			own, second, near, far := s.scaleIn()
			s.world.OnCall(func(simulator.Call) simulator.Fault { return simulator.Fault{Latency: time.Second} })
			ctx, cancel := context.WithTimeout(s.Context(), cut)
			_, _ = s.handler.Invoke(ctx, []byte(s.sample("schedule")))
			cancel()
			if _, err := s.invoke(s.sample("schedule")); err != nil {
				s.Error(err)
			}
			s.expectDeleted(append(append(own, second...), near, far)...)
		})
	}
}
