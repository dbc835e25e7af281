package cni

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
)

// The tags of the CNI (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go).
const (
	TagInstance  = "node.k8s.amazonaws.com/instance_id"
	TagCreatedAt = "node.k8s.amazonaws.com/createdAt"
	TagCluster   = "cluster.k8s.amazonaws.com/name"
	TagOwner     = "eks:eni:owner"
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
	n.call("CreateNetworkInterface", n.createForm(), func(result any, err *api.Error) {
		if err != nil {
			return // no addresses: ipamd tries again when it next needs some
		}
		id := result.(ec2.CreateNetworkInterfaceResponse).Interface.ID
		n.inFlight[id] = true
		if !n.reach(Created) {
			return
		}
		n.later(n.loop.Between(200*time.Millisecond, time.Second), func() { n.describe(id, count) })
	})
}

func (n *node) describe(id string, count int) {
	n.call("DescribeInstances", url.Values{"InstanceId.1": {n.id}}, func(_ any, err *api.Error) {
		if err != nil {
			n.undo(id)
			return
		}
		pause := n.loop.Between(500*time.Millisecond, 2*time.Second)
		if n.loop.Chance(attachSlowly) {
			pause += n.loop.Between(0, 67*time.Second)
		}
		n.later(pause, func() { n.attach(id, count) })
	})
}

func (n *node) attach(id string, count int) {
	if n.loop.Chance(n.CNI.AttachFails) {
		n.undo(id)
		return
	}
	form := url.Values{"NetworkInterfaceId": {id}, "InstanceId": {n.id}, "DeviceIndex": {strconv.Itoa(n.freeDevice())}}
	n.call("AttachNetworkInterface", form, func(result any, err *api.Error) {
		if err != nil {
			n.undo(id)
			return
		}
		delete(n.inFlight, id)
		if n.reach(Attached) {
			attachment := result.(ec2.AttachNetworkInterfaceResponse).AttachmentID
			n.later(n.loop.Between(200*time.Millisecond, 2*time.Second), func() { n.mark(id, attachment, count) })
		}
	})
}

func (n *node) mark(id, attachment string, count int) {
	form := url.Values{"NetworkInterfaceId": {id}, "Attachment.AttachmentId": {attachment}, "Attachment.DeleteOnTermination": {"true"}}
	n.call("ModifyNetworkInterfaceAttribute", form, func(_ any, err *api.Error) {
		if err != nil {
			n.later(time.Second, func() { n.free(id, attachment) })
			return
		}
		if n.CNI.Untagged {
			n.tag(id)
		}
		n.later(n.loop.Between(time.Second, 3*time.Second), func() { n.allocate(count - 1) })
	})
}

// undo deletes an interface that could not be attached, and tries for minutes.
// Its creator no longer intends to attach it.
func (n *node) undo(id string) {
	n.ec2.MarkLeaked(id)
	n.delete(id)
}

// freeOne frees one of the interfaces that the CNI made and that are attached.
func (n *node) freeOne() {
	for _, eni := range slices.Backward(n.ec2.Interfaces()) {
		if eni.Creator == n.id && eni.Status == "in-use" {
			n.free(eni.ID, eni.Attachment.ID)
			return
		}
	}
}

// free detaches, waits, and deletes.
func (n *node) free(id, attachment string) {
	n.call("DetachNetworkInterface", url.Values{"AttachmentId": {attachment}}, func(_ any, err *api.Error) {
		if err == nil && n.reach(Detached) {
			n.later(beforeDelete, func() { n.delete(id) })
		}
	})
}

// delete deletes an interface, again and again until it is gone or time is up.
func (n *node) delete(id string) {
	end, pause := n.loop.Now().Add(deleteFor), deleteNextWait
	var attempt func()
	attempt = func() {
		n.call("DeleteNetworkInterface", url.Values{"NetworkInterfaceId": {id}}, func(_ any, err *api.Error) {
			if err == nil || err.Code == "InvalidNetworkInterfaceID.NotFound" || n.loop.Now().Add(pause).After(end) {
				delete(n.inFlight, id)
				return
			}
			n.later(pause, attempt)
			pause *= 2
		})
	}
	attempt()
}

// tag writes the instance's ID on an interface.
func (n *node) tag(id string) {
	n.call("CreateTags", url.Values{"ResourceId.1": {id}, "Tag.1.Key": {TagInstance}, "Tag.1.Value": {n.id}}, func(any, *api.Error) {})
}

// createForm returns the CNI's request for a new interface.
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

// tags returns what the CNI creates an interface with. The time is the node's.
func (n *node) tags() map[string]string {
	if n.CNI.Untagged {
		return nil
	}
	tags := map[string]string{
		TagInstance:  n.id,
		TagCreatedAt: n.CNI.Clock(n.loop.Now()).Format(time.RFC3339),
	}
	if n.CNI.Cluster != "" {
		tags[TagCluster], tags[TagOwner] = n.CNI.Cluster, "amazon-vpc-cni"
	}
	return tags
}
