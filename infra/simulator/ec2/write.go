package ec2

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
)

func (s service) createNetworkInterface(c *api.Call) (any, *api.Error) {
	subnet := c.Form.Get("SubnetId")
	vpc, _ := s.Place(subnet)
	if vpc == "" {
		return nil, subnetID.unknown(subnet)
	}
	if err := c.Permit(s.resource(s.account.ID, "*", vpc, subnet, nil)); err != nil {
		return nil, err
	}
	secondary, _ := strconv.Atoi(c.Form.Get("SecondaryPrivateIpAddressCount"))
	prefixes, _ := strconv.Atoi(c.Form.Get("Ipv4PrefixCount"))
	if secondary > 0 && prefixes > 0 {
		return nil, api.NewError(400, "InvalidParameterCombination", "Secondary addresses and prefixes cannot be counted in one call")
	}
	eni := Interface{
		ID: s.loop.ID("eni"), Subnet: subnet, Description: c.Form.Get("Description"),
		Addresses: make([]Address, 1+secondary), Prefixes: make([]string, prefixes),
		Tags: tagsOf(c, "TagSpecification.1.Tag"),
	}
	if s.guests[c.Caller] != nil {
		eni.Creator = c.Caller
	}
	if err := s.InterfaceStore.create(&eni); err != nil {
		return nil, err
	}
	return CreateNetworkInterfaceResponse{Interface: interfaceToXML(eni)}, nil
}

func (s service) attachNetworkInterface(c *api.Call) (any, *api.Error) {
	eni, err := s.target(c)
	if err != nil {
		return nil, err
	}
	i, ok := s.Instance(c.Form.Get("InstanceId"))
	if !ok || i.Owner != s.account.ID {
		return nil, instanceID.unknown(c.Form.Get("InstanceId"))
	}
	index, bad := strconv.Atoi(c.Form.Get("DeviceIndex"))
	switch {
	case bad != nil:
		return nil, api.NewError(400, "MissingParameter", "The request must contain the parameter DeviceIndex")
	case eni.Status != "available":
		return nil, api.NewError(400, "InvalidNetworkInterface.InUse", "Interface: ["+eni.ID+"] in use.")
	case i.State != "running" && i.State != "stopped":
		return nil, api.NewError(400, "IncorrectState", "Instance '"+i.ID+"' is not 'running' or 'stopped'")
	case i.Zone != eni.Zone:
		return nil, api.NewError(400, "InvalidParameterCombination", "You may not attach a network interface to an instance if they are not in the same availability zone")
	case slices.Contains(s.Devices(i.ID), index):
		return nil, api.NewError(400, "InvalidParameterValue", fmt.Sprintf("Instance '%s' already has an interface attached at device index '%d'.", i.ID, index))
	}
	id := s.loop.ID("eni-attach")
	s.attach(eni.ID, Attachment{ID: id, Instance: i.ID, InstanceOwner: i.Owner, DeviceIndex: index, Status: "attaching"})
	return AttachNetworkInterfaceResponse{AttachmentID: id}, nil
}

// modifyNetworkInterfaceAttribute supports the one attribute that a CNI modifies.
func (s service) modifyNetworkInterfaceAttribute(c *api.Call) (any, *api.Error) {
	eni, err := s.target(c)
	if err != nil {
		return nil, err
	}
	if eni.Attachment == nil || eni.Attachment.ID != c.Form.Get("Attachment.AttachmentId") {
		return nil, noAttachment(c.Form.Get("Attachment.AttachmentId"))
	}
	s.UpdateInterface(eni.ID, func(eni *Interface) {
		eni.Attachment.DeleteOnTermination = c.Form.Get("Attachment.DeleteOnTermination") == "true"
	})
	return done{true}, nil
}

func (s service) detachNetworkInterface(c *api.Call) (any, *api.Error) {
	for _, eni := range s.EC2.Interfaces() {
		if eni.Attachment == nil || eni.Attachment.ID != c.Form.Get("AttachmentId") {
			continue
		}
		if err := c.Permit(s.resourceOf(eni)); err != nil {
			return nil, err
		}
		if err := s.protected(eni); err != nil {
			return nil, err
		}
		if eni.Attachment.DeviceIndex == 0 {
			return nil, api.NewError(400, "OperationNotPermitted", "The network interface at device index 0 cannot be detached.")
		}
		s.detach(eni.ID, s.loop.Between(500*time.Millisecond, 3*time.Second))
		return done{true}, nil
	}
	return nil, noAttachment(c.Form.Get("AttachmentId"))
}

func noAttachment(id string) *api.Error {
	return api.NewError(400, "InvalidAttachmentID.NotFound", "The attachment '"+id+"' does not exist.")
}

func (s service) deleteNetworkInterface(c *api.Call) (any, *api.Error) {
	eni, err := s.target(c)
	if err != nil {
		return nil, err
	}
	if err := s.protected(eni); err != nil {
		return nil, err
	}
	if eni.Status != "available" {
		return nil, api.NewError(400, "InvalidParameterValue", "Network interface '"+eni.ID+"' is currently in use.")
	}
	s.remove(eni)
	s.deletions = append(s.deletions, Deletion{s.loop.Now(), c.Caller, eni})
	return done{true}, nil
}

// createTags tags every interface of the call. Other kinds of resources need no tags here.
func (s service) createTags(c *api.Call) (any, *api.Error) {
	ids := c.List("ResourceId")
	for _, id := range ids {
		eni, ok := s.Interface(id)
		if !ok {
			return nil, interfaceID.unknown(id)
		}
		if err := c.Permit(s.resourceOf(eni)); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		s.UpdateInterface(id, func(eni *Interface) { maps.Copy(eni.Tags, tagsOf(c, "Tag")) })
	}
	return done{true}, nil
}

func tagsOf(c *api.Call, name string) map[string]string {
	tags := map[string]string{}
	for n := 1; c.Form.Has(fmt.Sprintf("%s.%d.Key", name, n)); n++ {
		tags[c.Form.Get(fmt.Sprintf("%s.%d.Key", name, n))] = c.Form.Get(fmt.Sprintf("%s.%d.Value", name, n))
	}
	return tags
}

// target finds the interface of a write, if the caller may write to it.
func (s service) target(c *api.Call) (Interface, *api.Error) {
	id := c.Form.Get("NetworkInterfaceId")
	eni, ok := s.Interface(id)
	if !ok {
		if s.settings.PermissionFirst {
			if err := c.Permit(s.resource(s.account.ID, id, "", "", nil)); err != nil {
				return Interface{}, err
			}
		}
		return Interface{}, interfaceID.unknown(id)
	}
	return eni, c.Permit(s.resourceOf(eni))
}

// protected refuses to delete or detach what belongs to somebody else (EC2 API
// Reference, "Error codes": AuthFailure, OperationNotPermitted).
func (s service) protected(eni Interface) *api.Error {
	switch {
	case eni.Owner != s.account.ID:
		return api.NewError(400, "AuthFailure", "You do not have permission to access the specified resource.")
	case eni.RequesterManaged:
		return api.NewError(400, "OperationNotPermitted", "You are not allowed to manage '"+eni.Type+"' network interfaces of a service.")
	case eni.Operator != "":
		return api.NewError(400, "OperationNotPermitted", "The resource is managed by "+eni.Operator+".")
	}
	return nil
}

// resourceOf returns an interface as a policy sees it.
func (s service) resourceOf(eni Interface) iam.Resource {
	return s.resource(eni.Owner, eni.ID, eni.VPC, eni.Subnet, eni.Tags)
}

func (s service) resource(owner, id, vpc, subnet string, tags map[string]string) iam.Resource {
	keys := map[string]string{"ec2:vpc": s.account.ARN("ec2", "vpc/"+vpc), "ec2:subnet": s.account.ARN("ec2", "subnet/"+subnet)}
	for _, key := range slices.Sorted(maps.Keys(tags)) { // of two letter cases of a key the last counts
		keys["aws:resourcetag/"+strings.ToLower(key)] = tags[key]
	}
	return iam.Resource{ARN: iam.Account{Region: s.account.Region, ID: owner}.ARN("ec2", "network-interface/"+id), Keys: keys}
}
