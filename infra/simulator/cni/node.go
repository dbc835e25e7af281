// Package cni is the VPC CNI on the nodes of clusters: it creates, attaches and
// deletes interfaces by EC2's API, step by step, and leaks one when its node dies
// between two steps.
//
// It imports loop, api and ec2. Start reading at [Nodes], what can be done to a node,
// and at node, what it does then; eni.go has the steps.
package cni

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// A Node is an instance of a cluster with the VPC CNI on it.
type Node struct {
	Subnet   string
	Operator string // the service that manages the instance; "" for none
	Hidden   bool   // EC2 shows the instance to nobody but itself
	CNI      Config
}

// A Config is how a node's CNI was made and set up.
type Config struct {
	Cluster     string         // CLUSTER_NAME: the managed add-on sets it, the plain manifest does not
	Untagged    bool           // version 1.6 or older: tags after the attach
	Prefixes    int            // prefix delegation: /28s for an interface
	Addresses   int            // for an interface without them, the primary one included; default 10
	Subnet      string         // custom networking: not the node's
	ClockOffset time.Duration  // how far the node's clock is ahead
	Zone        *time.Location // the node's time zone; default UTC
	AttachFails float64        // how likely an attach fails, so that the CNI undoes it
}

// Clock returns what the node's clock shows.
func (c Config) Clock(now time.Time) time.Time {
	return now.Add(c.ClockOffset).In(cmp.Or(c.Zone, time.UTC))
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

// olderStartsAfter is how long after its instance's launch an older CNI runs at the earliest:
// the instance boots, joins the cluster and pulls the image first. Assumed; minutes as a rule.
const olderStartsAfter = time.Minute

// Nodes are all nodes of a region. Its methods do nothing to a node that is gone.
type Nodes struct {
	// Terminate ends an instance. Auto Scaling replaces it, so that a group's
	// member ends with its group's event.
	Terminate func(instance string)

	loop  *loop.Loop
	front *api.Front
	ec2   *ec2.EC2
	nodes map[string]*node
}

func New(l *loop.Loop, front *api.Front, e *ec2.EC2) *Nodes {
	terminate := func(instance string) { e.Terminate(instance, false, nil) }
	return &Nodes{Terminate: terminate, loop: l, front: front, ec2: e, nodes: map[string]*node{}}
}

// Launch starts a node. It fails where the subnet has no address for it.
func (s *Nodes) Launch(config Node) (instance string, err error) {
	n := &node{Node: config, Nodes: s, inFlight: map[string]bool{}}
	id, refused := s.ec2.RunInstance(ec2.Instance{Subnet: config.Subnet, Operator: config.Operator, Hidden: config.Hidden}, n)
	if refused != nil {
		return "", refused
	}
	return id, nil
}

// AllocENI makes a node's CNI add interfaces, one after the other.
func (s *Nodes) AllocENI(instance string, count int) {
	n := s.nodes[instance]
	if n == nil {
		return
	}
	wait := time.Duration(0)
	if i, _ := s.ec2.Instance(instance); n.CNI.Untagged {
		wait = max(0, i.LaunchedAt.Add(olderStartsAfter).Sub(s.loop.Now()))
	}
	n.later(wait, func() { n.allocate(count) })
}

// FreeENI makes a node's CNI delete one of its interfaces, if it has one.
func (s *Nodes) FreeENI(instance string) {
	if n := s.nodes[instance]; n != nil {
		n.later(0, n.freeOne)
	}
}

// CrashAt ends a node the next time that its CNI comes to a step.
func (s *Nodes) CrashAt(instance string, at Step) {
	if n := s.nodes[instance]; n != nil {
		n.crashAt = at
	}
}

// Restart ends and starts a running node's CNI: it forgets what was in flight, and
// the node lives on.
func (s *Nodes) Restart(instance string) {
	if i, _ := s.ec2.Instance(instance); i.State == "running" && s.nodes[instance] != nil {
		n := s.nodes[instance]
		n.Die()
		n.dead = false
	}
}

// Has holds for an instance that is a node, until EC2 forgets it.
func (s *Nodes) Has(instance string) bool { return s.nodes[instance] != nil }

// Config returns how a node's CNI is set up; zero for what is no node.
func (s *Nodes) Config(instance string) (c Config) {
	if n := s.nodes[instance]; n != nil {
		c = n.CNI
	}
	return c
}

// Alive holds while a node's CNI runs.
func (s *Nodes) Alive(instance string) bool { return s.Has(instance) && !s.nodes[instance].dead }

// A node is one node's CNI: what it has in flight, and what waits until its instance runs.
type node struct {
	Node
	*Nodes
	id       string
	life     int // of its process; what an earlier life planned is forgotten
	dead     bool
	crashAt  Step
	inFlight map[string]bool // interfaces that it is working on
	waiting  []func()
}

// Begin tags the primary interface: a CNI that starts tags every interface of its
// node (amazon-vpc-cni-k8s, pkg/ipamd/ipamd.go: nodeInit).
func (n *node) Begin(instance, primary string) {
	n.id, n.nodes[instance] = instance, n
	n.later(time.Second, func() { n.tag(primary) })
}

// Wake does what waited for the instance, some time after EC2 has called it running:
// a hibernated one first loads its memory (EC2 User Guide, "How Amazon EC2 instance
// hibernation works"; how long that takes is an assumption).
func (n *node) Wake() {
	waiting := n.waiting
	n.waiting = nil
	for _, step := range waiting {
		n.loop.After(n.loop.Between(0, time.Minute), step)
	}
}

// Die ends the CNI's process. No one will attach what it had in flight.
func (n *node) Die() {
	n.life++
	n.dead, n.waiting = true, nil
	for id := range n.inFlight {
		n.ec2.MarkLeaked(id)
	}
	clear(n.inFlight)
}

func (n *node) Gone() { delete(n.nodes, n.id) }

// later does a step of the CNI's once d has passed and the instance runs, unless the CNI has died.
func (n *node) later(d time.Duration, do func()) {
	life := n.life
	var step func()
	step = func() {
		i, _ := n.ec2.Instance(n.id)
		switch {
		case n.dead || n.life != life || i.State == "":
		case i.State == "running" || i.State == "shutting-down":
			do()
		default:
			n.waiting = append(n.waiting, step)
		}
	}
	n.loop.After(d, step)
}

// reach is true if the node lives past a step.
func (n *node) reach(at Step) bool {
	if n.crashAt != at {
		return true
	}
	n.Die()
	n.Terminate(n.id)
	return false
}

// call makes an EC2 call. A throttled one is repeated as the SDK does. Then gets the
// answer, whichever it is.
func (n *node) call(action string, form url.Values, then func(any, *api.Error)) {
	pause := time.Second
	var attempt func()
	attempt = func() {
		result, err := n.front.Call("ec2", action, n.id, form)
		if err != nil && err.Status >= 500 && pause < time.Minute {
			n.later(pause, attempt)
			pause *= 2
			return
		}
		then(result, err)
	}
	attempt()
}

// freeDevice returns the lowest device index that the node has left.
func (n *node) freeDevice() int {
	taken := n.ec2.Devices(n.id)
	for index := 1; ; index++ {
		if !slices.Contains(taken, index) {
			return index
		}
	}
}
