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
		return nil, subnetKind.unknown(c.Form.Get("SubnetId"))
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
	i, ok := w.instances.rows[c.Form.Get("InstanceId")]
	if !ok || i.Owner != w.options.Account {
		return nil, instanceKind.unknown(c.Form.Get("InstanceId"))
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

// modifyNetworkInterfaceAttribute knows the one attribute that a CNI modifies.
func (w *World) modifyNetworkInterfaceAttribute(c *Call, _ Fault) (any, *Error) {
	eni, err := w.named(c)
	if err != nil {
		return nil, err
	}
	if eni.Attachment == nil || eni.Attachment.ID != c.Form.Get("Attachment.AttachmentId") {
		return nil, noAttachment(c.Form.Get("Attachment.AttachmentId"))
	}
	w.change(eni.ID, func(eni *Interface) {
		eni.Attachment.DeleteOnTermination = c.Form.Get("Attachment.DeleteOnTermination") == "true"
	})
	return done{true}, nil
}

func (w *World) detachNetworkInterface(c *Call, _ Fault) (any, *Error) {
	for _, eni := range w.interfaces.all() {
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
		w.detach(eni.ID, w.between(500*time.Millisecond, 3*time.Second))
		return done{true}, nil
	}
	return nil, noAttachment(c.Form.Get("AttachmentId"))
}

func noAttachment(id string) *Error {
	return &Error{400, "InvalidAttachmentID.NotFound", "The attachment '" + id + "' does not exist."}
}

func (w *World) deleteNetworkInterface(c *Call, _ Fault) (any, *Error) {
	eni, err := w.named(c)
	if err != nil {
		return nil, err
	}
	if err := w.foreclosed(eni); err != nil {
		return nil, err
	}
	if eni.Status != "available" {
		return nil, &Error{400, "InvalidParameterValue", "Network interface '" + eni.ID + "' is currently in use."}
	}
	w.remove(eni)
	w.deletions = append(w.deletions, Deletion{w.now, c.Caller, eni})
	return done{true}, nil
}

// A Deletion is an interface that a call has deleted, as it was then.
type Deletion struct {
	At     time.Time
	Caller string
	Interface
}

// Deletions are all so far, in their order.
func (w *World) Deletions() []Deletion {
	defer w.enter()()
	return slices.Clone(w.deletions)
}

// named finds the interface that a write is about, if the caller may write to it.
// That there is none comes before the question of permission (observed).
func (w *World) named(c *Call) (Interface, *Error) {
	id := c.Form.Get("NetworkInterfaceId")
	eni, ok := w.interfaces.rows[id]
	if !ok {
		return Interface{}, interfaceKind.unknown(id)
	}
	return eni, w.permit(c, w.resourceOf(eni))
}

// foreclosed refuses to delete or detach what belongs to somebody else (EC2 API
// Reference, "Error codes": AuthFailure, OperationNotPermitted).
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
