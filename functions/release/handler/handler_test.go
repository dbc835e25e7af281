package handler_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// Each sample, run on the same region: its deletes and its answer.
func TestEachSampleRuns(t *testing.T) {
	for _, sample := range events.Samples {
		t.Run(sample.Name, func(t *testing.T) {
			harness.Test(t, func(f *harness.Function) {
				leaks := f.AddScaleIn()
				answer, err := f.Invoke(f.Sample(sample.Name))
				if (err == nil) != (sample.Answer != "") || !strings.Contains(answer, sample.Answer) {
					f.Errorf("%v, %s\nwant %s", err, answer, sample.Answer)
				}
				if listed := strings.Contains(answer, `"interfaces":[`); listed != strings.HasPrefix(sample.Name, "manual") {
					f.Errorf("the answer lists its interfaces: %v", listed)
				}
				f.ExpectDeleted(leaks(sample.Deletes)...)
				log := f.Stdout.String()
				if invalid := strings.Count(log, `"level":"ERROR","message":"invalid message, returned to the queue"`); invalid != len(sample.Failures) {
					f.Errorf("%d invalid messages are logged", invalid)
				}
				if strings.Contains(log, "CloudWatchMetrics") {
					f.Error("metrics are written that neither an alarm nor a dashboard reads")
				}
			})
		})
	}
}

// Lambda always sets a deadline. Without one a run has a minute.
func TestARunEndsWithoutADeadline(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		for range 60 {
			f.AddLeak(f.Subnets[0], harness.InstanceID(3))
		}
		f.Inject("DeleteNetworkInterface", 100, api.Fault{Latency: 3 * time.Second})
		start := time.Now()
		answer, err := f.Handler.Invoke(f.Context(), []byte(f.Sample("schedule")))
		if took := time.Since(start); err != nil || !strings.Contains(string(answer), `"deferred":4`) || took < 50*time.Second || took > time.Minute {
			f.Errorf("%v, %s after %v", err, answer, took)
		}
	})
}

// A sweep that finds nothing, the usual case, makes one call.
func TestAnIdleSweepMakesOneCall(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.Report(f.Sample("schedule"))
		if calls := f.Calls(); len(calls) != 1 {
			f.Errorf("%d calls", len(calls))
		}
	})
}

// An invalid input makes no call.
func TestInvalidInputsMakeNoCall(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.AddScaleIn()
		for _, payload := range []string{"", "null", "[]", "{", `{"dryRun":null}`, `{"subnetIds":[]}`, `{"region":"eu-west-1"}`, `{"Records":[]}`, f.Sample("invalid-field")} {
			if answer, err := f.Invoke(payload); err == nil || !strings.Contains(err.Error(), "nothing was done") || fmt.Sprintf("%T", err) != "handler.InputError" {
				f.Errorf("%s: %s, %T %v", payload, answer, err, err)
			}
		}
		if logged := strings.Count(f.Stdout.String(), `"level":"ERROR","message":"invalid input"`); logged != 9 {
			f.Errorf("%d invalid inputs are logged", logged)
		}
		if log := f.Stdout.String(); len(f.Calls()) != 0 || strings.Contains(log, "my-asg") || strings.Contains(log, "apne1") {
			f.Errorf("%d calls, or the log holds the event", len(f.Calls()))
		}
	})
}

// The parameter DryRun makes every run dry.
func TestTheParameterDryRun(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.AddScaleIn()
		f.Start(map[string]string{"DryRun": "true"})
		for _, name := range []string{"schedule", "terminate", "batch", "manual-release"} {
			if _, err := f.Invoke(f.Sample(name)); err != nil {
				f.Error(err)
			}
		}
		f.ExpectDeleted()
		if f.CountCalls("Delete") != 0 {
			f.Error("a dry run called DeleteNetworkInterface")
		}
	})
}

// Under the SAM CLI no sample of an AWS event deletes; only a manual payload can.
func TestOnlyAManualRunDeletesLocally(t *testing.T) {
	for _, sample := range events.Samples {
		if sample.Refused != "" {
			continue
		}
		harness.Test(t, func(f *harness.Function) {
			leaks := f.AddScaleIn()
			f.StartWith(map[string]string{"AWS_SAM_LOCAL": "true"})
			if _, err := f.Invoke(f.Sample(sample.Name)); err != nil {
				f.Error(err)
			}
			if sample.Name == "manual-release" {
				f.ExpectDeleted(leaks(sample.Deletes)...)
			} else if f.CountCalls("Delete") != 0 {
				f.Errorf("%s deletes", sample.Name)
			}
		})
	}
}

// mistakes are an operator's mistakes around the function, each with a part of its error.
var mistakes = map[string]struct {
	change func(*harness.Function)
	want   string
}{
	"no credentials": {func(f *harness.Function) {
		f.AWS.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no credentials were found")
		})
	}, "no credentials were found"},
	"revoked credentials":   {func(f *harness.Function) { f.Inject("DescribeNetworkInterfaces", 100, api.Fault{Code: "AuthFailure"}) }, "AuthFailure"},
	"no permission to read": {allowOnly("ec2:DeleteNetworkInterface"), "UnauthorizedOperation"},
	"no permission to delete": {func(f *harness.Function) {
		allowOnly("ec2:Describe*")(f)
		for range 10 {
			f.AddLeak(f.Subnets[0], harness.InstanceID(3))
		}
	}, "the permission ec2:DeleteNetworkInterface is missing"},
	"EC2 unreachable": {func(f *harness.Function) {
		f.AWS.HTTPClient = &http.Client{Transport: harness.RoundTrip(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("dial tcp: connection refused")
		})}
	}, "connection refused"},
	"EC2 hangs": {func(f *harness.Function) { f.Inject("DescribeNetworkInterfaces", 100, api.Fault{Latency: time.Hour}) }, "no answer within 15s"},
	"EC2 fails": {func(f *harness.Function) {
		f.Inject("DescribeInstances", 100, api.Fault{Code: "InternalError", Status: 500})
	}, "nothing was deleted: a call that reads evidence failed"},
}

// Each mistake gets an error that names its cause, and releases nothing.
func TestMistakesAroundTheFunction(t *testing.T) {
	for name, mistake := range mistakes {
		t.Run(name, func(t *testing.T) {
			harness.Test(t, func(f *harness.Function) {
				f.AddScaleIn()
				mistake.change(f)
				f.Start(nil)
				start := time.Now()
				answer, err := f.Invoke(`{"dryRun":false}`)
				if err == nil || !strings.Contains(err.Error(), mistake.want) || fmt.Sprintf("%T", err) != "handler.RunError" {
					f.Errorf("%T %v, %s; want an error with %q", err, err, answer, mistake.want)
				}
				if took := time.Since(start); took >= time.Minute || !strings.Contains(f.Stdout.String(), `"level":"ERROR","message":"run failed"`) {
					f.Errorf("after %v, no line of totals, or Lambda had ended the run", took)
				}
				if _, counted := lines(f, "run failed")[0]["found"]; counted != (name == "no permission to delete") {
					f.Errorf("counts of what was not read, or none of what was: %v", counted)
				}
				f.ExpectDeleted()
			})
		})
	}
}

func allowOnly(action string) func(*harness.Function) {
	policy := iam.Policy{Statement: []iam.Statement{{Effect: "Allow", Action: iam.Strings{action}, Resource: iam.Strings{"*"}}}}
	return func(f *harness.Function) { f.Do(func() { f.Front.Allow(harness.AccessKey, policy) }) }
}

// Calls that hang cost a retry, or only themselves where they are optional reads or deletes, a throttle
// code that the SDK lacks is retried and classified, and a run without time to delete defers everything.
func TestFaultsThatARunSurvives(t *testing.T) {
	hang := api.Fault{Latency: time.Hour}
	for _, c := range []struct {
		sample, action string
		calls          int
		fault          api.Fault
		timeout        time.Duration
		answer         string
		deletes        int // that EC2 answered
		within         time.Duration
	}{
		{"terminate", "DescribeAutoScalingGroups", 100, hang, time.Minute, `"released":3`, 3, 12 * time.Second}, // in the event's own subnet, too
		{"schedule", "DescribeSubnets", 100, hang, time.Minute, `"addressesReleased":50,"freeAddresses":{}`, 5, 20 * time.Second},
		{"schedule", "DescribeInstances", 2, hang, time.Minute, `"released":5`, 5, 40 * time.Second},
		{"schedule", "DeleteNetworkInterface", 2, hang, time.Minute, `"released":5`, 5, 20 * time.Second},
		{"schedule", "DeleteNetworkInterface", 3, hang, time.Minute, `"released":4,"gone":0,"deferred":0,"failed":1`, 4, 20 * time.Second},
		{"schedule", "DeleteNetworkInterface", 3, api.Fault{Code: "RateExceeded"}, time.Minute, `"released":0,"gone":0,"deferred":5`, 3, 20 * time.Second},
		{"schedule", "", 0, api.Fault{}, 3 * time.Second, `"released":0,"gone":0,"deferred":5`, 0, time.Second},
	} {
		harness.Test(t, func(f *harness.Function) {
			f.AddScaleIn()
			f.Inject(c.action, c.calls, c.fault)
			start := time.Now()
			answer, err := f.InvokeFor(c.timeout, f.Sample(c.sample))
			took, deletes := time.Since(start), f.CountCalls("Delete")
			if err != nil || !strings.Contains(answer, c.answer) || deletes != c.deletes || took > c.within {
				f.Errorf("%s: %v, %s, %d deletes, in %v; want %s, %d, in %v", c.action, err, answer, deletes, took, c.answer, c.deletes, c.within)
			}
			if c.action == "DescribeSubnets" && strings.Contains(f.Stdout.String(), `"free":`) {
				f.Error("free addresses are logged that were not read")
			}
		})
	}
}

// A run's delete budget goes to the interfaces of the event's instance first.
func TestTheEventsInterfacesComeFirst(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		named, other := f.AddInstance(events.Instance, "terminated"), f.AddInstance(harness.InstanceID(3), "terminated")
		for range 70 {
			f.AddLeak(f.Subnets[0], named)
			f.AddLeak(f.Subnets[0], other)
		}
		if _, err := f.Invoke(f.Sample("terminate")); err != nil {
			f.Fatal(err)
		}
		if deletes := f.CountCalls("Delete"); deletes != 60 || len(lines(f, "released")) != 60 || strings.Contains(f.Stdout.String(), other) {
			f.Errorf("%d deletes, %d audit lines, want 60 of %s", deletes, len(lines(f, "released")), named)
		}
	})
}
