package ec2_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"golang.org/x/time/rate"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

const dead = "i-0123456789abcdef0"

// onWire runs a test with the SDK's real client on the simulator's wire, in virtual time.
func onWire(t *testing.T, options simulator.Options, test func(ctx context.Context, w *simulator.World, c ec2.Client)) {
	t.Helper()
	seed := rand.Uint64()
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(seed, 2)), options)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		test(ctx, w, ec2.New(config(w)))
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
}

func config(w *simulator.World) aws.Config {
	return aws.Config{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String("http://simulator"),
		HTTPClient:   &http.Client{Transport: w.Transport()},
		Retryer:      func() aws.Retryer { return retry.NewStandard() },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "secret"}, nil
		}),
	}
}

func ids(list []eni.Interface) []string {
	var ids []string
	for _, i := range list {
		ids = append(ids, i.ID)
	}
	slices.Sort(ids)
	return ids
}

// 2,450 interfaces come in pages, some of them empty, and none twice or never.
func TestAllPagesAreRead(t *testing.T) {
	for _, empty := range []float64{0, 0.5} {
		onWire(t, simulator.Options{EmptyPages: empty, PagesOnly: true}, func(ctx context.Context, w *simulator.World, c ec2.Client) {
			vpc := w.AddVPC("10.0.0.0/8")
			subnet := w.AddSubnet(vpc, "10.0.0.0/16", "a")
			var want []string
			for n := range 2450 {
				want = append(want, w.Seed(simulator.Interface{Subnet: subnet, Description: fmt.Sprintf("aws-K8S-i-%017x", n)}))
			}
			w.Seed(simulator.Interface{Subnet: subnet, Description: "somebody's own"})
			w.Seed(simulator.Interface{Subnet: subnet, Description: "aws-K8S-" + dead, Status: "in-use"})
			slices.Sort(want)
			got, err := c.Available(ctx)
			if err != nil || !slices.Equal(ids(got), want) {
				t.Errorf("%d interfaces, %v; want %d", len(got), err, len(want))
			}
			if calls := len(w.Calls()); empty == 0 && calls != 3 || calls < 3 {
				t.Errorf("%d calls for 2,450 interfaces", calls)
			}
			for _, call := range w.Calls() {
				if call.Form.Get("MaxResults") != "1000" {
					t.Error("a call without MaxResults")
				}
			}
		})
	}
}

// A page that fails fails the listing: a part is never taken for all.
func TestAFailedPageFailsTheListing(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, w *simulator.World, c ec2.Client) {
		subnet := w.AddSubnet(w.AddVPC("10.0.0.0/8"), "10.0.0.0/16", "a")
		for n := range 1500 {
			w.Seed(simulator.Interface{Subnet: subnet, Description: fmt.Sprintf("aws-K8S-i-%017x", n)})
		}
		w.OnCall(func(c simulator.Call) simulator.Fault {
			if c.Form.Get("NextToken") != "" {
				return simulator.Fault{Code: "Unavailable", Status: 503}
			}
			return simulator.Fault{}
		})
		if got, err := c.Available(ctx); err == nil || got != nil {
			t.Errorf("%d interfaces and no error", len(got))
		}
	})
}

// Each search stays within EC2's 200 filter values a call; the simulator refuses more.
func TestBatches(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, w *simulator.World, c ec2.Client) {
		vpc := w.AddVPC("10.0.0.0/8")
		var subnets, instances, own []string
		for n := range 450 {
			subnet := w.AddSubnet(vpc, fmt.Sprintf("10.%d.%d.0/28", n/250, n%250), "a")
			subnets = append(subnets, subnet)
			instance := w.SeedInstance(simulator.Instance{ID: fmt.Sprintf("i-%017x", n), State: "terminated"})
			instances = append(instances, instance)
			own = append(own, w.Seed(simulator.Interface{Subnet: subnet, Description: "aws-K8S-" + instance}))
		}
		slices.Sort(own)
		for name, search := range map[string]struct {
			list  func() ([]eni.Interface, error)
			calls int
		}{
			"by subnet":   {func() ([]eni.Interface, error) { return c.AvailableInSubnets(ctx, subnets) }, 3}, // 198 a call
			"by instance": {func() ([]eni.Interface, error) { return c.OfInstances(ctx, instances) }, 3},
			"by VPC":      {func() ([]eni.Interface, error) { return c.AvailableInVPCs(ctx, []string{vpc}) }, 1},
		} {
			before := len(w.Calls())
			got, err := search.list()
			if err != nil || !slices.Equal(ids(got), own) {
				t.Errorf("%s: %d interfaces, %v", name, len(got), err)
			}
			if calls := len(w.Calls()) - before; calls != search.calls {
				t.Errorf("%s: %d calls, want %d", name, calls, search.calls)
			}
		}
		free, err := c.FreeAddresses(ctx, subnets)
		if err != nil || len(free) != 450 || free[subnets[7]] != 16-5-1 {
			t.Errorf("%d subnets, %d free, %v", len(free), free[subnets[7]], err)
		}
	})
}

// No values make no call: an empty filter would match everything.
func TestNothingIsAskedForNothing(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, w *simulator.World, c ec2.Client) {
		for _, search := range []func(context.Context, []string) ([]eni.Interface, error){c.AvailableInSubnets, c.AvailableInVPCs, c.OfInstances} {
			if got, err := search(ctx, nil); err != nil || got != nil {
				t.Errorf("%v, %v", got, err)
			}
		}
		states, err := c.Visible(ctx, nil)
		if err != nil || len(states) != 0 || len(w.Calls()) != 0 {
			t.Errorf("%v, %v, %d calls", states, err, len(w.Calls()))
		}
	})
}

// 1,000 instances, known and unknown, hidden and another account's.
func TestStates(t *testing.T) {
	onWire(t, simulator.Options{HideManaged: true, EmptyPages: 0.9}, func(ctx context.Context, w *simulator.World, c ec2.Client) {
		all := []string{"running", "terminated", "stopped", "pending", "shutting-down", "stopping"}
		want := map[string]eni.State{}
		var asked []string
		for n := range 1000 {
			id := fmt.Sprintf("i-%017x", n)
			asked = append(asked, id)
			state := all[n%len(all)]
			switch n % 10 {
			case 0: // EC2 does not know it
			case 1:
				w.SeedInstance(simulator.Instance{ID: id, State: state, Owner: "210987654321"})
			case 2:
				w.SeedInstance(simulator.Instance{ID: id, State: state, Operator: "eks.amazonaws.com"})
				want[id] = eni.State(state)
			default:
				w.SeedInstance(simulator.Instance{ID: id, State: state})
				want[id] = eni.State(state)
			}
		}
		got, err := c.Visible(ctx, asked)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d states, %v; want %d", len(got), err, len(want))
		}
		for id, state := range want {
			if got[id].State != state || got[id].StartedAt.IsZero() {
				t.Errorf("%s is %+v, want %q", id, got[id], state)
			}
		}
	})
}

// Each field of an interface, one bent at a time, comes over the wire.
func TestInterfaceFields(t *testing.T) {
	onWire(t, simulator.Options{HideManaged: true}, func(ctx context.Context, w *simulator.World, c ec2.Client) {
		subnet := w.AddSubnet(w.AddVPC("10.0.0.0/8"), "10.0.0.0/16", "a")
		seed := func(i simulator.Interface) string {
			i.Subnet, i.Description = subnet, "aws-K8S-"+dead
			return w.Seed(i)
		}
		elastic := []simulator.Address{{}, {Association: &simulator.Association{PublicIP: "203.0.113.7"}}}
		carrier := []simulator.Address{{Association: &simulator.Association{CarrierIP: "203.0.113.8"}}}
		checks := map[string]func(eni.Interface) bool{
			seed(simulator.Interface{}): func(i eni.Interface) bool {
				return i.Subnet == subnet && strings.HasPrefix(i.VPC, "vpc-") && i.Account == "123456789012" && i.Status == "available" && i.Type == "interface" &&
					i.Description == "aws-K8S-"+dead && !i.Attached && !i.Managed && !i.Associated && i.Addresses == 1 && i.Tags == nil
			},
			seed(simulator.Interface{Tags: map[string]string{"a": "b", "empty": ""}}): func(i eni.Interface) bool {
				_, empty := i.Tags["empty"]
				return i.Tags["a"] == "b" && empty && len(i.Tags) == 2
			},
			seed(simulator.Interface{Addresses: make([]simulator.Address, 9), Prefixes: make([]string, 3)}): func(i eni.Interface) bool { return i.Addresses == 9+3*16 },
			seed(simulator.Interface{Attachment: &simulator.Attachment{Instance: dead}}):                    func(i eni.Interface) bool { return i.Attached && i.Status == "in-use" },
			seed(simulator.Interface{Type: "trunk"}):                                                        func(i eni.Interface) bool { return i.Type == "trunk" },
			seed(simulator.Interface{RequesterManaged: true}):                                               func(i eni.Interface) bool { return i.Managed },
			seed(simulator.Interface{Operator: "eks.amazonaws.com"}):                                        func(i eni.Interface) bool { return i.Managed },
			seed(simulator.Interface{Owner: "210987654321"}):                                                func(i eni.Interface) bool { return i.Account == "210987654321" },
			seed(simulator.Interface{Addresses: elastic}):                                                   func(i eni.Interface) bool { return i.Associated },
			seed(simulator.Interface{Addresses: carrier}):                                                   func(i eni.Interface) bool { return i.Associated },
		}
		got, err := c.OfInstances(ctx, []string{dead})
		if err != nil || len(got) != len(checks) {
			t.Fatalf("%d interfaces, %v; want %d", len(got), err, len(checks))
		}
		for _, i := range got {
			if !checks[i.ID](i) {
				t.Errorf("%+v", i)
			}
		}
	})
}

// Each class of EC2's answers, by its code on the wire.
func TestDeleteClasses(t *testing.T) {
	for _, c := range []struct {
		fault    simulator.Fault
		class    error
		attempts int // the SDK's
	}{
		{simulator.Fault{Code: "InvalidNetworkInterfaceID.NotFound"}, eni.ErrGone, 1},
		{simulator.Fault{Code: "InvalidNetworkInterface.NotFound"}, eni.ErrGone, 1},
		{simulator.Fault{Code: "InvalidNetworkInterface.InUse"}, eni.ErrInUse, 1},
		{simulator.Fault{Code: "InvalidParameterValue", Message: "Network interface 'eni-1' is currently in use."}, eni.ErrInUse, 1},
		{simulator.Fault{Code: "InvalidParameterValue", Message: "some other parameter"}, nil, 1},
		{simulator.Fault{Code: "OperationNotPermitted"}, eni.ErrNotPermitted, 1},
		{simulator.Fault{Code: "AuthFailure", Status: 400}, eni.ErrNotPermitted, 1},
		{simulator.Fault{Code: "AuthFailure", Status: 401}, eni.ErrUnauthorized, 1},
		{simulator.Fault{Code: "UnauthorizedOperation", Status: 403}, eni.ErrUnauthorized, 1},
		{simulator.Fault{Code: "RequestLimitExceeded", Status: 503}, eni.ErrThrottled, 3},
		{simulator.Fault{Code: "Throttling"}, eni.ErrThrottled, 3},
		{simulator.Fault{Code: "ThrottlingException"}, eni.ErrThrottled, 3},
		{simulator.Fault{Code: "RequestThrottled"}, eni.ErrThrottled, 3},
		{simulator.Fault{Code: "EC2ThrottledException"}, eni.ErrThrottled, 3},
		{simulator.Fault{Code: "RateExceeded"}, eni.ErrThrottled, 1}, // the standard retryer does not know it; the function's own does
		{simulator.Fault{Code: "Unavailable", Status: 503}, nil, 3},
		{simulator.Fault{Code: "InternalError", Status: 500}, nil, 3},
		{simulator.Fault{Code: "InternalFailure", Status: 500}, nil, 3},
		{simulator.Fault{Code: "ServiceUnavailable", Status: 503}, nil, 3},
		{simulator.Fault{Code: "DependencyViolation"}, nil, 1},
		{simulator.Fault{Reset: true}, nil, 3},
	} {
		t.Run(fmt.Sprintf("%s %d", c.fault.Code, c.fault.Status), func(t *testing.T) {
			onWire(t, simulator.Options{}, func(ctx context.Context, w *simulator.World, client ec2.Client) {
				w.Inject("DeleteNetworkInterface", 10, c.fault)
				_, err := client.Delete(ctx, "eni-0123456789abcdef0", unlimited)
				if err == nil {
					t.Fatal("no error")
				}
				for _, class := range []error{eni.ErrGone, eni.ErrInUse, eni.ErrNotPermitted, eni.ErrUnauthorized, eni.ErrThrottled, eni.ErrBudgetSpent} {
					if errors.Is(err, class) != (class == c.class) {
						t.Errorf("%v\nis %q: %v", err, class, errors.Is(err, class))
					}
				}
				if len(w.Calls()) != c.attempts {
					t.Errorf("%d attempts, want %d", len(w.Calls()), c.attempts)
				}
			})
		})
	}
}

// A throttle keeps its class when the SDK's own retry quota is spent.
func TestAThrottleStaysAThrottle(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, w *simulator.World, client ec2.Client) {
		w.Inject("DeleteNetworkInterface", 1000, simulator.Fault{Code: "RequestLimitExceeded", Status: 503})
		for n := range 70 {
			if _, err := client.Delete(context.Background(), "eni-0123456789abcdef0", unlimited); !errors.Is(err, eni.ErrThrottled) {
				t.Fatalf("delete %d: %v", n, err)
			}
		}
		if calls := len(w.Calls()); calls == 3*70 {
			t.Error("the quota was never spent: the test shows nothing")
		}
	})
}

func TestDelete(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, w *simulator.World, client ec2.Client) {
		subnet := w.AddSubnet(w.AddVPC("10.0.0.0/8"), "10.0.0.0/24", "a")
		id := w.Seed(simulator.Interface{Subnet: subnet})
		requestID, err := client.Delete(ctx, id, unlimited)
		if _, there := w.Interface(id); err != nil || requestID == "" || there {
			t.Errorf("request %q, %v, still there: %v", requestID, err, there)
		}
		attached := w.Seed(simulator.Interface{Subnet: subnet, Attachment: &simulator.Attachment{Instance: dead}})
		if _, err := client.Delete(ctx, attached, unlimited); !errors.Is(err, eni.ErrInUse) {
			t.Errorf("%v, want %v", err, eni.ErrInUse)
		}
		if _, err := client.Delete(ctx, id, unlimited); !errors.Is(err, eni.ErrGone) {
			t.Errorf("%v, want %v", err, eni.ErrGone)
		}
	})
}

// unlimited is a limiter that lets everything pass.
var unlimited = rate.NewLimiter(rate.Inf, 0)

// tokens is a limiter of so many calls.
type tokens int

func (left *tokens) Wait(context.Context) error {
	if *left == 0 {
		return eni.ErrBudgetSpent
	}
	*left--
	return nil
}

// Retries wait for the limiter, too: ten failing deletes make no more calls than it gives.
func TestRetriesTakeTokens(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, w *simulator.World, client ec2.Client) {
		w.Inject("DeleteNetworkInterface", 1000, simulator.Fault{Code: "InternalError", Status: 500})
		left := tokens(8)
		spent := 0
		for range 10 {
			if _, err := client.Delete(context.Background(), "eni-0123456789abcdef0", &left); errors.Is(err, eni.ErrBudgetSpent) {
				spent++
			}
		}
		if len(w.Calls()) != 8 || spent != 8 {
			t.Errorf("%d calls, %d deletes without a token; want 8 (3+3+2) and 8", len(w.Calls()), spent)
		}
	})
}

// A delete that hangs costs its attempts' seconds, not the run's minute.
func TestAHangingDeleteIsGivenUp(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, w *simulator.World, client ec2.Client) {
		w.Inject("DeleteNetworkInterface", 10, simulator.Fault{Latency: time.Hour})
		begun := time.Now()
		_, err := client.Delete(ctx, "eni-0123456789abcdef0", unlimited)
		if took := time.Since(begun); err == nil || ctx.Err() != nil || took > 20*time.Second {
			t.Errorf("%v after %v, want an error after 3 attempts of 4 s", err, took)
		}
	})
}
