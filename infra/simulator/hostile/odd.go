package hostile

import (
	"fmt"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// The tags that the rule reads (spec: the rule).
const (
	tagInstance  = "node.k8s.amazonaws.com/instance_id"
	tagCreatedAt = "node.k8s.amazonaws.com/createdAt"
	tagNoManage  = "node.k8s.amazonaws.com/no_manage"
	tagCluster   = "cluster.k8s.amazonaws.com/name"
	tagKeep      = "network-interface-releaser/keep"
	description  = "aws-K8S-"
)

// putOdd puts an interface there that no living CNI has to do with: somebody's
// own, an old leak, one with tags of any kind, of owners in any state.
func (h *History) putOdd() { h.put(h.bends()) }

// put puts a leaked interface there, bent in some ways.
func (h *History) put(bends int) {
	owner := h.oddOwner(false)
	eni := simulator.Interface{
		Subnet: h.subnets[h.rand.IntN(len(h.subnets))], Description: description + owner, Addresses: make([]simulator.Address, 1+h.rand.IntN(15)),
		Tags: map[string]string{tagInstance: owner, tagCreatedAt: h.age().Format(time.RFC3339)},
	}
	if h.chance(0.5) {
		eni.Tags[tagCluster] = "blue"
	}
	for range bends {
		oddities[h.rand.IntN(len(oddities))](h, &eni)
	}
	if eni.Attachment == nil && (eni.Status == "" || eni.Status == "available") {
		eni.LeakedAt = h.world.Now()
	}
	id := h.world.Seed(eni)
	h.note("odd: %s of %s %q %q %s %v", id, eni.Owner, eni.Description, eni.Status, eni.Type, eni.Tags)
}

// bends is how many: mostly one, sometimes none or several.
func (h *History) bends() int { return []int{0, 1, 1, 1, 1, 2, 2, 3}[h.rand.IntN(8)] }

// oddities bend one thing each.
var oddities = []func(*History, *simulator.Interface){
	func(h *History, eni *simulator.Interface) {
		eni.Attachment = &simulator.Attachment{Instance: h.oddOwner(false), InstanceOwner: account, DeviceIndex: 7}
		eni.Status = []string{"in-use", "attaching", "detaching", "associated", "available"}[h.rand.IntN(5)]
		if h.chance(0.3) {
			eni.Attachment = nil
		}
	},
	func(h *History, eni *simulator.Interface) {
		eni.Type = []string{"branch", "trunk", "efa", "lambda", "nat_gateway"}[h.rand.IntN(5)]
	},
	func(h *History, eni *simulator.Interface) { eni.RequesterManaged, eni.RequesterID = true, "amazon-elb" },
	func(h *History, eni *simulator.Interface) { eni.Operator = "eks.amazonaws.com" },
	func(h *History, eni *simulator.Interface) { eni.Owner = "210987654321" },
	func(h *History, eni *simulator.Interface) {
		eni.Description = []string{eni.Description + " (fail-over)", eni.Description + "0", "aws-K8S-i-", "aws-K8S-i-*", "aws-K8S-i-0123456789ABCDEF0", "aws-k8s-branch-eni", "Cilium-CNI (i-0123456789abcdef0)"}[h.rand.IntN(7)]
	},
	func(h *History, eni *simulator.Interface) {
		eni.Addresses[h.rand.IntN(len(eni.Addresses))].Association = []*simulator.Association{{PublicIP: "192.0.2.1"}, {CarrierIP: "192.0.2.2"}, {CustomerOwnedIP: "192.0.2.3"}}[h.rand.IntN(3)]
	},
	func(h *History, eni *simulator.Interface) {
		eni.Tags[tagKeep] = []string{"", "true", "false"}[h.rand.IntN(3)]
	},
	func(h *History, eni *simulator.Interface) {
		eni.Tags[tagNoManage] = []string{"true", "true", "false", "True", ""}[h.rand.IntN(5)]
	},
	func(h *History, eni *simulator.Interface) { eni.Tags[tagInstance] = h.garbage() },
	func(h *History, eni *simulator.Interface) { eni.Tags[tagCreatedAt] = h.garbage() },
	func(h *History, eni *simulator.Interface) { clear(eni.Tags) },
	func(h *History, eni *simulator.Interface) { delete(eni.Tags, tagInstance) },
	func(h *History, eni *simulator.Interface) { delete(eni.Tags, tagCreatedAt) },
	func(h *History, eni *simulator.Interface) {
		delete(eni.Tags, tagCluster)
		eni.Tags["kubernetes.io/cluster/"+[]string{"blue", "green"}[h.rand.IntN(2)]] = "owned"
	},
	func(h *History, eni *simulator.Interface) {
		eni.Tags[tagCluster] = []string{"", "green", "blue-2"}[h.rand.IntN(3)]
	},
	func(h *History, eni *simulator.Interface) { eni.Tags[tagInstance] = h.oddOwner(true) },
	func(h *History, eni *simulator.Interface) { eni.Tags[tagInstance] = h.oddOwner(true) },
	func(h *History, eni *simulator.Interface) { eni.Prefixes = make([]string, 1+h.rand.IntN(3)) },
}

// oddOwner is an instance that an interface may name: one that never was, one in
// any state, or (running ones, for theirs) a node.
func (h *History) oddOwner(nodes bool) string {
	if node := h.node(); nodes && node != "" && h.chance(0.3) {
		return node
	}
	id := []string{fmt.Sprintf("i-%08x", h.rand.Uint32()), fmt.Sprintf("i-0%016x", h.rand.Uint64())}[h.rand.IntN(2)]
	state := []string{"", "", "terminated", "terminated", "running", "running", "stopped", "stopping", "pending", "shutting-down"}[h.rand.IntN(10)]
	if state == "" {
		return id
	}
	h.odd = append(h.odd, id)
	launched := h.world.Now().Add(-h.between(0, 60*time.Hour))
	if h.chance(0.1) {
		launched = h.world.Now().Add(-24 * time.Hour)
	}
	return h.world.SeedInstance(simulator.Instance{ID: id, Subnet: h.subnets[0], State: state, LaunchedAt: launched})
}

// age is when an interface was created, by its tag: mostly near the moments that matter.
func (h *History) age() time.Time {
	ages := []time.Duration{0, -15 * time.Minute, h.settings.GracePeriod, 24 * time.Hour, h.between(0, 48*time.Hour), h.between(-time.Hour, time.Hour)}
	at := h.world.Now().Add(-ages[h.rand.IntN(len(ages))] + h.between(-10*time.Second, 10*time.Second))
	if h.chance(0.2) {
		at = at.In(time.FixedZone("", 9*3600))
	}
	return at
}

// garbage is a tag's value that somebody typed.
func (h *History) garbage() string {
	return []string{
		"", " ", "true", "i-*", "i-0123456789ABCDEF0", "i-012345678", "unknown", "yesterday", "2026-11-23", "2026-11-23 10:00:00", "1795428000",
		"2999-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2026-02-30T00:00:00Z", h.oddOwner(true), h.age().Format(time.RFC3339),
	}[h.rand.IntN(16)]
}

// stuckness is a way in which an interface can never be deleted.
type stuckness struct {
	name, code, message string
	status              int // 0: the code's usual one
}

// refused is the one that fails runs: where it is all that is left to release, it
// cannot be told from a missing permission (spec: release).
const refused = "not authorized"

var stucknesses = []stuckness{
	{"in use, says EC2", "InvalidParameterValue", "Network interface is currently in use.", 0},
	{"in use, by code", "InvalidNetworkInterface.InUse", "", 0},
	{"not permitted", "OperationNotPermitted", "", 0},
	{"not this account's", "AuthFailure", "You do not have permission to access the specified resource.", 400},
	{refused, "UnauthorizedOperation", "", 0},
	{"internal error", "InternalError", "", 0},
	{"unknown code", "SomethingNew", "", 0},
}

// stick makes an interface one that can never be deleted.
func (h *History) stick() {
	for _, eni := range h.world.Abandoned() {
		if h.chance(0.5) {
			how := stucknesses[h.rand.IntN(len(stucknesses))]
			h.note("%s can never be deleted: %s", eni.ID, how.name)
			h.mu.Lock()
			h.stuck[eni.ID] = how
			h.mu.Unlock()
			return
		}
	}
}
