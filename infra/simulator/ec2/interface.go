package ec2

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// An Interface is a network interface, with two fields that EC2 does not have. Fields that are
// written otherwise than as one element are in wire.go.
type Interface struct {
	ID               string            `xml:"networkInterfaceId"`
	Subnet           string            `xml:"subnetId"` // VPC and zone are the subnet's
	VPC              string            `xml:"vpcId"`
	Zone             string            `xml:"availabilityZone"`
	Description      string            `xml:"description"`
	Owner            string            `xml:"ownerId"` // default the region's account
	RequesterID      string            `xml:"requesterId,omitempty"`
	RequesterManaged bool              `xml:"requesterManaged"`
	Operator         string            `xml:"-"`             // the principal of the service that manages it; "" for none
	Type             string            `xml:"interfaceType"` // default "interface"
	Status           string            `xml:"status"`        // default "available", or "in-use" with an attachment
	Addresses        []Address         `xml:"privateIpAddressesSet>item"`
	Prefixes         []string          `xml:"-"` // /28 each
	Tags             map[string]string `xml:"-"`
	Attachment       *Attachment       `xml:"attachment"`

	Creator  string    `xml:"-"` // the instance whose CNI made it
	LeakedAt time.Time `xml:"-"` // since when it is available and no one will attach it; zero: not so
}

// An Address is a private IPv4 address. One that is added blank gets a free one.
type Address struct {
	DNSName     string       `xml:"privateDnsName,omitempty"` // empty where the VPC gives none
	Private     string       `xml:"privateIpAddress"`
	Primary     bool         `xml:"primary"` // the first one is
	Association *Association `xml:"association"`
}

// An Association ties an Elastic, carrier or customer-owned address to a private one.
type Association struct {
	PublicIP        string `xml:"publicIp,omitempty"`
	CarrierIP       string `xml:"carrierIp,omitempty"`
	CustomerOwnedIP string `xml:"customerOwnedIp,omitempty"`
	Owner           string `xml:"ipOwnerId,omitempty"`
}

// An Attachment is to an instance, or to something of a service's (no Instance).
type Attachment struct {
	ID                  string `xml:"attachmentId"`
	Instance            string `xml:"instanceId,omitempty"`
	InstanceOwner       string `xml:"instanceOwnerId,omitempty"`
	DeviceIndex         int    `xml:"deviceIndex"`
	Status              string `xml:"status"`     // attaching, attached, detaching
	AttachTime          string `xml:"attachTime"` // default now
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
}

// A Deletion is an interface that a call has deleted, as it was then.
type Deletion struct {
	At     time.Time
	Caller string
	Interface
}

// An InterfaceStore holds all network interfaces, other accounts' and hidden ones too.
type InterfaceStore struct {
	loop      *loop.Loop
	account   string
	network   *Network
	table     table[Interface]
	deletions []Deletion
}

// AddInterface adds an interface as it is, whatever EC2 would answer, and returns its
// ID. Left out, it gets an ID, one address, and the defaults above.
func (s *InterfaceStore) AddInterface(eni Interface) string {
	eni.ID = cmp.Or(eni.ID, s.loop.ID("eni"))
	if len(eni.Addresses) == 0 {
		eni.Addresses = make([]Address, 1)
	}
	if a := eni.Attachment; a != nil {
		attachment := *a
		attachment.ID = cmp.Or(a.ID, s.loop.ID("eni-attach"))
		attachment.Status = cmp.Or(a.Status, "attached")
		eni.Attachment = &attachment
		eni.Status = cmp.Or(eni.Status, "in-use")
	}
	if err := s.create(&eni); err != nil {
		panic("simulator: adding an interface: " + err.Error())
	}
	return eni.ID
}

// UpdateInterface changes an interface behind EC2's back; nothing if it is gone.
func (s *InterfaceStore) UpdateInterface(id string, change func(*Interface)) {
	eni, ok := s.table.rows[id]
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
	s.put(eni)
}

// Interfaces returns all interfaces in the order of their IDs.
func (s *InterfaceStore) Interfaces() []Interface { return s.table.all() }

func (s *InterfaceStore) Interface(id string) (Interface, bool) {
	eni, ok := s.table.rows[id]
	return eni, ok
}

// InterfaceSince returns what an interface was from when on, ten minutes ago at most,
// the latest first. A nil stands for a time without it.
func (s *InterfaceStore) InterfaceSince(when time.Time, id string) []*Interface {
	return s.table.since(when, id)
}

// Leaked returns the interfaces that are available and that no one will ever attach.
// What their creators still intend and can do decides, not their tags: one that its
// living creator is about to delete is leaked, too.
func (s *InterfaceStore) Leaked() []Interface {
	return slices.DeleteFunc(s.table.all(), func(eni Interface) bool { return eni.LeakedAt.IsZero() })
}

// MarkLeaked records that no one will attach an interface from now on.
func (s *InterfaceStore) MarkLeaked(id string) {
	s.UpdateInterface(id, func(eni *Interface) {
		if eni.LeakedAt.IsZero() && eni.Status == "available" {
			eni.LeakedAt = s.loop.Now()
		}
	})
}

// Deletions returns all deletions by a call so far, in their order; to read only.
func (s *InterfaceStore) Deletions() []Deletion { return slices.Clip(s.deletions) }

// Devices returns the device indexes that an instance has taken.
func (s *InterfaceStore) Devices(instance string) []int {
	var taken []int
	for _, eni := range s.table.rows {
		if eni.Attachment != nil && eni.Attachment.Instance == instance {
			taken = append(taken, eni.Attachment.DeviceIndex)
		}
	}
	return taken
}

// create gives a new interface its defaults and addresses, and adds it.
func (s *InterfaceStore) create(eni *Interface) *api.Error {
	home, ok := s.network.subnets[eni.Subnet]
	if !ok {
		return subnetID.unknown(eni.Subnet)
	}
	eni.VPC, eni.Zone = home.VPC, home.Zone
	eni.Owner = cmp.Or(eni.Owner, s.account)
	eni.Type = cmp.Or(eni.Type, "interface")
	eni.Status = cmp.Or(eni.Status, "available")
	eni.Addresses, eni.Prefixes = slices.Clone(eni.Addresses), slices.Clone(eni.Prefixes)
	eni.Tags = maps.Clone(eni.Tags)
	if err := home.assign(eni); err != nil {
		return err
	}
	s.put(*eni)
	return nil
}

func (s *InterfaceStore) put(eni Interface) {
	if a := eni.Attachment; a != nil {
		a.AttachTime = cmp.Or(a.AttachTime, api.Timestamp(s.loop.Now()))
	}
	s.table.put(s.loop.Now(), eni.ID, eni)
}

func (s *InterfaceStore) remove(eni Interface) {
	s.network.subnets[eni.Subnet].unassign(eni)
	s.table.drop(s.loop.Now(), eni.ID)
}

// attach makes an interface in use after a while.
func (s *InterfaceStore) attach(id string, a Attachment) {
	s.UpdateInterface(id, func(eni *Interface) {
		eni.Status, eni.Attachment, eni.LeakedAt = "attaching", &a, time.Time{}
	})
	s.loop.After(s.loop.Between(500*time.Millisecond, 2*time.Second), func() {
		s.UpdateInterface(id, func(eni *Interface) {
			if eni.Status == "attaching" {
				eni.Status, eni.Attachment.Status = "in-use", "attached"
			}
		})
	})
}

// detach makes an interface available after a while. No CNI attaches one that it
// did not just create (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go: AllocENI), so
// one of a CNI is leaked from then on.
func (s *InterfaceStore) detach(id string, while time.Duration) {
	s.UpdateInterface(id, func(eni *Interface) { eni.Status, eni.Attachment.Status = "detaching", "detaching" })
	s.loop.After(while, func() {
		s.UpdateInterface(id, func(eni *Interface) { eni.Status, eni.Attachment = "available", nil })
		if s.table.rows[id].Creator != "" {
			s.MarkLeaked(id)
		}
	})
}
