// Package harness puts the function into a simulated region, for the tests beside this folder and
// of functions/release/handler. Start reading at [Region], leaked interfaces; then [Function], the
// handler among them; then [Stack], the deployed template at work. It imports no test.
package harness

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
)

// CallLatency is how long a call of EC2's takes (an estimate).
const CallLatency = 100 * time.Millisecond

// Region is a simulated region with leaks in it, in a VPC with two subnets of 4,091 free addresses
// each. Its own methods enter the region's loop; Leak and Sample work inside, too.
type Region struct {
	testing.TB
	*simulator.Region
	VPC     string
	Subnets []string
}

// NewRegion makes a region without leaks. Its clock is virtual inside of Bubble.
func NewRegion(t testing.TB, seed uint64, options simulator.Options) *Region {
	r := &Region{TB: t, Region: simulator.New(0, rand.New(rand.NewPCG(seed, 1)), options)}
	r.VPC, r.Subnets = r.AddSubnets("10.0.0.0/16", "10.0.0.0/20", "10.0.16.0/20")
	return r
}

// AddSubnets adds a VPC with subnets.
func (r *Region) AddSubnets(vpcCIDR string, cidrs ...string) (vpc string, subnets []string) {
	r.Do(func() {
		vpc = r.EC2.AddVPC(vpcCIDR)
		for n, cidr := range cidrs {
			subnets = append(subnets, r.EC2.AddSubnet(vpc, cidr, string(rune('a'+n))))
		}
	})
	return vpc, subnets
}

// InstanceID returns the n-th instance ID.
func InstanceID(n int) string { return fmt.Sprintf("i-%017x", n) }

// AddInstance adds an instance in a state, and returns its ID.
func (r *Region) AddInstance(id, state string) string {
	r.Do(func() { r.EC2.AddInstance(ec2.Instance{ID: id, Subnet: r.Subnets[0], State: state}) })
	return id
}

// AddLeak adds an interface that the CNI of an instance created an hour ago, and returns its ID.
func (r *Region) AddLeak(subnet, instance string) string {
	return r.AddInterface(r.Leak(subnet, instance, time.Hour))
}

// AddInterface adds an interface, and returns its ID.
func (r *Region) AddInterface(i ec2.Interface) string {
	return simulator.Look(r.Region, func() string { return r.EC2.AddInterface(i) })
}

// Leak returns an interface as the CNI of an instance leaves it behind, with 10 addresses.
func (r *Region) Leak(subnet, instance string, age time.Duration) ec2.Interface {
	return ec2.Interface{
		Subnet: subnet, Description: eni.DescriptionPrefix + instance, Addresses: make([]ec2.Address, 10),
		Tags: map[string]string{
			cni.TagInstance:  instance,
			cni.TagCreatedAt: time.Now().Add(-age).Format(time.RFC3339),
		},
	}
}

// AddScaleIn adds what the samples of events are about: the two terminated instances that they
// name, with leaks in both subnets, another dead instance's leak in each, and one that must stay.
// It returns the IDs of these leaks.
func (r *Region) AddScaleIn() (leaks func(events.Interfaces) []string) {
	r.AddInstance(events.Instance, "terminated")
	r.AddInstance(events.OtherInstance, "terminated")
	r.AddInstance(InstanceID(3), "terminated")
	r.AddInstance(InstanceID(4), "running")
	r.Do(func() { r.AutoScaling.AddGroup(autoscaling.Group{Name: events.Group, Subnets: r.Subnets[:1]}) })
	byPart := map[events.Interfaces][]string{
		events.Own:    {r.AddLeak(r.Subnets[0], events.Instance), r.AddLeak(r.Subnets[1], events.Instance)},
		events.Second: {r.AddLeak(r.Subnets[1], events.OtherInstance)},
		events.Near:   {r.AddLeak(r.Subnets[0], InstanceID(3))},
		events.Far:    {r.AddLeak(r.Subnets[1], InstanceID(3))},
	}
	r.AddLeak(r.Subnets[0], InstanceID(4)) // a living instance's: always kept
	return func(parts events.Interfaces) (ids []string) {
		for part, its := range byPart {
			if parts&part != 0 {
				ids = append(ids, its...)
			}
		}
		return ids
	}
}

// Sample returns a sample of events, its subnet and VPC those of the region.
func (r *Region) Sample(name string) string {
	return strings.NewReplacer(events.Subnet, r.Subnets[0], events.VPC, r.VPC).Replace(string(events.Payload(name)))
}

// Calls returns the record of calls.
func (r *Region) Calls() []api.Call { return simulator.Look(r.Region, r.Front.Calls) }

// Leaked returns the interfaces that no one will attach any more.
func (r *Region) Leaked() []ec2.Interface { return simulator.Look(r.Region, r.EC2.Leaked) }

// Interfaces returns all interfaces.
func (r *Region) Interfaces() []ec2.Interface { return simulator.Look(r.Region, r.EC2.Interfaces) }

// Deletions returns the interfaces that were deleted.
func (r *Region) Deletions() []ec2.Deletion { return simulator.Look(r.Region, r.EC2.Deletions) }

// Invocations returns the function's runs by schedule and queue.
func (r *Region) Invocations() []lambda.Invocation {
	return simulator.Look(r.Region, r.Lambda.Invocations)
}

// OnCall makes every call meet the fault that decide returns.
func (r *Region) OnCall(decide func(api.Call) api.Fault) { r.Do(func() { r.Front.OnCall(decide) }) }

// Inject makes the next calls of an action meet a fault.
func (r *Region) Inject(action string, calls int, fault api.Fault) {
	r.Do(func() { r.Front.Inject(action, calls, fault) })
}

// ExpectDeleted compares the deletes that EC2 took with those wanted, and every other write with none.
func (r *Region) ExpectDeleted(want ...string) {
	r.Helper()
	var got []string
	for _, call := range r.Calls() {
		switch {
		case call.Action == "DeleteNetworkInterface" && call.Status == http.StatusOK:
			got = append(got, call.Form.Get("NetworkInterfaceId"))
		case !strings.HasPrefix(call.Action, "Describe") && call.Action != "DeleteNetworkInterface":
			r.Errorf("the function called %s", call.Action)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.Errorf("deleted %q, want %q", got, want)
	}
}

// CountCalls counts the calls of the actions with a prefix.
func (r *Region) CountCalls(prefix string) (count int) {
	for _, call := range r.Calls() {
		if strings.HasPrefix(call.Action, prefix) {
			count++
		}
	}
	return count
}
