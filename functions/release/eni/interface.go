// Package eni decides which elastic network interfaces (ENIs) of the AWS VPC CNI are
// leaked, releases them, and reports the addresses freed.
//
// Start reading at run.go: scope.go finds interfaces, rule.go and evidence.go judge them, order.go
// and budget.go schedule the deletes, release.go deletes, report.go counts; ports.go has the ports.
package eni

import (
	"maps"
	"slices"
	"strings"
)

// Interface holds what the rule needs of one network interface, as EC2 describes it.
type Interface struct {
	ID          string
	Subnet      string
	VPC         string
	Account     string // its owner
	Status      string // EC2's word: available, associated, attaching, in-use, detaching
	Type        string // EC2's word: interface, branch, trunk, efa, lambda, ...
	Description string
	Attached    bool              // has an attachment, in any state
	Managed     bool              // a requester or an operator (another AWS service) manages it
	Associated  bool              // an Elastic, carrier or customer-owned address is associated
	Addresses   int               // private IPv4 addresses, 16 for each /28 prefix
	Tags        map[string]string // nil where it has none
}

// Tags and description of the CNI's interfaces (amazon-vpc-cni-k8s, pkg/awsutils/awsutils.go).
const (
	DescriptionPrefix = "aws-K8S-" // followed by the instance ID
	tagInstance       = "node.k8s.amazonaws.com/instance_id"
	tagCreatedAt      = "node.k8s.amazonaws.com/createdAt" // RFC 3339, by the node's clock; since v1.7.2
	tagNoManage       = "node.k8s.amazonaws.com/no_manage"
	tagCluster        = "cluster.k8s.amazonaws.com/name"
	tagClusterPrefix  = "kubernetes.io/cluster/" // followed by the cluster's name
)

// tagKeep is this project's own tag: with any value, it keeps an interface.
const tagKeep = "network-interface-releaser/keep"

// describedInstance returns the instance in the description, or "" where that is not exactly the CNI's.
func (i Interface) describedInstance() string {
	id, found := strings.CutPrefix(i.Description, DescriptionPrefix)
	if !found || !ValidID("i-", id) {
		return ""
	}
	return id
}

// claimedInstances returns the owners in the description and in the tag: one, or two where
// these differ.
func (i Interface) claimedInstances() []string {
	described, tagged := i.describedInstance(), i.Tags[tagInstance]
	if tagged == "" || tagged == described {
		return []string{described}
	}
	return []string{described, tagged}
}

// cluster returns the name in a cluster tag, of the newer tag first, or "" where there is none
// (a CNI without CLUSTER_NAME).
func (i Interface) cluster() string {
	if name, named := i.Tags[tagCluster]; named {
		return name
	}
	for _, tag := range slices.Sorted(maps.Keys(i.Tags)) {
		if name, is := strings.CutPrefix(tag, tagClusterPrefix); is {
			return name
		}
	}
	return ""
}

// ofCluster reports whether a cluster tag names one of these clusters.
func (i Interface) ofCluster(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return i.Tags[tagCluster] == name || i.has(tagClusterPrefix+name)
	})
}

// ValidID reports whether id is the prefix and 17 lower-case hexadecimal digits, or 8 as
// before 2016 (EC2 User Guide, "Resource IDs").
func ValidID(prefix, id string) bool {
	digits, found := strings.CutPrefix(id, prefix)
	if !found || len(digits) != 8 && len(digits) != 17 {
		return false
	}
	return strings.Trim(digits, "0123456789abcdef") == ""
}
