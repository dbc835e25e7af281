package simulator

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// An Interface is a network interface as EC2 has it, and what the world knows of its fate.
type Interface struct {
	ID               string
	Subnet           string // VPC and zone are the subnet's
	VPC              string
	Zone             string
	Description      string
	Owner            string // default the world's account
	RequesterID      string
	RequesterManaged bool
	Operator         string // the principal of the service that manages it; "" for none
	Type             string // default "interface"
	Status           string // default "available", or "in-use" with an attachment
	Addresses        []Address
	Prefixes         []string // /28 each
	Tags             map[string]string
	Attachment       *Attachment

	Creator     string    // the instance whose CNI made it
	AbandonedAt time.Time // since when it is available and no one will attach it; zero: not so
}

// An Address is a private IPv4 address. Seeded blank, it is given a free one.
type Address struct {
	Private     string
	DNSName     string // empty where the VPC gives none
	Association *Association
}

// An Association ties an Elastic, carrier or customer-owned address to a private one.
type Association struct {
	PublicIP        string `xml:"publicIp,omitempty"`
	CarrierIP       string `xml:"carrierIp,omitempty"`
	CustomerOwnedIP string `xml:"customerOwnedIp,omitempty"`
	Owner           string `xml:"ipOwnerId,omitempty"`
	AllocationID    string `xml:"allocationId,omitempty"`
	AssociationID   string `xml:"associationId,omitempty"`
}

// An Attachment is to an instance, or to something of a service's (no Instance).
type Attachment struct {
	ID                  string
	Instance            string
	InstanceOwner       string
	DeviceIndex         int
	Status              string // attaching, attached, detaching
	DeleteOnTermination bool
	At                  time.Time
}

// Seed puts an interface into the world as it is, whatever EC2 would say, and
// returns its ID. Left out: an ID, one address, and the defaults above.
func (w *World) Seed(eni Interface) string {
	defer w.enter()()
	eni.ID = cmp.Or(eni.ID, w.newID("eni"))
	if len(eni.Addresses) == 0 {
		eni.Addresses = make([]Address, 1)
	}
	if a := eni.Attachment; a != nil {
		attachment := *a
		attachment.ID = cmp.Or(a.ID, w.newID("eni-attach"))
		attachment.Status = cmp.Or(a.Status, "attached")
		attachment.At = w.now
		eni.Attachment = &attachment
		eni.Status = cmp.Or(eni.Status, "in-use")
	}
	if err := w.admit(&eni); err != nil {
		panic("simulator: seeding an interface: " + err.Error())
	}
	return eni.ID
}

// Update changes an interface behind EC2's back.
func (w *World) Update(id string, change func(*Interface)) {
	defer w.enter()()
	w.change(id, change)
}

// Interfaces are all interfaces, other accounts' and hidden ones too, in the order of their IDs.
func (w *World) Interfaces() []Interface {
	defer w.enter()()
	return w.interfaces.all()
}

// Interface finds one by its ID.
func (w *World) Interface(id string) (Interface, bool) {
	defer w.enter()()
	eni, ok := w.interfaces.rows[id]
	return eni, ok
}

// InterfaceSince is what an interface was from when on, ten minutes ago at most, the
// latest first; nil is that there was none.
func (w *World) InterfaceSince(when time.Time, id string) []*Interface {
	defer w.enter()()
	return w.interfaces.since(when, id)
}

// Abandoned are the interfaces that are available and that no one will ever attach.
// It is what their creators have in mind and can still do that counts, not their
// tags. One that its living creator is about to delete is abandoned, too.
func (w *World) Abandoned() []Interface {
	return slices.DeleteFunc(w.Interfaces(), func(eni Interface) bool { return eni.AbandonedAt.IsZero() })
}

// admit gives a new interface its defaults and addresses, and puts it in the world.
func (w *World) admit(eni *Interface) *Error {
	s, ok := w.subnets[eni.Subnet]
	if !ok {
		return subnetKind.unknown(eni.Subnet)
	}
	eni.VPC, eni.Zone = s.vpc, s.zone
	eni.Owner = cmp.Or(eni.Owner, w.options.Account)
	eni.Type = cmp.Or(eni.Type, "interface")
	eni.Status = cmp.Or(eni.Status, "available")
	eni.Addresses, eni.Prefixes = slices.Clone(eni.Addresses), slices.Clone(eni.Prefixes)
	eni.Tags = maps.Clone(eni.Tags)
	if err := s.give(eni); err != nil {
		return err
	}
	w.interfaces.put(w.now, eni.ID, *eni)
	return nil
}

// change puts a changed copy of an interface; nothing if it is gone.
func (w *World) change(id string, change func(*Interface)) {
	eni, ok := w.interfaces.rows[id]
	if !ok {
		return
	}
	eni.Addresses = slices.Clone(eni.Addresses)
	eni.Tags = maps.Clone(eni.Tags)
	if eni.Tags == nil {
		eni.Tags = map[string]string{}
	}
	if eni.Attachment != nil {
		attachment := *eni.Attachment
		eni.Attachment = &attachment
	}
	change(&eni)
	w.interfaces.put(w.now, id, eni)
}

// remove deletes an interface, and its addresses are free again.
func (w *World) remove(eni Interface) {
	w.subnets[eni.Subnet].takeBack(eni)
	w.interfaces.drop(w.now, eni.ID)
}

// abandon notes that no one will attach an interface from now on.
func (w *World) abandon(id string) {
	w.change(id, func(eni *Interface) {
		if eni.AbandonedAt.IsZero() && eni.Status == "available" {
			eni.AbandonedAt = w.now
		}
	})
}
