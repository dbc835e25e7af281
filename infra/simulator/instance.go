package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"time"
)

// An Instance is an EC2 instance.
type Instance struct {
	ID           string
	Subnet       string // VPC and zone are the subnet's
	VPC          string
	Zone         string
	Owner        string // default the world's account; others' instances are never visible
	State        string // default "running"
	Operator     string // the principal of the service that manages it; "" for none
	Tags         map[string]string
	Hidden       bool      // EC2 shows it to nobody but itself
	LaunchedAt   time.Time // or last started
	TerminatedAt time.Time
}

// visibleTerminated is how long DescribeInstances still shows a terminated
// instance (EC2 User Guide, "Terminate Amazon EC2 instances": usually within an hour).
const visibleTerminated = time.Hour

// stateCodes are InstanceState's, of the EC2 API Reference.
var stateCodes = map[string]int{"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}

// SeedInstance puts an instance into the world as it is, without a node's life, and returns its ID.
func (w *World) SeedInstance(i Instance) string {
	defer w.enter()()
	i.ID = cmp.Or(i.ID, w.newID("i"))
	w.introduce(i)
	w.setState(i.ID, cmp.Or(i.State, "running"))
	return i.ID
}

// Instances are all instances that still exist, hidden ones too, in the order of their IDs.
func (w *World) Instances() []Instance {
	defer w.enter()()
	return w.instances.all()
}

// Instance finds one by its ID.
func (w *World) Instance(id string) (Instance, bool) {
	defer w.enter()()
	i, ok := w.instances.rows[id]
	return i, ok
}

// InstanceSince is what an instance was from when on, ten minutes ago at most, the
// latest first; nil is that there was none.
func (w *World) InstanceSince(when time.Time, id string) []*Instance {
	defer w.enter()()
	return w.instances.since(when, id)
}

// SetState changes an instance's state, and nothing of its interfaces.
func (w *World) SetState(id, state string) {
	defer w.enter()()
	w.setState(id, state)
}

// Terminate ends an instance. Its interfaces go or become available within seconds
// of its end; the event follows if it was of a group.
func (w *World) Terminate(id string) {
	defer w.enter()()
	w.end(id)
}

// Stop hibernates a running node: its CNI goes on with what it had in hand after [World.Start].
func (w *World) Stop(id string) {
	defer w.enter()()
	if w.turn(id, "running", "stopping") {
		w.after(w.between(5*time.Second, 30*time.Second), func() { w.turn(id, "stopping", "stopped") })
	}
}

// Start wakes a stopped node. Its launch time is then that of the start (EC2 API
// Reference, Instance: "the time that the instance was last launched").
func (w *World) Start(id string) {
	defer w.enter()()
	if w.turn(id, "stopped", "pending") {
		i := w.instances.rows[id]
		i.LaunchedAt = w.now
		w.instances.put(w.now, id, i)
		w.boot(id)
	}
}

// boot makes a pending instance run, and its CNI do what waited.
func (w *World) boot(id string) {
	w.after(w.between(10*time.Second, 30*time.Second), func() {
		if n := w.nodes[id]; w.turn(id, "pending", "running") && n != nil {
			n.wake()
		}
	})
}

// turn changes an instance's state if it is what it must have been before.
func (w *World) turn(id, from, to string) bool {
	if w.instances.rows[id].State != from {
		return false
	}
	w.setState(id, to)
	return true
}

func (w *World) introduce(i Instance) {
	if s, ok := w.subnets[i.Subnet]; ok {
		i.VPC, i.Zone = s.vpc, s.zone
	}
	i.Owner = cmp.Or(i.Owner, w.options.Account)
	i.Tags = maps.Clone(i.Tags)
	if i.LaunchedAt.IsZero() {
		i.LaunchedAt = w.now
	}
	w.instances.put(w.now, i.ID, i)
}

// setState changes an instance's state. A terminated one vanishes later.
func (w *World) setState(id, state string) {
	i, ok := w.instances.rows[id]
	if !ok {
		panic(fmt.Sprintf("simulator: no instance %s", id))
	}
	i.State = state
	if state == "terminated" {
		if i.TerminatedAt.IsZero() {
			i.TerminatedAt = w.now
		}
		w.after(visibleTerminated-w.now.Sub(i.TerminatedAt), func() {
			w.instances.drop(w.now, id)
			delete(w.nodes, id)
		})
	}
	w.instances.put(w.now, id, i)
}

// terminate shuts an instance down. Its CNI outlives the call by some seconds, as
// a process does until the machine is off. late keeps its interfaces attached for
// minutes, as has been observed: the event comes before they are available. done
// is called when the instance is terminated.
func (w *World) terminate(id string, late bool, done func()) {
	if state := w.instances.rows[id].State; state == "" || state == "shutting-down" || state == "terminated" {
		return
	}
	w.setState(id, "shutting-down")
	if n, ok := w.nodes[id]; ok {
		w.after(w.between(0, 10*time.Second), n.die)
	}
	w.after(w.between(15*time.Second, time.Minute), func() {
		w.setState(id, "terminated")
		w.unplug(id, late)
		if done != nil {
			done()
		}
	})
}

// unplug takes the interfaces off a terminated instance.
func (w *World) unplug(instance string, late bool) {
	for _, eni := range w.interfaces.all() {
		switch {
		case eni.Attachment == nil || eni.Attachment.Instance != instance:
		case eni.Attachment.DeleteOnTermination:
			w.remove(eni)
		case late:
			w.detach(eni.ID, w.between(time.Minute, 6*time.Minute))
		default:
			w.detach(eni.ID, w.between(time.Second, 5*time.Second))
		}
	}
}

// detach makes an interface available after a while. No CNI attaches one that it
// did not just create (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go: AllocENI), so
// one of a CNI is then abandoned.
func (w *World) detach(id string, while time.Duration) {
	w.change(id, func(eni *Interface) { eni.Status, eni.Attachment.Status = "detaching", "detaching" })
	w.after(while, func() {
		w.change(id, func(eni *Interface) { eni.Status, eni.Attachment = "available", nil })
		if w.interfaces.rows[id].Creator != "" {
			w.abandon(id)
		}
	})
}
