// Package harness puts the function into a simulated region, for the tests beside this folder and
// of functions/release/handler. Start reading at [Region], leaked interfaces; then [Function], the
// handler among them; then [Stack], the deployed template at work. It imports no test.
package harness

import (
	"cmp"
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
)

// CallLatency is how long a call of EC2's takes (an estimate).
const CallLatency = 100 * time.Millisecond

// Region is a simulated region with leaks in it, in a VPC with two subnets of 4,091 free addresses each.
type Region struct {
	testing.TB
	World   *simulator.World
	VPC     string
	Subnets [2]string
}

// NewRegion makes a region without leaks. Its clock is virtual inside of synctest.Test.
func NewRegion(t testing.TB, seed uint64, options simulator.Options) *Region {
	options.Account = cmp.Or(options.Account, Account)
	r := &Region{TB: t, World: simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(seed, 1)), options)}
	r.VPC = r.World.AddVPC("10.0.0.0/16")
	r.Subnets = [2]string{r.World.AddSubnet(r.VPC, "10.0.0.0/20", "a"), r.World.AddSubnet(r.VPC, "10.0.16.0/20", "b")}
	return r
}

// InstanceID returns the n-th instance ID.
func InstanceID(n int) string { return fmt.Sprintf("i-%017x", n) }

// AddInstance adds an instance in a state, and returns its ID.
func (r *Region) AddInstance(id, state string) string {
	return r.World.SeedInstance(simulator.Instance{ID: id, Subnet: r.Subnets[0], State: state})
}

// AddLeak adds an interface that the CNI of an instance created an hour ago, and returns its ID.
func (r *Region) AddLeak(subnet, instance string) string {
	return r.AddLeakOfAge(subnet, instance, time.Hour)
}

// AddLeakOfAge adds an interface that the CNI of an instance created so long ago.
func (r *Region) AddLeakOfAge(subnet, instance string, age time.Duration) string {
	return r.World.Seed(r.Leak(subnet, instance, age))
}

// Leak returns an interface as the CNI of an instance leaves it behind, with 10 addresses.
func (r *Region) Leak(subnet, instance string, age time.Duration) simulator.Interface {
	return simulator.Interface{
		Subnet: subnet, Description: eni.DescriptionPrefix + instance, Addresses: make([]simulator.Address, 10),
		Tags: map[string]string{
			"node.k8s.amazonaws.com/instance_id": instance,
			"node.k8s.amazonaws.com/createdAt":   r.World.Now().Add(-age).Format(time.RFC3339),
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
	r.World.AddGroup(simulator.Group{Name: events.Group, Subnets: []string{r.Subnets[0]}})
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

// ExpectDeleted compares the deletes that EC2 took with those wanted, and every other write with none.
func (r *Region) ExpectDeleted(want ...string) {
	r.Helper()
	var got []string
	for _, call := range r.World.Calls() {
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
	for _, call := range r.World.Calls() {
		if strings.HasPrefix(call.Action, prefix) {
			count++
		}
	}
	return count
}
