package simulator

import (
	"net/url"
	"strings"
	"time"
)

// A neighbour is another cleaner of the same account. It looks every so often, and
// deletes at once what it wants: its calls are the account's like all others'.
type neighbour struct {
	world  *World
	caller string
	every  time.Duration
	wants  func(Interface) bool
	alive  func() bool
}

// AddCron adds the script that many accounts run: it deletes every interface that is
// available and described as a CNI's.
func (w *World) AddCron(every time.Duration) {
	defer w.enter()()
	n := neighbour{w, "cron", every, isCNIs, func() bool { return true }}
	w.after(w.between(0, every), n.look)
}

// AddResourceController adds EKS's VPC resource controller: every 30 minutes it looks
// for what a cluster's managed CNI made, and deletes what it sees for the second time
// (amazon-vpc-resource-controller-k8s, pkg/aws/ec2/api/eni_cleanup.go).
func (w *World) AddResourceController(cluster string) {
	defer w.enter()()
	seen := map[string]bool{}
	n := neighbour{world: w, caller: "resource-controller", every: 30 * time.Minute, alive: func() bool { return true }}
	n.wants = func(eni Interface) bool {
		if eni.Tags[tagOwner] != "amazon-vpc-cni" || eni.Tags[tagCluster] != cluster {
			return false
		}
		again := seen[eni.ID]
		seen[eni.ID] = true
		return again
	}
	w.after(w.between(0, n.every), n.look)
}

// SweepHourly has a node's CNI look for what other nodes left: every hour, older
// than 5 minutes by createdAt, or of an age that cannot be read (amazon-vpc-cni-k8s,
// pkg/awsutils/awsutils.go: cleanUpLeakedENIs).
func (w *World) SweepHourly(instance string) {
	defer w.enter()()
	n := neighbour{world: w, caller: instance, every: time.Hour}
	n.alive = func() bool {
		node := w.nodes[instance]
		return node != nil && !node.dead
	}
	n.wants = func(eni Interface) bool {
		value, tagged := eni.Tags[tagCreatedAt]
		created, _ := time.Parse(time.RFC3339, value)
		return isCNIs(eni) && tagged && w.now.Sub(created) >= 5*time.Minute
	}
	w.after(w.between(0, n.every), n.look)
}

func isCNIs(eni Interface) bool { return strings.HasPrefix(eni.Description, "aws-K8S-i-") }

// look lists and deletes, and will look again.
func (n neighbour) look() {
	if !n.alive() {
		return
	}
	n.world.after(n.every, n.look)
	list := url.Values{"MaxResults": {"1000"}, "Filter.1.Name": {"status"}, "Filter.1.Value.1": {"available"}}
	if !n.call("DescribeNetworkInterfaces", list) {
		return
	}
	for _, eni := range n.world.interfaces.all() {
		if eni.Status == "available" && n.wants(eni) {
			n.call("DeleteNetworkInterface", url.Values{"NetworkInterfaceId": {eni.ID}})
		}
	}
}

func (n neighbour) call(action string, form url.Values) (done bool) {
	_, err := n.world.answer(n.world.arrive("ec2", action, n.caller, form))
	return err == nil
}
