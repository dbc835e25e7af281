package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

func (w *World) createNetworkInterface(c *Call, _ Fault) (any, *Error) {
	s, ok := w.subnets[c.Form.Get("SubnetId")]
	if !ok {
		return nil, &Error{400, "InvalidSubnetID.NotFound", "The subnet ID '" + c.Form.Get("SubnetId") + "' does not exist"}
	}
	if err := w.permit(c, resource{arn: w.arn("ec2", "network-interface/*"), vpc: s.vpc, subnet: s.id}); err != nil {
		return nil, err
	}
	secondary, _ := strconv.Atoi(c.Form.Get("SecondaryPrivateIpAddressCount"))
	prefixes, _ := strconv.Atoi(c.Form.Get("Ipv4PrefixCount"))
	if secondary > 0 && prefixes > 0 {
		return nil, &Error{400, "InvalidParameterCombination", "Secondary addresses and prefixes cannot be counted in one call"}
	}
	eni := Interface{
		ID: w.newID("eni"), Subnet: s.id, Description: c.Form.Get("Description"),
		Addresses: make([]Address, 1+secondary), Prefixes: make([]string, prefixes),
		Tags: tagsOf(c, "TagSpecification.1.Tag"),
	}
	if _, isNode := w.nodes[c.Caller]; isNode {
		eni.Creator = c.Caller
	}
	if err := w.admit(&eni); err != nil {
		return nil, err
	}
	return createNetworkInterfaceResponse{Interface: interfaceToXML(eni)}, nil
}

func (w *World) attachNetworkInterface(c *Call, _ Fault) (any, *Error) {
	eni, err := w.named(c)
	if err != nil {
		return nil, err
	}
	i, ok := w.instances.get(c.Form.Get("InstanceId"))
	if !ok || i.Owner != w.options.Account {
		return nil, &Error{400, "InvalidInstanceID.NotFound", "The instance ID '" + c.Form.Get("InstanceId") + "' does not exist"}
	}
	if err := w.permit(c, w.resourceOf(eni)); err != nil {
		return nil, err
	}
	index, bad := strconv.Atoi(c.Form.Get("DeviceIndex"))
	switch {
	case bad != nil:
		return nil, &Error{400, "MissingParameter", "The request must contain the parameter DeviceIndex"}
	case eni.Status != "available":
		return nil, &Error{400, "InvalidNetworkInterface.InUse", "Interface: [" + eni.ID + "] in use."}
	case i.State != "running" && i.State != "stopped":
		return nil, &Error{400, "IncorrectState", "Instance '" + i.ID + "' is not 'running' or 'stopped'"}
	case i.Zone != eni.Zone:
		return nil, &Error{400, "InvalidParameterCombination", "You may not attach a network interface to an instance if they are not in the same availability zone"}
	case slices.Contains(w.devices(i.ID), index):
		return nil, &Error{400, "InvalidParameterValue", fmt.Sprintf("Instance '%s' already has an interface attached at device index '%d'.", i.ID, index)}
	}
	id := w.newID("eni-attach")
	w.change(eni.ID, func(eni *Interface) {
		eni.Status, eni.AbandonedAt = "attaching", time.Time{}
		eni.Attachment = &Attachment{ID: id, Instance: i.ID, InstanceOwner: i.Owner, DeviceIndex: index, Status: "attaching", At: w.now}
	})
	w.after(w.between(500*time.Millisecond, 2*time.Second), func() {
		w.change(eni.ID, func(eni *Interface) {
			if eni.Status == "attaching" {
				eni.Status, eni.Attachment.Status = "in-use", "attached"
			}
		})
	})
	return attachNetworkInterfaceResponse{AttachmentID: id}, nil
}

func (w *World) modifyNetworkInterfaceAttribute(c *Call, _ Fault) (any, *Error) {
	eni, err := w.named(c)
	if err != nil {
		return nil, err
	}
	if err := w.permit(c, w.resourceOf(eni)); err != nil {
		return nil, err
	}
	if id := c.Form.Get("Attachment.AttachmentId"); id != "" {
		if eni.Attachment == nil || eni.Attachment.ID != id {
			return nil, &Error{400, "InvalidAttachmentID.NotFound", "The attachment '" + id + "' does not exist."}
		}
		w.change(eni.ID, func(eni *Interface) {
			eni.Attachment.DeleteOnTermination = c.Form.Get("Attachment.DeleteOnTermination") == "true"
		})
	}
	if c.Form.Has("Description.Value") {
		w.change(eni.ID, func(eni *Interface) { eni.Description = c.Form.Get("Description.Value") })
	}
	return modifyNetworkInterfaceAttributeResponse{Return: true}, nil
}

func (w *World) detachNetworkInterface(c *Call, _ Fault) (any, *Error) {
	for _, id := range w.interfaces.ids() {
		eni := w.interfaces.rows[id]
		if eni.Attachment == nil || eni.Attachment.ID != c.Form.Get("AttachmentId") {
			continue
		}
		if err := w.permit(c, w.resourceOf(eni)); err != nil {
			return nil, err
		}
		if err := w.foreclosed(eni); err != nil {
			return nil, err
		}
		if eni.Attachment.DeviceIndex == 0 {
			return nil, &Error{400, "OperationNotPermitted", "The network interface at device index 0 cannot be detached."}
		}
		w.detach(id, w.between(500*time.Millisecond, 3*time.Second))
		return detachNetworkInterfaceResponse{Return: true}, nil
	}
	return nil, &Error{400, "InvalidAttachmentID.NotFound", "The attachment '" + c.Form.Get("AttachmentId") + "' does not exist."}
}

func (w *World) deleteNetworkInterface(c *Call, _ Fault) (any, *Error) {
	eni, err := w.named(c)
	if err != nil {
		return nil, err
	}
	if err := w.permit(c, w.resourceOf(eni)); err != nil {
		return nil, err
	}
	if err := w.foreclosed(eni); err != nil {
		return nil, err
	}
	if eni.Status != "available" {
		return nil, &Error{400, "InvalidParameterValue", "Network interface '" + eni.ID + "' is currently in use."}
	}
	w.remove(eni)
	return deleteNetworkInterfaceResponse{Return: true}, nil
}

// named finds the interface that a write is about. That there is none comes before
// the question of permission.
func (w *World) named(c *Call) (Interface, *Error) {
	id := c.Form.Get("NetworkInterfaceId")
	if !isID("eni", id) {
		return Interface{}, &Error{400, "InvalidNetworkInterfaceID.Malformed", fmt.Sprintf("Invalid id: %q", id)}
	}
	eni, ok := w.interfaces.get(id)
	if !ok {
		return Interface{}, &Error{400, "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '" + id + "' does not exist"}
	}
	return eni, nil
}

// foreclosed refuses to delete or detach what belongs to somebody else (facts 4).
func (w *World) foreclosed(eni Interface) *Error {
	switch {
	case eni.Owner != w.options.Account:
		return &Error{400, "AuthFailure", "You do not have permission to access the specified resource."}
	case eni.RequesterManaged:
		return &Error{400, "OperationNotPermitted", "You are not allowed to manage '" + eni.Type + "' network interfaces of a service."}
	case eni.Operator != "":
		return &Error{400, "OperationNotPermitted", "The resource is managed by " + eni.Operator + "."}
	}
	return nil
}

// devices are the device indexes that an instance has taken.
func (w *World) devices(instance string) []int {
	var taken []int
	for _, eni := range w.interfaces.rows {
		if eni.Attachment != nil && eni.Attachment.Instance == instance {
			taken = append(taken, eni.Attachment.DeviceIndex)
		}
	}
	return taken
}
