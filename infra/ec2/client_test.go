package ec2_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	sim "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

const dead = "i-0123456789abcdef0"

// onWire runs a test with the SDK's real client on the simulator's wire, in virtual time.
func onWire(t *testing.T, options simulator.Options, test func(*harness.Function, ec2.Client)) {
	t.Helper()
	harness.TestWith(t, options, func(f *harness.Function) { test(f, ec2.New(f.AWS)) })
}

// addInterfaces adds the interfaces of that many instances, and returns their IDs sorted.
func addInterfaces(f *harness.Function, count int) (ids []string) {
	for n := range count {
		ids = append(ids, f.AddInterface(sim.Interface{Subnet: f.Subnets[0], Description: eni.DescriptionPrefix + harness.InstanceID(n)}))
	}
	slices.Sort(ids)
	return ids
}

func idsOf(list []eni.Interface) (ids []string) {
	for _, i := range list {
		ids = append(ids, i.ID)
	}
	slices.Sort(ids)
	return ids
}

// 2,450 interfaces come in pages, some of them empty, and none twice or never.
func TestAllPagesAreRead(t *testing.T) {
	for _, empty := range []float64{0, 0.5} {
		onWire(t, simulator.Options{EmptyPages: empty, PagesOnly: true}, func(f *harness.Function, c ec2.Client) {
			want := addInterfaces(f, 2450)
			f.AddInterface(sim.Interface{Subnet: f.Subnets[0], Description: "a user's own"})
			f.AddInterface(sim.Interface{Subnet: f.Subnets[0], Description: "aws-K8S-" + dead, Status: "in-use"})
			got, err := c.Available(f.Context())
			if err != nil || !slices.Equal(idsOf(got), want) {
				f.Errorf("%d interfaces, %v; want %d", len(got), err, len(want))
			}
			if n := len(f.Calls()); empty == 0 && n != 3 || n < 3 {
				f.Errorf("%d calls for 2,450 interfaces", n)
			}
			for _, call := range f.Calls() {
				if call.Form.Get("MaxResults") != "1000" {
					f.Error("a call without MaxResults")
				}
			}
		})
	}
}

// A page that fails fails the listing: a part is never returned as the whole.
func TestAFailedPageFailsTheListing(t *testing.T) {
	onWire(t, simulator.Options{}, func(f *harness.Function, c ec2.Client) {
		addInterfaces(f, 1500)
		f.OnCall(func(c api.Call) api.Fault {
			if c.Form.Get("NextToken") != "" {
				return api.Fault{Code: "Unavailable", Status: 503}
			}
			return api.Fault{}
		})
		if got, err := c.Available(f.Context()); err == nil || got != nil {
			f.Errorf("%d interfaces and no error", len(got))
		}
	})
}

// Each search stays within EC2's 200 filter values a call; the simulator refuses more.
func TestBatches(t *testing.T) {
	onWire(t, simulator.Options{}, func(f *harness.Function, c ec2.Client) {
		var cidrs, instances, own []string
		for n := range 450 {
			cidrs = append(cidrs, fmt.Sprintf("10.%d.%d.0/28", n/250, n%250))
			instances = append(instances, harness.InstanceID(n))
		}
		vpc, subnets := f.AddSubnets("10.0.0.0/8", cidrs...)
		for n, subnet := range subnets {
			own = append(own, f.AddInterface(sim.Interface{Subnet: subnet, Description: "aws-K8S-" + instances[n]}))
		}
		slices.Sort(own)
		for name, search := range map[string]struct {
			list   func(context.Context, []string) ([]eni.Interface, error)
			values []string
			calls  int
		}{
			"by subnet":   {c.AvailableInSubnets, subnets, 3}, // 198 a call
			"by instance": {c.OfInstances, instances, 3},
			"by ID": {func(ctx context.Context, ids []string) (list []eni.Interface, err error) {
				existing, err := c.Existing(ctx, ids)
				for id := range existing {
					list = append(list, eni.Interface{ID: id})
				}
				return list, err
			}, append([]string{"eni-0123456789abcdef0"}, own...), 3}, // one is gone
			"by VPC": {c.AvailableInVPCs, []string{vpc}, 1},
		} {
			before := len(f.Calls())
			got, err := search.list(f.Context(), search.values)
			if calls := len(f.Calls()) - before; err != nil || !slices.Equal(idsOf(got), own) || calls != search.calls {
				f.Errorf("%s: %d interfaces in %d calls, %v; want %d in %d", name, len(got), calls, err, len(own), search.calls)
			}
		}
		free, err := c.FreeAddresses(f.Context(), subnets)
		if err != nil || len(free) != 450 || free[subnets[7]] != 16-5-1 {
			f.Errorf("%d subnets, %d free, %v", len(free), free[subnets[7]], err)
		}
	})
}

// No values make no call: an empty filter would match everything.
func TestNoValuesMakeNoCall(t *testing.T) {
	onWire(t, simulator.Options{}, func(f *harness.Function, c ec2.Client) {
		for _, search := range []func(context.Context, []string) ([]eni.Interface, error){c.AvailableInSubnets, c.AvailableInVPCs, c.OfInstances} {
			if got, err := search(f.Context(), nil); err != nil || got != nil {
				f.Errorf("%v, %v", got, err)
			}
		}
		states, err := c.Visible(f.Context(), nil)
		existing, existingErr := c.Existing(f.Context(), nil)
		if err != nil || len(states) != 0 || existingErr != nil || len(existing) != 0 || len(f.Calls()) != 0 {
			f.Errorf("%v, %v, %d calls", states, err, len(f.Calls()))
		}
	})
}

// 1,000 instances, known and unknown, hidden and another account's.
func TestStates(t *testing.T) {
	onWire(t, simulator.Options{HideManaged: true, EmptyPages: 0.9}, func(f *harness.Function, c ec2.Client) {
		all := []string{"running", "terminated", "stopped", "pending", "shutting-down", "stopping"}
		want := map[string]eni.State{}
		var requested []string
		for n := range 1000 {
			i := sim.Instance{ID: harness.InstanceID(n), State: all[n%len(all)]}
			requested = append(requested, i.ID)
			switch n % 10 {
			case 0: // unknown to EC2
				continue
			case 1:
				i.Owner = "210987654321"
			case 2:
				i.Operator = "eks.amazonaws.com"
			}
			f.Do(func() { f.EC2.AddInstance(i) })
			if i.Owner == "" {
				want[i.ID] = eni.State(i.State)
			}
		}
		got, err := c.Visible(f.Context(), requested)
		if err != nil || len(got) != len(want) {
			f.Fatalf("%d states, %v; want %d", len(got), err, len(want))
		}
		for id, state := range want {
			if got[id].State != state || got[id].StartedAt.IsZero() {
				f.Errorf("%s is %+v, want %q", id, got[id], state)
			}
		}
	})
}

// The time in EC2's reason is read where there is one; it is for the log only.
func TestEndedAt(t *testing.T) {
	for _, c := range []struct {
		state, reason string
		want          time.Time
	}{
		{"terminated", "User initiated (2026-11-23 10:00:00 GMT)", time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)},
		{"terminated", "Server.SpotInstanceTermination", time.Time{}},
		{"terminated", "User initiated (yesterday)", time.Time{}},
		{"stopped", "User initiated (2026-11-23 10:00:00 GMT)", time.Time{}},
	} {
		ctx, client := canned(t, 200, response("DescribeInstances", "<reservationSet><item><instancesSet><item><instanceId>"+dead+"</instanceId><instanceState><name>"+c.state+"</name></instanceState><reason>"+c.reason+"</reason></item></instancesSet></item></reservationSet>"))
		if got, err := client.Visible(ctx, []string{dead}); err != nil || !got[dead].EndedAt.Equal(c.want) {
			t.Errorf("%+v: ended at %v, %v", c, got, err)
		}
	}
}

// The association of an interface itself counts, too.
func TestAnInterfacesOwnAssociation(t *testing.T) {
	own := strings.Replace(leakedXML(0, 0, ""), "<item>", "<item><association><publicIp>203.0.113.7</publicIp></association>", 1)
	ctx, client := canned(t, 200, response("DescribeNetworkInterfaces", "<networkInterfaceSet>"+own+leakedXML(0, 0, "")+"</networkInterfaceSet>"))
	if got, err := client.Available(ctx); err != nil || len(got) != 2 || !got[0].Associated || got[1].Associated {
		t.Errorf("%+v, %v", got, err)
	}
}

// Each field of an interface, one changed at a time, comes over the wire.
func TestInterfaceFields(t *testing.T) {
	onWire(t, simulator.Options{HideManaged: true}, func(f *harness.Function, c ec2.Client) {
		add := func(i sim.Interface) string {
			i.Subnet, i.Description = f.Subnets[0], "aws-K8S-"+dead
			return f.AddInterface(i)
		}
		elastic := []sim.Address{{}, {Association: &sim.Association{PublicIP: "203.0.113.7"}}}
		carrier := []sim.Address{{Association: &sim.Association{CarrierIP: "203.0.113.8"}}}
		managed := func(i eni.Interface) bool { return i.Managed }
		associated := func(i eni.Interface) bool { return i.Associated }
		checks := map[string]func(eni.Interface) bool{
			add(sim.Interface{}): func(i eni.Interface) bool {
				return i.Subnet == f.Subnets[0] && i.VPC == f.VPC && i.Account == harness.Account && i.Status == "available" && i.Type == "interface" &&
					i.Description == "aws-K8S-"+dead && !i.Attached && !i.Managed && !i.Associated && i.Addresses == 1 && i.Tags == nil
			},
			add(sim.Interface{Tags: map[string]string{"a": "b", "empty": ""}}): func(i eni.Interface) bool {
				return maps.Equal(i.Tags, map[string]string{"a": "b", "empty": ""})
			},
			add(sim.Interface{Addresses: make([]sim.Address, 9), Prefixes: make([]string, 3)}): func(i eni.Interface) bool { return i.Addresses == 9+3*16 },
			add(sim.Interface{Attachment: &sim.Attachment{Instance: dead}}):                    func(i eni.Interface) bool { return i.Attached && i.Status == "in-use" },
			add(sim.Interface{Type: "trunk"}):                                                  func(i eni.Interface) bool { return i.Type == "trunk" },
			add(sim.Interface{Owner: "210987654321"}):                                          func(i eni.Interface) bool { return i.Account == "210987654321" },
			add(sim.Interface{RequesterManaged: true}):                                         managed,
			add(sim.Interface{Operator: "eks.amazonaws.com"}):                                  managed,
			add(sim.Interface{Addresses: elastic}):                                             associated,
			add(sim.Interface{Addresses: carrier}):                                             associated,
		}
		got, err := c.OfInstances(f.Context(), []string{dead})
		if err != nil || len(got) != len(checks) {
			f.Fatalf("%d interfaces, %v; want %d", len(got), err, len(checks))
		}
		for _, i := range got {
			if !checks[i.ID](i) {
				f.Errorf("%+v", i)
			}
		}
	})
}
