package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// Fixtures are interfaces, and the instances that they name, that no running CNI made:
// somebody's own, old leaks, ones with tags of any kind.
type Fixtures struct {
	*Recorder
	rand       *rand.Rand
	executions *Executions
	network    network
	instances  []string // that the interfaces name
}

// place places a leaked interface with some variations.
func (f *Fixtures) place(variants int) {
	owner := f.owner(false)
	eni := ec2.Interface{
		Subnet: pick(f.rand, f.network.subnets...), Description: model.Description + owner, Addresses: make([]ec2.Address, 1+f.rand.IntN(15)),
		Tags: map[string]string{model.TagInstance: owner, model.TagCreatedAt: f.createdAt().Format(time.RFC3339)},
	}
	if chance(f.rand, 0.5) {
		eni.Tags[model.TagCluster] = "blue"
	}
	for range variants {
		pick(f.rand, variations...)(f, &eni)
	}
	if eni.Attachment == nil && (eni.Status == "" || eni.Status == "available") {
		eni.LeakedAt = f.region.Loop.Now()
	}
	id := f.region.EC2.AddInterface(eni)
	if eni.Status == pending {
		f.region.Loop.After(within(f.rand, 0, time.Hour), func() { f.finish(id) })
	}
	f.trace("fixture: %s of %s %q %q %s %v", id, eni.Owner, eni.Description, eni.Status, eni.Type, eni.Tags)
}

// pending is the status of an interface that EC2 is still making (recorded).
const pending = "pending"

// finish makes a pending interface available.
func (f *Fixtures) finish(id string) {
	f.region.EC2.UpdateInterface(id, func(eni *ec2.Interface) { eni.Status = "available" })
	if eni, _ := f.region.EC2.Interface(id); eni.Attachment == nil {
		f.region.EC2.MarkLeaked(id)
	}
}

// variations change one thing each.
var variations = []func(*Fixtures, *ec2.Interface){
	func(f *Fixtures, eni *ec2.Interface) {
		eni.Attachment = &ec2.Attachment{Instance: f.owner(false), InstanceOwner: account, DeviceIndex: 7}
		eni.Status = pick(f.rand, "in-use", "attaching", "detaching", "associated", "available")
		if chance(f.rand, 0.3) {
			eni.Attachment = nil
		}
	},
	func(_ *Fixtures, eni *ec2.Interface) { eni.Status = pending },
	func(f *Fixtures, eni *ec2.Interface) {
		eni.Type = pick(f.rand, "branch", "trunk", "efa", "lambda", "nat_gateway")
	},
	func(_ *Fixtures, eni *ec2.Interface) { eni.RequesterManaged, eni.RequesterID = true, "amazon-elb" },
	func(_ *Fixtures, eni *ec2.Interface) { eni.Operator = "eks.amazonaws.com" },
	func(_ *Fixtures, eni *ec2.Interface) { eni.Owner = "210987654321" },
	func(f *Fixtures, eni *ec2.Interface) {
		eni.Description = pick(f.rand, eni.Description+" (fail-over)", eni.Description+"0", "aws-K8S-i-", "aws-K8S-i-*",
			"aws-K8S-i-0123456789ABCDEF0", "aws-k8s-branch-eni", "Cilium-CNI (i-0123456789abcdef0)")
	},
	func(f *Fixtures, eni *ec2.Interface) {
		eni.Addresses[f.rand.IntN(len(eni.Addresses))].Association = pick(f.rand,
			&ec2.Association{PublicIP: "192.0.2.1"}, &ec2.Association{CarrierIP: "192.0.2.2"}, &ec2.Association{CustomerOwnedIP: "192.0.2.3"})
	},
	func(f *Fixtures, eni *ec2.Interface) { eni.Tags[model.TagKeep] = pick(f.rand, "", "true", "false") },
	func(f *Fixtures, eni *ec2.Interface) {
		eni.Tags[pick(f.rand, "Network-Interface-Releaser/Keep", "Node.k8s.amazonaws.com/NO_MANAGE")] = pick(f.rand, "true", "true", "false", "")
	},
	func(f *Fixtures, eni *ec2.Interface) {
		eni.Tags[model.TagCreatedAt] = pick(f.rand, "1970-01-01T00:00:00Z", "2000-01-01T00:00:00+09:00", "2019-12-31T23:59:59Z", "2020-01-01T00:00:00Z")
	},
	func(f *Fixtures, eni *ec2.Interface) {
		eni.Tags[model.TagNoManage] = pick(f.rand, "true", "true", "false", "True", "")
	},
	func(f *Fixtures, eni *ec2.Interface) { eni.Tags[model.TagInstance] = f.garbage() },
	func(f *Fixtures, eni *ec2.Interface) { eni.Tags[model.TagCreatedAt] = f.garbage() },
	func(_ *Fixtures, eni *ec2.Interface) { clear(eni.Tags) },
	func(_ *Fixtures, eni *ec2.Interface) { delete(eni.Tags, model.TagInstance) },
	func(_ *Fixtures, eni *ec2.Interface) { delete(eni.Tags, model.TagCreatedAt) },
	func(f *Fixtures, eni *ec2.Interface) {
		delete(eni.Tags, model.TagCluster)
		eni.Tags[model.TagOwned+pick(f.rand, "blue", "green")] = "owned"
	},
	func(f *Fixtures, eni *ec2.Interface) {
		eni.Tags[model.TagCluster] = pick(f.rand, "", "green", "blue-2")
	},
	func(f *Fixtures, eni *ec2.Interface) { eni.Tags[model.TagInstance] = f.owner(true) },
	func(f *Fixtures, eni *ec2.Interface) { eni.Tags[model.TagInstance] = f.owner(true) },
	func(f *Fixtures, eni *ec2.Interface) { eni.Prefixes = make([]string, 1+f.rand.IntN(3)) },
}

// owner returns an instance for an interface to name: one that never was, one placed in
// any state or, where nodes are wanted, now and then a running node.
func (f *Fixtures) owner(nodes bool) string {
	if node := f.anyNode("running"); nodes && node != "" && chance(f.rand, 0.3) {
		return node
	}
	id := pick(f.rand, fmt.Sprintf("i-%08x", f.rand.Uint32()), fmt.Sprintf("i-0%016x", f.rand.Uint64()))
	state := pick(f.rand, "", "", "terminated", "terminated", "running", "running", "stopped", "stopping", "pending", "shutting-down")
	if state == "" {
		return id
	}
	f.instances = append(f.instances, id)
	launched := f.region.Loop.Now().Add(-within(f.rand, 0, 60*time.Hour))
	if chance(f.rand, 0.2) {
		launched = f.region.Loop.Now().Add(-pick(f.rand, 24*time.Hour, f.executions.settings.GracePeriod))
	}
	return f.region.EC2.AddInstance(ec2.Instance{ID: id, Subnet: f.network.subnets[0], State: state, LaunchedAt: launched})
}

// anyNode returns a node in a state; "" if there is none. A placed instance is none.
func (f *Fixtures) anyNode(state string) string {
	var nodes []string
	for _, i := range f.region.EC2.Instances() {
		if i.State == state && !slices.Contains(f.instances, i.ID) {
			nodes = append(nodes, i.ID)
		}
	}
	return pick(f.rand, nodes...)
}

// createdAt draws the value of that tag, mostly near the ages that matter to the rule.
func (f *Fixtures) createdAt() time.Time {
	age := pick(f.rand, []time.Duration{
		0, -15 * time.Minute, f.executions.settings.GracePeriod, 24 * time.Hour, within(f.rand, 0, 48*time.Hour), within(f.rand, -time.Hour, time.Hour),
	}...)
	at := f.region.Loop.Now().Add(-age + within(f.rand, -10*time.Second, 10*time.Second))
	if chance(f.rand, 0.2) {
		at = at.In(time.FixedZone("", 9*3600))
	}
	return at
}

// garbage returns a tag's value that somebody typed.
func (f *Fixtures) garbage() string {
	return pick(f.rand,
		"", " ", "true", "i-*", "i-0123456789ABCDEF0", "i-012345678", "unknown", "yesterday", "2026-11-23", "2026-11-23 10:00:00", "1795428000",
		"2999-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2026-02-30T00:00:00Z", f.owner(true), f.createdAt().Format(time.RFC3339),
	)
}
