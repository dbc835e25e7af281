package ec2

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

type Network struct {
	loop    *loop.Loop
	account iam.Account
	vpcs    map[string]netip.Prefix
	subnets map[string]*subnet
}

// A subnet holds each of its addresses, so that an interface frees just what it took.
type subnet struct {
	ID    string       `xml:"subnetId"`
	ARN   string       `xml:"subnetArn"`
	VPC   string       `xml:"vpcId"`
	Zone  string       `xml:"availabilityZone"`
	CIDR  netip.Prefix `xml:"cidrBlock"`
	Owner string       `xml:"ownerId"`
	State string       `xml:"state"`
	Free  int          `xml:"availableIpAddressCount"`

	used []bool // by the address' place in the CIDR
	low  int    // no place below is free
}

// prefixSize is how many addresses a /28 IPv4 prefix holds (EC2 User Guide, "Prefix
// delegation for Amazon EC2 network interfaces").
const prefixSize = 16

func (n *Network) AddVPC(cidr string) string {
	id := n.loop.ID("vpc")
	n.vpcs[id] = netip.MustParsePrefix(cidr)
	return id
}

// AddSubnet returns the ID of a new subnet in the zone with the letter. Its first
// four addresses and the last one are AWS's (Amazon VPC User Guide, "Subnet CIDR blocks").
func (n *Network) AddSubnet(vpc, cidr, letter string) string {
	s := &subnet{ID: n.loop.ID("subnet"), VPC: vpc, Zone: n.account.Region + letter, CIDR: netip.MustParsePrefix(cidr).Masked(), Owner: n.account.ID, State: "available"}
	s.ARN = n.account.ARN("ec2", "subnet/"+s.ID)
	if whole, ok := n.vpcs[vpc]; !ok || !whole.Contains(s.CIDR.Addr()) {
		panic(fmt.Sprintf("simulator: VPC %q has no range %s", vpc, cidr))
	}
	size := 1 << (32 - s.CIDR.Bits())
	s.used, s.Free = make([]bool, size), size
	for _, place := range []int{0, 1, 2, 3, size - 1} {
		s.mark(place, 1, true)
	}
	n.subnets[s.ID] = s
	return s.ID
}

// FreeAddresses returns the subnet's AvailableIpAddressCount.
func (n *Network) FreeAddresses(subnet string) int { return n.subnets[subnet].Free }

// Place returns a subnet's VPC and zone; empty ones where there is no such subnet.
func (n *Network) Place(subnet string) (vpc, zone string) {
	if s, ok := n.subnets[subnet]; ok {
		return s.VPC, s.Zone
	}
	return "", ""
}

// take finds n free addresses in a row, aligned to n, and returns the first one.
func (s *subnet) take(n int) (netip.Addr, bool) {
	for place := s.low / n * n; place+n <= len(s.used); place += n {
		if !slices.Contains(s.used[place:place+n], true) {
			s.mark(place, n, true)
			return s.address(place), true
		}
	}
	return netip.Addr{}, false
}

// mark takes or frees the n addresses from place on.
func (s *subnet) mark(place, n int, used bool) {
	for i := place; i < place+n; i++ {
		if s.used[i] == used {
			continue
		}
		s.used[i] = used
		if used {
			s.Free--
		} else {
			s.Free++
			s.low = min(s.low, i)
		}
	}
	for s.low < len(s.used) && s.used[s.low] {
		s.low++
	}
}

func (s *subnet) address(place int) netip.Addr {
	base := s.CIDR.Addr().As4()
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(base[:])+uint32(place))))
}

func (s *subnet) place(address netip.Addr) int {
	base, a := s.CIDR.Addr().As4(), address.As4()
	return int(binary.BigEndian.Uint32(a[:]) - binary.BigEndian.Uint32(base[:]))
}

// assign fills the interface's addresses and prefixes that are still blank: all or none.
func (s *subnet) assign(eni *Interface) *api.Error {
	if s.Free < len(eni.Addresses) {
		return api.NewError(400, "InsufficientFreeAddressesInSubnet", fmt.Sprintf("The specified subnet does not have enough free addresses to satisfy the request (%s).", s.ID))
	}
	for i := range eni.Addresses {
		eni.Addresses[i].Primary = i == 0
		if eni.Addresses[i].Private == "" {
			address, _ := s.take(1)
			eni.Addresses[i].Private = address.String()
		}
	}
	for i := range eni.Prefixes {
		block, ok := s.take(prefixSize)
		if !ok {
			eni.Prefixes = eni.Prefixes[:i]
			s.unassign(*eni)
			return api.NewError(400, "InsufficientCidrBlocks", "The specified subnet does not have enough free cidr blocks to satisfy the request.")
		}
		eni.Prefixes[i] = block.String() + "/28"
	}
	return nil
}

func (s *subnet) unassign(eni Interface) {
	for _, a := range eni.Addresses {
		s.mark(s.place(netip.MustParseAddr(a.Private)), 1, false)
	}
	for _, p := range eni.Prefixes {
		s.mark(s.place(netip.MustParsePrefix(p).Addr()), prefixSize, false)
	}
}
