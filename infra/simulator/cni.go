package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// The tags of the CNI (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go).
const (
	tagInstance  = "node.k8s.amazonaws.com/instance_id"
	tagCreatedAt = "node.k8s.amazonaws.com/createdAt"
	tagCluster   = "cluster.k8s.amazonaws.com/name"
	tagOwner     = "eks:eni:owner"
)

// How long the CNI takes. The waits are those of amazon-vpc-cni-k8s,
// pkg/awsutils/awsutils.go (FreeENI, maxENIEC2APIRetries, maxENIBackoffDelay);
// what EC2 adds to them is an assumption, for it is not documented.
const (
	attachSlowly   = 0.02              // how often the attach takes up to a minute more
	beforeDelete   = 2 * time.Second   // between a detach and the delete
	deleteFor      = 348 * time.Second // 12 tries to delete take about 5.8 minutes
	deleteNextWait = 2 * time.Second   // after the first try
)

// allocate creates an interface, looks for a free device index, attaches, and
// marks it to go with its instance; then the next one.
func (n *node) allocate(count int) {
	if count == 0 {
		return
	}
	n.call("CreateNetworkInterface", n.createForm(), func(result any, err *Error) {
		if err != nil {
			return // no addresses: ipamd tries again when it next needs some
		}
		id := result.(createNetworkInterfaceResponse).Interface.ID
		n.hand[id] = true
		if !n.reach(Created) {
			return
		}
		n.later(n.world.between(200*time.Millisecond, time.Second), func() { n.describe(id, count) })
	})
}

func (n *node) describe(id string, count int) {
	n.call("DescribeInstances", url.Values{"InstanceId.1": {n.id}}, func(_ any, err *Error) {
		if err != nil {
			n.undo(id)
			return
		}
		pause := n.world.between(500*time.Millisecond, 2*time.Second)
		if n.world.chance(attachSlowly) {
			pause += n.world.between(0, 67*time.Second)
		}
		n.later(pause, func() { n.attach(id, count) })
	})
}

func (n *node) attach(id string, count int) {
	if n.world.chance(n.CNI.AttachFails) {
		n.undo(id)
		return
	}
	form := url.Values{"NetworkInterfaceId": {id}, "InstanceId": {n.id}, "DeviceIndex": {strconv.Itoa(n.freeDevice())}}
	n.call("AttachNetworkInterface", form, func(result any, err *Error) {
		if err != nil {
			n.undo(id)
			return
		}
		delete(n.hand, id)
		if n.reach(Attached) {
			attachment := result.(attachNetworkInterfaceResponse).AttachmentID
			n.later(n.world.between(200*time.Millisecond, 2*time.Second), func() { n.mark(id, attachment, count) })
		}
	})
}

func (n *node) mark(id, attachment string, count int) {
	form := url.Values{"NetworkInterfaceId": {id}, "Attachment.AttachmentId": {attachment}, "Attachment.DeleteOnTermination": {"true"}}
	n.call("ModifyNetworkInterfaceAttribute", form, func(_ any, err *Error) {
		if err != nil {
			n.later(time.Second, func() { n.giveBack(id, attachment) })
			return
		}
		if n.CNI.Untagged {
			n.tag(id)
		}
		n.later(n.world.between(time.Second, 3*time.Second), func() { n.allocate(count - 1) })
	})
}

// undo deletes an interface that could not be attached, and tries for minutes.
// From here on its creator does not mean to attach it any more.
func (n *node) undo(id string) {
	n.world.abandon(id)
	n.delete(id)
}

// giveBackOne returns one of the interfaces that the CNI made and that are attached.
func (n *node) giveBackOne() {
	for _, eni := range slices.Backward(n.world.interfaces.all()) {
		if eni.Creator == n.id && eni.Status == "in-use" {
			n.giveBack(eni.ID, eni.Attachment.ID)
			return
		}
	}
}

// giveBack detaches, waits, and deletes.
func (n *node) giveBack(id, attachment string) {
	n.call("DetachNetworkInterface", url.Values{"AttachmentId": {attachment}}, func(_ any, err *Error) {
		if err == nil && n.reach(Detached) {
			n.later(beforeDelete, func() { n.delete(id) })
		}
	})
}

// delete deletes an interface, again and again until it is gone or time is up.
func (n *node) delete(id string) {
	end, pause := n.world.now.Add(deleteFor), deleteNextWait
	var attempt func()
	attempt = func() {
		n.call("DeleteNetworkInterface", url.Values{"NetworkInterfaceId": {id}}, func(_ any, err *Error) {
			if err == nil || err.Code == "InvalidNetworkInterfaceID.NotFound" || n.world.now.Add(pause).After(end) {
				delete(n.hand, id)
				return
			}
			n.later(pause, attempt)
			pause *= 2
		})
	}
	attempt()
}

// tag notes the instance on an interface.
func (n *node) tag(id string) {
	n.call("CreateTags", url.Values{"ResourceId.1": {id}, "Tag.1.Key": {tagInstance}, "Tag.1.Value": {n.id}}, func(any, *Error) {})
}

// createForm is the CNI's request for a new interface.
func (n *node) createForm() url.Values {
	form := url.Values{"SubnetId": {cmp.Or(n.CNI.Subnet, n.Subnet)}, "Description": {"aws-K8S-" + n.id}}
	if n.CNI.Prefixes > 0 {
		form.Set("Ipv4PrefixCount", strconv.Itoa(n.CNI.Prefixes))
	} else {
		form.Set("SecondaryPrivateIpAddressCount", strconv.Itoa(cmp.Or(n.CNI.Addresses, 10)-1))
	}
	tags := n.tags()
	for i, key := range slices.Sorted(maps.Keys(tags)) {
		form.Set("TagSpecification.1.ResourceType", "network-interface")
		form.Set(fmt.Sprintf("TagSpecification.1.Tag.%d.Key", i+1), key)
		form.Set(fmt.Sprintf("TagSpecification.1.Tag.%d.Value", i+1), tags[key])
	}
	return form
}

// tags are what the CNI creates an interface with: the time is the node's.
func (n *node) tags() map[string]string {
	if n.CNI.Untagged {
		return nil
	}
	zone := cmp.Or(n.CNI.Zone, time.UTC)
	tags := map[string]string{
		tagInstance:  n.id,
		tagCreatedAt: n.world.now.Add(n.CNI.ClockOffset).In(zone).Format(time.RFC3339),
	}
	if n.CNI.Cluster != "" {
		tags[tagCluster], tags[tagOwner] = n.CNI.Cluster, "amazon-vpc-cni"
	}
	return tags
}
