package ec2

import (
	"cmp"
	"fmt"
	"maps"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

type Instance struct {
	ID           string            `xml:"instanceId"`
	Subnet       string            `xml:"subnetId,omitempty"` // VPC and zone are the subnet's
	VPC          string            `xml:"vpcId,omitempty"`
	Zone         string            `xml:"placement>availabilityZone,omitempty"`
	Owner        string            `xml:"-"` // default the region's account; others' instances are never visible
	State        string            `xml:"-"` // default "running"
	Operator     string            `xml:"-"` // the principal of the service that manages it; "" for none
	Tags         map[string]string `xml:"-"`
	Hidden       bool              `xml:"-"` // EC2 shows it to nobody but itself
	LaunchedAt   time.Time         `xml:"-"` // or last started
	TerminatedAt time.Time         `xml:"-"`
}

// shown returns an instance as EC2 shows it: without its network from the shutdown on (recorded).
func (i Instance) shown() Instance {
	if i.State == "shutting-down" || i.State == "terminated" {
		i.Subnet, i.VPC = "", ""
	}
	return i
}

// A Guest is what runs on an instance.
type Guest interface {
	Begin(instance, primary string) // with the instance's primary interface
	Wake()                          // the instance runs, at first or again
	Die()                           // as a process does, until the machine is off
	Gone()                          // EC2 forgets the instance
}

// An InstanceStore holds all instances that still exist, other accounts' and hidden ones too.
type InstanceStore struct {
	loop       *loop.Loop
	account    string
	network    *Network
	interfaces *InterfaceStore
	table      table[Instance]
	guests     map[string]Guest
	onChange   []func(id, state string)
}

// OnChange calls f after each change of an instance's state in its life.
func (s *InstanceStore) OnChange(f func(id, state string)) { s.onChange = append(s.onChange, f) }

// visibleTerminated is how long DescribeInstances still shows a terminated
// instance (EC2 User Guide, "Terminate Amazon EC2 instances": usually within an hour).
const visibleTerminated = time.Hour

// AddInstance adds an instance as it is, with no life of its own, and returns its ID.
func (s *InstanceStore) AddInstance(i Instance) string {
	i.ID = cmp.Or(i.ID, s.loop.ID("i"))
	s.create(i)
	s.SetState(i.ID, cmp.Or(i.State, "running"))
	return i.ID
}

// RunInstance launches an instance with its primary interface and a guest.
func (s *InstanceStore) RunInstance(i Instance, guest Guest) (id string, err *api.Error) {
	i.ID, i.State = s.loop.ID("i"), "pending"
	primary := Interface{
		ID: s.loop.ID("eni"), Subnet: i.Subnet, Status: "in-use", Addresses: make([]Address, 1),
		Attachment: &Attachment{ID: s.loop.ID("eni-attach"), Instance: i.ID, InstanceOwner: s.account, Status: "attached", DeleteOnTermination: true},
	}
	if err := s.interfaces.create(&primary); err != nil {
		return "", err
	}
	s.create(i)
	s.guests[i.ID] = guest
	s.boot(i.ID)
	guest.Begin(i.ID, primary.ID)
	return i.ID, nil
}

// Instances returns all instances in the order of their IDs.
func (s *InstanceStore) Instances() []Instance { return s.table.all() }

func (s *InstanceStore) Instance(id string) (Instance, bool) {
	i, ok := s.table.rows[id]
	return i, ok
}

// InstanceSince returns what an instance was from when on, ten minutes ago at most,
// the latest first. A nil stands for a time without it.
func (s *InstanceStore) InstanceSince(when time.Time, id string) []*Instance {
	return s.table.since(when, id)
}

// UpdateInstance changes an instance behind EC2's back.
func (s *InstanceStore) UpdateInstance(id string, change func(*Instance)) {
	i, ok := s.table.rows[id]
	if !ok {
		panic(fmt.Sprintf("simulator: no instance %s", id))
	}
	i.Tags = maps.Clone(i.Tags)
	change(&i)
	s.table.put(s.loop.Now(), id, i)
}

// SetState changes an instance's state, and nothing of its interfaces. A terminated
// one vanishes later.
func (s *InstanceStore) SetState(id, state string) {
	s.UpdateInstance(id, func(i *Instance) {
		i.State = state
		if state == "terminated" && i.TerminatedAt.IsZero() {
			i.TerminatedAt = s.loop.Now()
		}
	})
	if state != "terminated" {
		return
	}
	s.loop.After(visibleTerminated-s.loop.Now().Sub(s.table.rows[id].TerminatedAt), func() {
		s.table.drop(s.loop.Now(), id)
		if guest := s.guests[id]; guest != nil {
			delete(s.guests, id)
			guest.Gone()
		}
	})
}

// Stop hibernates a running instance: its guest continues after [InstanceStore.Start].
func (s *InstanceStore) Stop(id string) {
	if s.transition(id, "running", "stopping") {
		s.loop.After(s.loop.Between(5*time.Second, 30*time.Second), func() { s.transition(id, "stopping", "stopped") })
	}
}

// Start wakes a stopped instance. Its launch time is then that of the start (EC2 API
// Reference, Instance: "the time that the instance was last launched").
func (s *InstanceStore) Start(id string) {
	if s.transition(id, "stopped", "pending") {
		s.UpdateInstance(id, func(i *Instance) { i.LaunchedAt = s.loop.Now() })
		s.boot(id)
	}
}

// Terminate shuts an instance down. Its guest outlives the call by some seconds. Late
// keeps its interfaces attached for minutes, as has been observed. Done is called
// when the instance is terminated.
func (s *InstanceStore) Terminate(id string, late bool, done func()) {
	if state := s.table.rows[id].State; state == "" || state == "shutting-down" || state == "terminated" {
		return
	}
	s.change(id, "shutting-down")
	if guest := s.guests[id]; guest != nil {
		s.loop.After(s.loop.Between(0, 10*time.Second), guest.Die)
	}
	s.loop.After(s.loop.Between(15*time.Second, time.Minute), func() {
		s.change(id, "terminated")
		s.detachAll(id, late)
		if done != nil {
			done()
		}
	})
}

func (s *InstanceStore) create(i Instance) {
	if vpc, zone := s.network.Place(i.Subnet); vpc != "" {
		i.VPC, i.Zone = vpc, zone
	}
	i.Owner = cmp.Or(i.Owner, s.account)
	i.Tags = maps.Clone(i.Tags)
	if i.LaunchedAt.IsZero() {
		i.LaunchedAt = s.loop.Now()
	}
	s.table.put(s.loop.Now(), i.ID, i)
}

// boot makes a pending instance run, and its guest do what waited.
func (s *InstanceStore) boot(id string) {
	s.loop.After(s.loop.Between(10*time.Second, 30*time.Second), func() {
		if guest := s.guests[id]; s.transition(id, "pending", "running") && guest != nil {
			guest.Wake()
		}
	})
}

// transition changes an instance's state if it is what it must have been before.
func (s *InstanceStore) transition(id, from, to string) bool {
	if s.table.rows[id].State != from {
		return false
	}
	s.change(id, to)
	return true
}

func (s *InstanceStore) change(id, state string) {
	s.SetState(id, state)
	for _, f := range s.onChange {
		f(id, state)
	}
}

func (s *InstanceStore) detachAll(instance string, late bool) {
	for _, eni := range s.interfaces.Interfaces() {
		switch {
		case eni.Attachment == nil || eni.Attachment.Instance != instance:
		case eni.Attachment.DeleteOnTermination:
			s.interfaces.remove(eni)
		case late:
			s.interfaces.detach(eni.ID, s.loop.Between(time.Minute, 6*time.Minute))
		default:
			s.interfaces.detach(eni.ID, s.loop.Between(time.Second, 5*time.Second))
		}
	}
}
