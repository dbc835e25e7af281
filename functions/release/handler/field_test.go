package handler_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// Inputs from public reports, documentation and recorded answers that an earlier version got wrong.
// Each test stands for a kind.

// Events as people paste them, directly and through the queue: what decides nothing may hold
// anything, and a hint that is lost costs only itself, with a warning.
func TestFieldEvents(t *testing.T) {
	for name, warned := range map[string]bool{"event-with-placeholder-time": false, "event-with-details-as-text": true, "event-with-details-null": true} {
		event := harness.Must(os.ReadFile("testdata/field/" + name + ".json"))(t)
		var named struct {
			Detail struct{ EC2InstanceID string }
		}
		harness.OK(t, json.Unmarshal(event, &named))
		batch := harness.Must(json.Marshal(map[string]any{"Records": []any{
			map[string]any{"messageId": "1", "eventSource": "aws:sqs", "body": string(event)},
		}}))(t)
		for _, payload := range [][]byte{event, batch} {
			harness.Test(t, func(f *harness.Function) {
				id := f.AddLeak(f.Subnets[0], f.AddInstance(named.Detail.EC2InstanceID, "terminated"))
				if answer, err := f.Invoke(string(payload)); err != nil || strings.Contains(answer, "itemIdentifier") {
					f.Errorf("%s: %s, %v", name, answer, err)
				}
				f.ExpectDeleted(id)
				if got := strings.Contains(f.Stdout.String(), `"level":"WARN","message":"field of the event unreadable, ignored"`); got != warned {
					f.Errorf("%s: warned: %v", name, got)
				}
			})
		}
	}
}

// Anything behind the closing brace refuses a manual payload.
func TestFieldNothingFollowsTheClosingBrace(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.AddScaleIn()
		for _, payload := range []string{`{}}`, `{"dryRun":false}]`} {
			if answer, err := f.Invoke(payload); err == nil || !strings.Contains(err.Error(), "something follows its closing brace") {
				f.Errorf("%s: %s, %v", payload, answer, err)
			}
		}
		f.ExpectDeleted()
	})
}

// A reservation without instances is half an answer: its instances must not read as not visible.
func TestFieldAReservationWithoutInstances(t *testing.T) {
	const half = `<DescribeInstancesResponse><reservationSet><item><reservationId>r-1</reservationId></item></reservationSet></DescribeInstancesResponse>`
	harness.Test(t, func(f *harness.Function) {
		f.AddScaleIn()
		intercept(f, "DescribeInstances", func(answer *http.Response) { answer.Body = io.NopCloser(strings.NewReader(half)) })
		if answer, err := f.Invoke(f.Sample("schedule")); err == nil || !strings.Contains(err.Error(), "without the instances of a reservation") {
			f.Errorf("%s, %v", answer, err)
		}
		f.ExpectDeleted()
	})
}

// intercept does something with each answer to the function's calls of an action.
func intercept(f *harness.Function, action string, do func(*http.Response)) {
	transport := f.Transport()
	f.AWS.HTTPClient = &http.Client{Transport: harness.RoundTrip(func(in *http.Request) (*http.Response, error) {
		body := harness.Must(io.ReadAll(in.Body))(f)
		in.Body = io.NopCloser(bytes.NewReader(body))
		answer, err := transport.RoundTrip(in)
		if err == nil && bytes.Contains(body, []byte("Action="+action)) {
			do(answer)
		}
		return answer, err
	})}
	f.Start(nil)
}

// Opt-out keys are compared without case, as IAM compares them in the role: kept, and no run fails.
func TestFieldOptOutKeysInOtherLetters(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		f.AssumeRole(nil)
		for key, value := range map[string]string{"Network-Interface-Releaser/Keep": "x", "Node.k8s.amazonaws.com/NO_MANAGE": "true"} {
			i := f.Leak(f.Subnets[0], f.AddInstance(harness.InstanceID(len(key)), "terminated"), time.Hour)
			i.Tags[key] = value
			f.AddInterface(i)
		}
		if report := f.Report(f.Sample("schedule")); report.Kept[eni.OptedOut] != 2 || report.Failed != 0 {
			f.Errorf("%+v", report)
		}
		f.ExpectDeleted()
	})
}

// A clock that lost its date gives no age: nothing is released by it.
func TestFieldAClockThatLostItsDate(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		running := f.AddInstance(harness.InstanceID(1), "running")
		time.Sleep(48 * time.Hour)
		for _, owner := range []string{running, harness.InstanceID(2)} {
			i := f.Leak(f.Subnets[0], owner, 0)
			i.Tags[cni.TagCreatedAt] = "1970-01-01T00:00:00Z"
			f.AddInterface(i)
		}
		if report := f.Report(f.Sample("manual")); report.Kept[eni.OwnerAlive] != 1 || report.Kept[eni.AgeUnreadable] != 1 || report.Interfaces[0].Age != nil {
			f.Errorf("%+v", report)
		}
	})
}

// A delete of what another cleaner has deleted since the listing is `gone`, whether EC2 checks the
// permission or the existence first.
func TestFieldGoneMayAnswer403(t *testing.T) {
	for _, permissionFirst := range []bool{false, true} {
		for _, leaks := range []int{1, 12} {
			harness.TestWith(t, simulator.Options{PermissionFirst: permissionFirst}, func(f *harness.Function) {
				f.AssumeRole(nil)
				owner := f.AddInstance(harness.InstanceID(1), "terminated")
				for range leaks {
					f.AddLeak(f.Subnets[0], owner)
				}
				intercept(f, "DescribeInstances", func(*http.Response) { // another cleaner is faster
					for _, i := range f.Interfaces() {
						f.Do(func() {
							_, _ = f.Front.Call("ec2", "DeleteNetworkInterface", "cron", url.Values{"NetworkInterfaceId": {i.ID}})
						})
					}
				})
				if report := f.Report(f.Sample("schedule")); report.Gone != leaks || report.Failed != 0 {
					f.Errorf("permission first: %v: %+v", permissionFirst, report)
				}
			})
		}
	}
}

// Beside a resource controller that deletes the same interfaces at 24 calls a second, no run fails for the
// throttles, nor takes a permission for missing where the role's first ten answers are 403s for what is gone.
func TestFieldBesideAResourceController(t *testing.T) {
	for leaks, code := range map[int]string{100: "UnauthorizedOperation", 600: "RequestLimitExceeded"} {
		harness.TestWith(t, simulator.Options{PermissionFirst: true}, func(f *harness.Function) {
			f.AssumeRole(nil)
			f.Do(func() {
				for n := range leaks {
					leak := f.Leak(f.Subnets[n%2], harness.InstanceID(n), time.Hour)
					leak.Tags[cni.TagCluster], leak.Tags[cni.TagOwner] = "blue", "amazon-vpc-cni"
					f.EC2.AddInterface(leak)
				}
				f.Cleaners.AddResourceController("blue")
			})
			for f.CountCalls("Delete") == 0 {
				time.Sleep(time.Second)
			}
			f.Inject("DescribeSubnets", 1, api.Fault{Latency: 5 * time.Second}) // between listing and deletes
			for range 10 {
				if answer, err := f.Invoke(`{"dryRun":false}`); err != nil {
					f.Errorf("%s, %v", answer, err)
				}
				time.Sleep(10 * time.Second)
			}
			met := map[string]int{}
			for _, call := range f.Calls() {
				if call.Caller == harness.AccessKey {
					met[call.Code]++
				}
			}
			if left := len(f.Interfaces()); left > 0 || met[code] < 3 {
				f.Errorf("%d of %d left; met %v", left, leaks, met)
			}
		})
	}
}

// A node that runs for an hour each day has its leak released half an hour after a start.
func TestFieldANodeThatIsStoppedEachNight(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		node := f.AddInstance(harness.InstanceID(1), "stopped")
		id := f.AddInterface(f.Leak(f.Subnets[0], node, 7*24*time.Hour))
		expect := func(wait time.Duration, deleted ...string) {
			time.Sleep(wait)
			f.Report(f.Sample("schedule"))
			f.ExpectDeleted(deleted...)
		}
		expect(0)
		f.Do(func() {
			f.EC2.UpdateInstance(node, func(i *ec2.Instance) { i.State, i.LaunchedAt = "running", f.Loop.Now() })
		})
		expect(0)
		expect(30*time.Minute - time.Second)
		expect(time.Second, id)
	})
}

// A read that hangs once costs a retry, and not the run.
func TestFieldAReadThatHangsOnce(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		leaks := f.AddScaleIn()
		f.Inject("DescribeInstances", 1, api.Fault{Latency: time.Hour})
		begun := time.Now()
		f.Report(f.Sample("schedule"))
		if took := time.Since(begun); took > 20*time.Second {
			f.Errorf("it took %v", took)
		}
		f.ExpectDeleted(leaks(31)...)
	})
}

// No quota outlives a run: with an interface whose delete answers 500 for hours, and one read in 40
// that fails once, a warm process completes every sweep.
func TestFieldAWarmProcessForHours(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		undeletable := f.AddLeak(f.Subnets[0], f.AddInstance(harness.InstanceID(1), "terminated"))
		reads := 0
		f.OnCall(func(c api.Call) api.Fault {
			if strings.HasPrefix(c.Action, "Describe") {
				reads++
			}
			if c.Form.Get("NetworkInterfaceId") == undeletable || strings.HasPrefix(c.Action, "Describe") && reads%40 == 0 {
				return api.Fault{Code: "InternalError", Status: 500}
			}
			return api.Fault{}
		})
		for n := range 400 {
			if report := f.Report(f.Sample("schedule")); report.Failed != 1 {
				f.Fatalf("sweep %d: %+v", n, report)
			}
			time.Sleep(time.Minute)
		}
	})
}

// What ReleaseUntagged rests on: every listing has an instance within a minute of its launch, and
// an older CNI, which tags after the attach, creates nothing sooner. Without that minute its new
// interface would read as one without an owner.
func TestReleaseUntaggedWithListingsThatAreMinutesOld(t *testing.T) {
	for age, kept := range map[time.Duration]bool{61 * time.Second: true, 30 * time.Second: false} {
		harness.Test(t, func(f *harness.Function) {
			f.Start(map[string]string{"ReleaseUntagged": "true"})
			owner := f.AddInstance(harness.InstanceID(1), "running")
			time.Sleep(age)
			id := f.AddInterface(ec2.Interface{Subnet: f.Subnets[0], Description: eni.DescriptionPrefix + owner})
			f.Inject("DescribeInstances", 1, api.Fault{Stale: 5 * time.Minute})
			if _, err := f.Invoke(f.Sample("schedule")); err != nil {
				f.Error(err)
			}
			if kept {
				f.ExpectDeleted()
			} else {
				f.ExpectDeleted(id)
			}
		})
	}
}
