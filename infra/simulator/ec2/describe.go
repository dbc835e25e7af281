package ec2

import "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"

// describeNetworkInterfaces lists the account's interfaces, those that others own
// in its subnets, and, if hidden, the managed ones only on request.
func (s service) describeNetworkInterfaces(c *api.Call) (any, *api.Error) {
	rows := s.InterfaceStore.table.asOf(s.loop.Now().Add(-c.Fault.Stale))
	found, next, err := page(s, c, interfaceListing, rows, func(eni Interface) bool { return !s.hidden(c, eni.Operator) })
	answer := describeNetworkInterfacesResponse{NextToken: next}
	for _, eni := range found {
		answer.Interfaces = append(answer.Interfaces, interfaceToXML(eni))
	}
	return answer, err
}

// describeInstances lists the account's own instances; terminated ones until they vanish.
func (s service) describeInstances(c *api.Call) (any, *api.Error) {
	rows := s.InstanceStore.table.asOf(s.loop.Now().Add(-c.Fault.Stale))
	found, next, err := page(s, c, instanceListing, rows, func(i Instance) bool {
		return i.Owner == s.account.ID && !s.hidden(c, i.Operator) && (!i.Hidden || c.Caller == i.ID)
	})
	answer := describeInstancesResponse{NextToken: next}
	for _, i := range found {
		answer.Reservations = append(answer.Reservations, reservationXML{ID: "r" + i.ID[1:], Owner: i.Owner, Instances: []instanceXML{instanceToXML(i)}})
	}
	return answer, err
}

// describeSubnets lists the subnets with their free addresses.
func (s service) describeSubnets(c *api.Call) (any, *api.Error) {
	found, next, err := page(s, c, subnetListing, s.Network.subnets, func(*subnet) bool { return true })
	answer := describeSubnetsResponse{NextToken: next}
	for _, n := range found {
		answer.Subnets = append(answer.Subnets, subnetXML{
			ID: n.id, VPC: n.vpc, Zone: n.zone, CIDR: n.cidr.String(), Owner: s.account.ID, State: "available", Free: n.free,
			ARN: s.account.ARN("ec2", "subnet/"+n.id),
		})
	}
	return answer, err
}

// hidden holds if the account setting hides a managed resource from the call
// (EC2 API Reference, DescribeNetworkInterfaces: IncludeManagedResources).
func (s service) hidden(c *api.Call, operator string) bool {
	return operator != "" && s.settings.HideManaged && c.Form.Get("IncludeManagedResources") != "true"
}
