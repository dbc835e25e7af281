package hostile

import (
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// acts are what happens in a history, with how often.
var acts = []struct {
	name   string
	weight int
	do     func(*History)
}{
	{"scale out", 12, (*History).scaleOut},
	{"scale in", 14, func(h *History) { h.world.ScaleIn(h.group(), 1+h.rand.IntN(2)) }},
	{"a lone node", 4, (*History).launchLoner},
	{"allocate", 8, func(h *History) { h.world.Allocate(h.node(), 1+h.rand.IntN(2)) }},
	{"give back", 6, func(h *History) { h.world.GiveBack(h.node()) }},
	{"die between create and attach", 6, func(h *History) { h.dieAllocating(simulator.Created) }},
	{"die between attach and modify", 5, func(h *History) { h.dieAllocating(simulator.Attached) }},
	{"die between detach and delete", 6, (*History).dieGivingBack},
	{"terminate", 6, func(h *History) { h.world.Terminate(h.node()) }},
	{"restart the CNI", 5, (*History).restart},
	{"hibernate", 5, (*History).hibernate},
	{"wake", 4, (*History).wake},
	{"an odd interface", 14, (*History).putOdd},
	{"tag by hand", 5, (*History).tag},
	{"attach by hand", 3, (*History).attach},
	{"a stuck interface", 3, (*History).stick},
	{"a bad message", 3, (*History).sendBad},
	{"a tick twice", 3, (*History).tickTwice},
	{"by hand, dry", 8, func(h *History) { h.inspect() }},
	{"by hand, for real", 3, (*History).byHand},
	{"redeploy", 3, (*History).redeploy},
	{"a spell of trouble", 6, (*History).trouble},
	{"redrive", 1, func(h *History) { h.dead.Redrive() }},
}

// act lets one thing happen.
func (h *History) act() {
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	place := h.rand.IntN(total)
	for _, a := range acts {
		if place -= a.weight; place < 0 {
			h.note("%s", a.name)
			h.count("act/" + a.name)
			a.do(h)
			return
		}
	}
}

func (h *History) group() string { return h.groups[h.rand.IntN(len(h.groups))] }

// node is a node that runs; "" for none.
func (h *History) node() string { return h.nodeIn("running") }

func (h *History) nodeIn(state string) string {
	var nodes []string
	for _, i := range h.world.Instances() {
		if i.State == state && !slices.Contains(h.odd, i.ID) {
			nodes = append(nodes, i.ID)
		}
	}
	if len(nodes) == 0 {
		return ""
	}
	return nodes[h.rand.IntN(len(nodes))]
}

func (h *History) scaleOut() {
	nodes, err := h.world.ScaleOut(h.group(), 1+h.rand.IntN(2))
	h.note("launched %v %v", nodes, err)
	for _, node := range nodes {
		h.furnish(node)
	}
}

// furnish has a node do what its pods ask for.
func (h *History) furnish(node string) {
	h.world.Allocate(node, 1+h.rand.IntN(2))
	if h.traits.sweeps {
		h.world.SweepHourly(node)
	}
}

// launchLoner launches a node that no group ends, so that no event tells of its end.
func (h *History) launchLoner() {
	vpc := h.rand.IntN(h.traits.vpcs)
	home := h.subnets[2*vpc : 2*vpc+2]
	node, err := h.world.Launch(simulator.Node{Subnet: home[0], Operator: []string{"", "", "eks.amazonaws.com"}[h.rand.IntN(3)], Hidden: h.traits.hidden, CNI: h.drawCNI(home)})
	h.note("launched %s %v", node, err)
	if err == nil {
		h.furnish(node)
	}
}

func (h *History) dieAllocating(at simulator.Step) {
	node := h.node()
	h.note("%s dies at step %d of its next allocation", node, at)
	h.world.DieAt(node, at)
	h.world.Allocate(node, 2)
}

func (h *History) dieGivingBack() {
	node := h.node()
	h.note("%s dies when it gives back", node)
	h.world.DieAt(node, simulator.Detached)
	h.world.GiveBack(node)
}

// restart ends a CNI in the middle of what it does; its node goes on.
func (h *History) restart() {
	node := h.node()
	if h.chance(0.7) {
		h.world.Allocate(node, 1)
		time.Sleep(h.between(0, 4*time.Second))
	}
	h.note("%s restarts its CNI", node)
	h.world.Restart(node)
}

// hibernate stops a node, most times in the middle of an allocation, and may have it
// woken at any later time.
func (h *History) hibernate() {
	if !h.traits.hibernate {
		return
	}
	node := h.node()
	if h.chance(0.8) {
		h.world.Allocate(node, 1)
		time.Sleep(h.between(0, 4*time.Second))
	}
	h.note("%s hibernates", node)
	h.world.Stop(node)
	if h.chance(0.7) {
		run, wait, asleep := h.chance(0.7), h.between(0, 30*time.Second), h.between(time.Minute, h.traits.length)
		if h.traits.length > 24*time.Hour && h.chance(0.5) {
			asleep = h.between(24*time.Hour, 25*time.Hour)
		}
		h.world.After(asleep, func() { h.rouse(node, run, wait) })
	}
}

func (h *History) wake() {
	if node := h.nodeIn("stopped"); node != "" {
		h.rouse(node, h.chance(0.7), h.between(0, 30*time.Second))
	}
}

// rouse wakes a node, and may have a run come while it takes up what it had in hand.
func (h *History) rouse(node string, run bool, wait time.Duration) {
	h.note("%s wakes", node)
	h.world.Start(node)
	if run {
		h.whenRunning(node, func() { h.world.After(wait, func() { h.world.Tick(h.lambda) }) })
	}
}

// whenRunning has f done once a node that boots is up.
func (h *History) whenRunning(node string, f func()) {
	switch i, _ := h.world.Instance(node); i.State {
	case "running":
		f()
	case "pending":
		h.world.After(time.Second, func() { h.whenRunning(node, f) })
	}
}

// tag is an operator's hand on an interface's tags.
func (h *History) tag() {
	id := h.interfaceOfAny()
	key := []string{tagInstance, tagCreatedAt, tagKeep, tagNoManage, tagCluster, "Name"}[h.rand.IntN(6)]
	value := h.garbage()
	remove := h.chance(0.4)
	h.note("the operator tags %s: %s = %q (or removes it: %v)", id, key, value, remove)
	h.redated[id] = h.redated[id] || key == tagCreatedAt
	h.world.Update(id, func(eni *simulator.Interface) {
		if remove {
			delete(eni.Tags, key)
			return
		}
		if eni.Tags == nil {
			eni.Tags = map[string]string{}
		}
		eni.Tags[key] = value
	})
}

// attach is an operator who makes use of an interface that lies about, for some minutes.
func (h *History) attach() {
	abandoned := h.world.Abandoned()
	if len(abandoned) == 0 {
		return
	}
	id, node := abandoned[0].ID, h.node()
	if node == "" {
		return
	}
	h.note("the operator attaches %s to %s", id, node)
	h.world.Update(id, func(eni *simulator.Interface) {
		eni.Status, eni.LeakedAt = "in-use", time.Time{}
		eni.Attachment = &simulator.Attachment{ID: "eni-attach-by-hand", Instance: node, InstanceOwner: account, DeviceIndex: 9, Status: "attached"}
	})
	h.world.After(h.between(0, time.Hour), func() {
		now := h.world.Now()
		h.world.Update(id, func(eni *simulator.Interface) {
			eni.Status, eni.Attachment, eni.LeakedAt = "available", nil, now
		})
	})
}

// interfaceOfAny is any interface.
func (h *History) interfaceOfAny() string {
	all := h.world.Interfaces()
	if len(all) == 0 {
		return ""
	}
	return all[h.rand.IntN(len(all))].ID
}

// sendBad sends a message that is no terminate event, or none that can be read.
func (h *History) sendBad() {
	body := []string{
		"", "{", "null", "[]", `{"source":"aws.autoscaling"}`, `{"source":"aws.scheduler","detail-type":"Scheduled Event","detail":"{}"}`, `{"dryRun":false}`,
		`{"source":"aws.autoscaling","detail-type":"EC2 Instance Terminate Successful","detail":{"EC2InstanceId":"i-*"}}`,
		`{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","detail":{"instance-id":"i-0123456789abcdef0","state":"terminated"}}`,
	}[h.rand.IntN(9)]
	h.note("a bad message: %s", body)
	h.bad[body] = true
	h.buffer.Send(body)
}

// tickTwice is Scheduler, which delivers at least once (EventBridge Scheduler User Guide).
func (h *History) tickTwice() {
	for range 1 + h.rand.IntN(2) {
		h.world.Tick(h.lambda)
	}
}

// redeploy changes the settings: every process ends, and the next ones have new ones.
func (h *History) redeploy() {
	h.settings = h.drawSettings()
	h.note("redeployed with %+v", h.settings)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.processes {
		p.retired = true
	}
}
