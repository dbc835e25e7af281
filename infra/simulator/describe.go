package simulator

// describeNetworkInterfaces lists the account's interfaces, those that others own
// in its subnets, and, if hidden, the managed ones only on request.
func (w *World) describeNetworkInterfaces(c *Call, f Fault) (any, *Error) {
	rows := w.interfaces.asOf(w.now.Add(-f.Stale))
	found, next, err := page(w, c, f, interfaceListing, rows, func(eni Interface) bool { return !w.hidden(c, eni.Operator) })
	answer := describeNetworkInterfacesResponse{NextToken: next}
	for _, eni := range found {
		answer.Interfaces = append(answer.Interfaces, interfaceToXML(eni))
	}
	return answer, err
}

// describeInstances lists the account's own instances; terminated ones until they vanish.
func (w *World) describeInstances(c *Call, f Fault) (any, *Error) {
	rows := w.instances.asOf(w.now.Add(-f.Stale))
	found, next, err := page(w, c, f, instanceListing, rows, func(i Instance) bool {
		return i.Owner == w.options.Account && !w.hidden(c, i.Operator) && (!i.Hidden || c.Caller == i.ID)
	})
	answer := describeInstancesResponse{NextToken: next}
	for _, i := range found {
		answer.Reservations = append(answer.Reservations, reservationXML{ID: "r" + i.ID[1:], Owner: i.Owner, Instances: []instanceXML{instanceToXML(i)}})
	}
	return answer, err
}

// describeSubnets lists the subnets with their free addresses.
func (w *World) describeSubnets(c *Call, f Fault) (any, *Error) {
	found, next, err := page(w, c, f, subnetListing, w.subnets, func(*subnet) bool { return true })
	answer := describeSubnetsResponse{NextToken: next}
	for _, s := range found {
		answer.Subnets = append(answer.Subnets, subnetXML{
			ID: s.id, VPC: s.vpc, Zone: s.zone, CIDR: s.cidr.String(), Owner: w.options.Account, State: "available", Free: s.free,
			ARN: w.arn("ec2", "subnet/"+s.id),
		})
	}
	return answer, err
}

// hidden tells whether the account setting hides a managed resource from the call
// (EC2 API Reference, DescribeNetworkInterfaces: IncludeManagedResources).
func (w *World) hidden(c *Call, operator string) bool {
	return operator != "" && w.options.HideManaged && c.Form.Get("IncludeManagedResources") != "true"
}
