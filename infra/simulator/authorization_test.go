package simulator

import (
	"fmt"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
)

// rolePolicy is the function's role as template.yaml writes it for one VPC, without its queue and log.
const rolePolicy = `{"Version": "2012-10-17", "Statement": [
	{"Sid": "ReleaseInterfaces", "Effect": "Allow", "Action": "ec2:DeleteNetworkInterface",
		"Resource": "arn:aws:ec2:eu-west-1:123456789012:network-interface/*", "Condition": {
			"StringEquals": {"aws:RequestedRegion": "eu-west-1"},
			"StringLike": {"aws:ResourceTag/node.k8s.amazonaws.com/instance_id": "i-*"},
			"ArnLike": {"ec2:Vpc": ["arn:*:ec2:*:*:vpc/%s"]}}},
	{"Sid": "KeepWhatIsTaggedKeep", "Effect": "Deny", "Action": "ec2:DeleteNetworkInterface", "Resource": "*",
		"Condition": {"Null": {"aws:ResourceTag/network-interface-releaser/keep": "false"}}},
	{"Sid": "KeepWhatTheCNIShallNotManage", "Effect": "Deny", "Action": "ec2:DeleteNetworkInterface", "Resource": "*",
		"Condition": {"StringEquals": {"aws:ResourceTag/node.k8s.amazonaws.com/no_manage": "true"}}},
	{"Sid": "ReadEvidence", "Effect": "Allow", "Action": ["ec2:Describe*", "autoscaling:DescribeAutoScalingGroups"], "Resource": "*",
		"Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}]}`

// functionRole is a client with the policy for the VPC.
func functionRole(t *testing.T, r fixture, subnet string) client {
	t.Helper()
	vpc := Look(r.Region, func() string { vpc, _ := r.EC2.Place(subnet); return vpc })
	policy, err := iam.ParsePolicy(fmt.Appendf(nil, rolePolicy, vpc))
	if err != nil {
		t.Fatal(err)
	}
	r.Do(func() { r.Front.Allow("AKFUNCTION", policy) })
	return client{t, r, "AKFUNCTION"}
}

// Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2";
// IAM User Guide, "Policy evaluation logic".
func TestDeleteByTagAndVPC(t *testing.T) {
	r, subnet := region(t, Options{})
	elsewhere := r.addSubnet("10.1.0.0/16", "10.1.1.0/24", "a")
	c := functionRole(t, r, subnet)
	const node, keep, noManage = "node.k8s.amazonaws.com/instance_id", "network-interface-releaser/keep", "node.k8s.amazonaws.com/no_manage"
	tags := func(pairs ...string) map[string]string {
		all := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	for _, test := range []struct {
		name    string
		eni     ec2.Interface
		allowed bool
	}{
		{"tagged by the CNI", ec2.Interface{Subnet: subnet, Tags: tags(node, "i-1")}, true},
		{"the key in other letters", ec2.Interface{Subnet: subnet, Tags: tags("Node.k8s.amazonaws.com/Instance_ID", "i-1")}, true},
		{"untagged", ec2.Interface{Subnet: subnet}, false},
		{"tagged otherwise", ec2.Interface{Subnet: subnet, Tags: tags(node, "see ticket")}, false},
		{"in another VPC", ec2.Interface{Subnet: elsewhere, Tags: tags(node, "i-1")}, false},
		{"another account's", ec2.Interface{Subnet: subnet, Owner: "210987654321", Tags: tags(node, "i-1")}, false},
		{"to be kept", ec2.Interface{Subnet: subnet, Tags: tags(node, "i-1", keep, "true")}, false},
		{"to be kept, whatever the value", ec2.Interface{Subnet: subnet, Tags: tags(node, "i-1", keep, "")}, false},
		{"not the CNI's to manage", ec2.Interface{Subnet: subnet, Tags: tags(node, "i-1", noManage, "true")}, false},
		{"the CNI's to manage", ec2.Interface{Subnet: subnet, Tags: tags(node, "i-1", noManage, "false")}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, dry := "UnauthorizedOperation", "UnauthorizedOperation"
			if test.allowed {
				code, dry = "", "DryRunOperation"
			}
			id := r.add(test.eni)
			equal(t, "dry", c.call("DeleteNetworkInterface", "NetworkInterfaceId", id, "DryRun", "true").Code, dry)
			equal(t, "code", c.call("DeleteNetworkInterface", "NetworkInterfaceId", id).Code, code)
			equal(t, "still there", r.exists(id), !test.allowed)
		})
	}
}

func TestOnlyWhatIsAllowed(t *testing.T) {
	r, subnet := region(t, Options{})
	c := functionRole(t, r, subnet)
	equal(t, "a read", c.call("DescribeSubnets").Status, 200)
	equal(t, "another service's", c.call("DescribeAutoScalingGroups").Status, 200)
	equal(t, "another write", c.call("CreateNetworkInterface", "SubnetId", subnet).Code, "UnauthorizedOperation")
	r.Do(func() { r.Front.Allow("AKFUNCTION", iam.Policy{}) })
	equal(t, "nothing", c.call("DescribeSubnets").Code, "UnauthorizedOperation")
	equal(t, "nothing, of another service", c.call("DescribeAutoScalingGroups").ASCode, "AccessDenied")
	equal(t, "a caller without a policy", client{t, r, "AKADMIN"}.call("CreateNetworkInterface", "SubnetId", subnet).Code, "")
}
