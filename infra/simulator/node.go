package simulator

import (
	"fmt"
	"net/url"
	"slices"
	"time"
)

// A Node is an instance of a cluster with the VPC CNI on it.
type Node struct {
	Subnet   string
	Operator string // the service that manages the instance; "" for none
	Hidden   bool   // EC2 shows the instance to nobody but itself
	CNI      CNI
}

// A CNI is how a node's VPC CNI was made and set up.
type CNI struct {
	Cluster     string         // CLUSTER_NAME: the managed add-on sets it, the plain manifest does not
	Untagged    bool           // version 1.6 or older: tags after the attach
	Prefixes    int            // prefix delegation: /28s for an interface
	Addresses   int            // for an interface without them, the primary one included; default 10
	Subnet      string         // custom networking: not the node's
	ClockOffset time.Duration  // how far the node's clock is ahead
	Zone        *time.Location // the node's time zone; default UTC
	AttachFails float64        // how likely an attach fails, so that the CNI undoes it
}

// A Step is a moment in a CNI's work between two of its calls.
type Step int

// The moments at which a node that dies leaks an interface (amazon-vpc-cni-k8s,
// pkg/awsutils/awsutils.go: AllocENI, FreeENI).
const (
	Nowhere  Step = iota
	Created       // created, not attached
	Attached      // attached, not yet marked "delete on termination"
	Detached      // detached, not deleted
)

// A node is a node's CNI: what it has in hand, and what waits until it can go on.
type node struct {
	Node
	world   *World
	id      string
	life    int // of its process; what an earlier life planned is forgotten
	dead    bool
	dieAt   Step
	hand    map[string]bool // interfaces that it is working on
	waiting []func()        // until the instance runs
}

// Launch starts a node. It fails where the subnet has no address for it.
func (w *World) Launch(n Node) (instance string, err error) {
	defer w.enter()()
	id, refused := w.launch(n)
	if refused != nil {
		return "", fmt.Errorf("launching a node: %w", refused)
	}
	return id, nil
}

func (w *World) launch(config Node) (string, *Error) {
	id := w.newID("i")
	primary := Interface{
		ID: w.newID("eni"), Subnet: config.Subnet, Status: "in-use", Addresses: make([]Address, 1),
		Attachment: &Attachment{ID: w.newID("eni-attach"), Instance: id, InstanceOwner: w.options.Account, Status: "attached", DeleteOnTermination: true, At: w.now},
	}
	if err := w.admit(&primary); err != nil {
		return "", err
	}
	w.introduce(Instance{ID: id, Subnet: config.Subnet, State: "pending", Operator: config.Operator, Hidden: config.Hidden})
	n := &node{Node: config, world: w, id: id, hand: map[string]bool{}}
	w.nodes[id] = n
	w.boot(id)
	// The CNI tags every interface of its node when it starts, the primary one too
	// (amazon-vpc-cni-k8s, pkg/ipamd/ipamd.go: nodeInit).
	n.later(time.Second, func() { n.tag(primary.ID) })
	return id, nil
}

// Allocate has a node's CNI add interfaces, one after the other. This and the
// methods below do nothing to a node that is gone.
func (w *World) Allocate(instance string, count int) {
	defer w.enter()()
	if n := w.nodes[instance]; n != nil {
		n.later(0, func() { n.allocate(count) })
	}
}

// GiveBack has a node's CNI return one of its interfaces, if it has one.
func (w *World) GiveBack(instance string) {
	defer w.enter()()
	if n := w.nodes[instance]; n != nil {
		n.later(0, n.giveBackOne)
	}
}

// DieAt ends a node the next time that its CNI comes to a step.
func (w *World) DieAt(instance string, s Step) {
	defer w.enter()()
	if n := w.nodes[instance]; n != nil {
		n.dieAt = s
	}
}

// Restart ends and starts a running node's CNI: it forgets what it had in hand,
// and the node goes on.
func (w *World) Restart(instance string) {
	defer w.enter()()
	if n := w.nodes[instance]; n != nil && w.instances.rows[instance].State == "running" {
		n.die()
		n.dead = false
	}
}

// later does a step of the CNI's once d has passed and the instance runs, unless the CNI has died.
func (n *node) later(d time.Duration, do func()) {
	life := n.life
	var step func()
	step = func() {
		state := n.world.instances.rows[n.id].State
		switch {
		case n.dead || n.life != life || state == "":
		case state == "running" || state == "shutting-down":
			do()
		default:
			n.waiting = append(n.waiting, step)
		}
	}
	n.world.after(d, step)
}

// wake does what waited for the instance, some time after EC2 has called it running:
// a hibernated one first loads its memory (EC2 User Guide, "How Amazon EC2 instance
// hibernation works"; how long that takes is an assumption).
func (n *node) wake() {
	waiting := n.waiting
	n.waiting = nil
	for _, step := range waiting {
		n.world.after(n.world.between(0, time.Minute), step)
	}
}

// die ends the CNI's process. No one will attach what it had in hand.
func (n *node) die() {
	n.life++
	n.dead, n.waiting = true, nil
	for id := range n.hand {
		n.world.abandon(id)
	}
	clear(n.hand)
}

// reach tells whether the node lives past a step.
func (n *node) reach(s Step) bool {
	if n.dieAt != s {
		return true
	}
	n.die()
	n.world.end(n.id)
	return false
}

// call makes an EC2 call by the account's means: its buckets, its journal. A
// throttled one is repeated as the SDK does. then has the answer, whichever it is.
func (n *node) call(action string, form url.Values, then func(any, *Error)) {
	pause := time.Second
	var attempt func()
	attempt = func() {
		result, err := n.world.answer(n.world.arrive("ec2", action, n.id, form))
		if err != nil && err.Status >= 500 && pause < time.Minute {
			n.later(pause, attempt)
			pause *= 2
			return
		}
		then(result, err)
	}
	attempt()
}

// freeDevice is the lowest device index that the node has left.
func (n *node) freeDevice() int {
	taken := n.world.devices(n.id)
	for index := 1; ; index++ {
		if !slices.Contains(taken, index) {
			return index
		}
	}
}
