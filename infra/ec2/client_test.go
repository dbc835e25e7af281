package ec2_test

import (
	"context"
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

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	sim "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

const dead = "i-0123456789abcdef0"

// onWire runs a test with the SDK's real client on the simulator's wire, in virtual time.
func onWire(t *testing.T, options simulator.Options, test func(ctx context.Context, r *simulator.Region, c ec2.Client)) {
	t.Helper()
	seed := rand.Uint64()
	synctest.Test(t, func(t *testing.T) {
		r := simulator.New(loop.NewClock(0), rand.New(rand.NewPCG(seed, 2)), options)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		test(ctx, r, ec2.New(config(r)))
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
}

func config(r *simulator.Region) aws.Config {
	return aws.Config{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String("http://simulator"),
		HTTPClient:   &http.Client{Transport: r.Transport()},
		Retryer:      func() aws.Retryer { return retry.NewStandard() },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "secret"}, nil
		}),
	}
}

func addSubnet(r *simulator.Region) (id string) {
	r.Do(func() { id = r.EC2.AddSubnet(r.EC2.AddVPC("10.0.0.0/8"), "10.0.0.0/16", "a") })
	return id
}

func add(r *simulator.Region, i sim.Interface) string {
	return simulator.Look(r, func() string { return r.EC2.AddInterface(i) })
}

func addInstance(r *simulator.Region, i sim.Instance) string {
	return simulator.Look(r, func() string { return r.EC2.AddInstance(i) })
}

func calls(r *simulator.Region) []api.Call { return simulator.Look(r, r.Front.Calls) }

func inject(r *simulator.Region, action string, n int, fault api.Fault) {
	r.Do(func() { r.Front.Inject(action, n, fault) })
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
		onWire(t, simulator.Options{EmptyPages: empty, PagesOnly: true}, func(ctx context.Context, r *simulator.Region, c ec2.Client) {
			subnet := addSubnet(r)
			var want []string
			for n := range 2450 {
				want = append(want, add(r, sim.Interface{Subnet: subnet, Description: fmt.Sprintf("aws-K8S-i-%017x", n)}))
			}
			add(r, sim.Interface{Subnet: subnet, Description: "somebody's own"})
			add(r, sim.Interface{Subnet: subnet, Description: "aws-K8S-" + dead, Status: "in-use"})
			slices.Sort(want)
			got, err := c.Available(ctx)
			if err != nil || !slices.Equal(ids(got), want) {
				t.Errorf("%d interfaces, %v; want %d", len(got), err, len(want))
			}
			if n := len(calls(r)); empty == 0 && n != 3 || n < 3 {
				t.Errorf("%d calls for 2,450 interfaces", n)
			}
			for _, call := range calls(r) {
				if call.Form.Get("MaxResults") != "1000" {
					t.Error("a call without MaxResults")
				}
			}
		})
	}
}

// A page that fails fails the listing: a part is never taken for all.
func TestAFailedPageFailsTheListing(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, r *simulator.Region, c ec2.Client) {
		subnet := addSubnet(r)
		for n := range 1500 {
			add(r, sim.Interface{Subnet: subnet, Description: fmt.Sprintf("aws-K8S-i-%017x", n)})
		}
		r.Do(func() {
			r.Front.OnCall(func(c api.Call) api.Fault {
				if c.Form.Get("NextToken") != "" {
					return api.Fault{Code: "Unavailable", Status: 503}
				}
				return api.Fault{}
			})
		})
		if got, err := c.Available(ctx); err == nil || got != nil {
			t.Errorf("%d interfaces and no error", len(got))
		}
	})
}

// Each search stays within EC2's 200 filter values a call; the simulator refuses more.
func TestBatches(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, r *simulator.Region, c ec2.Client) {
		vpc := simulator.Look(r, func() string { return r.EC2.AddVPC("10.0.0.0/8") })
		var subnets, instances, own []string
		for n := range 450 {
			subnet := simulator.Look(r, func() string { return r.EC2.AddSubnet(vpc, fmt.Sprintf("10.%d.%d.0/28", n/250, n%250), "a") })
			subnets = append(subnets, subnet)
			instance := addInstance(r, sim.Instance{ID: fmt.Sprintf("i-%017x", n), State: "terminated"})
			instances = append(instances, instance)
			own = append(own, add(r, sim.Interface{Subnet: subnet, Description: "aws-K8S-" + instance}))
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
			before := len(calls(r))
			got, err := search.list()
			if err != nil || !slices.Equal(ids(got), own) {
				t.Errorf("%s: %d interfaces, %v", name, len(got), err)
			}
			if n := len(calls(r)) - before; n != search.calls {
				t.Errorf("%s: %d calls, want %d", name, n, search.calls)
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
	onWire(t, simulator.Options{}, func(ctx context.Context, r *simulator.Region, c ec2.Client) {
		for _, search := range []func(context.Context, []string) ([]eni.Interface, error){c.AvailableInSubnets, c.AvailableInVPCs, c.OfInstances} {
			if got, err := search(ctx, nil); err != nil || got != nil {
				t.Errorf("%v, %v", got, err)
			}
		}
		states, err := c.Visible(ctx, nil)
		if err != nil || len(states) != 0 || len(calls(r)) != 0 {
			t.Errorf("%v, %v, %d calls", states, err, len(calls(r)))
		}
	})
}

// 1,000 instances, known and unknown, hidden and another account's.
func TestStates(t *testing.T) {
	onWire(t, simulator.Options{HideManaged: true, EmptyPages: 0.9}, func(ctx context.Context, r *simulator.Region, c ec2.Client) {
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
				addInstance(r, sim.Instance{ID: id, State: state, Owner: "210987654321"})
			case 2:
				addInstance(r, sim.Instance{ID: id, State: state, Operator: "eks.amazonaws.com"})
				want[id] = eni.State(state)
			default:
				addInstance(r, sim.Instance{ID: id, State: state})
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
	onWire(t, simulator.Options{HideManaged: true}, func(ctx context.Context, r *simulator.Region, c ec2.Client) {
		subnet := addSubnet(r)
		seed := func(i sim.Interface) string {
			i.Subnet, i.Description = subnet, "aws-K8S-"+dead
			return add(r, i)
		}
		elastic := []sim.Address{{}, {Association: &sim.Association{PublicIP: "203.0.113.7"}}}
		carrier := []sim.Address{{Association: &sim.Association{CarrierIP: "203.0.113.8"}}}
		checks := map[string]func(eni.Interface) bool{
			seed(sim.Interface{}): func(i eni.Interface) bool {
				return i.Subnet == subnet && strings.HasPrefix(i.VPC, "vpc-") && i.Account == "123456789012" && i.Status == "available" && i.Type == "interface" &&
					i.Description == "aws-K8S-"+dead && !i.Attached && !i.Managed && !i.Associated && i.Addresses == 1 && i.Tags == nil
			},
			seed(sim.Interface{Tags: map[string]string{"a": "b", "empty": ""}}): func(i eni.Interface) bool {
				_, empty := i.Tags["empty"]
				return i.Tags["a"] == "b" && empty && len(i.Tags) == 2
			},
			seed(sim.Interface{Addresses: make([]sim.Address, 9), Prefixes: make([]string, 3)}): func(i eni.Interface) bool { return i.Addresses == 9+3*16 },
			seed(sim.Interface{Attachment: &sim.Attachment{Instance: dead}}):                    func(i eni.Interface) bool { return i.Attached && i.Status == "in-use" },
			seed(sim.Interface{Type: "trunk"}):                                                  func(i eni.Interface) bool { return i.Type == "trunk" },
			seed(sim.Interface{RequesterManaged: true}):                                         func(i eni.Interface) bool { return i.Managed },
			seed(sim.Interface{Operator: "eks.amazonaws.com"}):                                  func(i eni.Interface) bool { return i.Managed },
			seed(sim.Interface{Owner: "210987654321"}):                                          func(i eni.Interface) bool { return i.Account == "210987654321" },
			seed(sim.Interface{Addresses: elastic}):                                             func(i eni.Interface) bool { return i.Associated },
			seed(sim.Interface{Addresses: carrier}):                                             func(i eni.Interface) bool { return i.Associated },
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
