package simulator

import (
	"fmt"
	"testing"
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
func functionRole(t *testing.T, w *World, vpc string) client {
	t.Helper()
	policy, err := ParsePolicy(fmt.Appendf(nil, rolePolicy, vpc))
	if err != nil {
		t.Fatal(err)
	}
	w.Allow("AKFUNCTION", policy)
	return client{t, w, "AKFUNCTION"}
}

// Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2";
// IAM User Guide, "Policy evaluation logic".
func TestDeleteByTagAndVPC(t *testing.T) {
	w, subnet := region(t, Options{})
	elsewhere := w.AddSubnet(w.AddVPC("10.1.0.0/16"), "10.1.1.0/24", "a")
	c := functionRole(t, w, w.vpcOf(subnet))
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
		eni     Interface
		allowed bool
	}{
		{"tagged by the CNI", Interface{Subnet: subnet, Tags: tags(node, "i-1")}, true},
		{"the key in other letters", Interface{Subnet: subnet, Tags: tags("Node.k8s.amazonaws.com/Instance_ID", "i-1")}, true},
		{"untagged", Interface{Subnet: subnet}, false},
		{"tagged otherwise", Interface{Subnet: subnet, Tags: tags(node, "see ticket")}, false},
		{"in another VPC", Interface{Subnet: elsewhere, Tags: tags(node, "i-1")}, false},
		{"another account's", Interface{Subnet: subnet, Owner: "210987654321", Tags: tags(node, "i-1")}, false},
		{"to be kept", Interface{Subnet: subnet, Tags: tags(node, "i-1", keep, "true")}, false},
		{"to be kept, whatever the value", Interface{Subnet: subnet, Tags: tags(node, "i-1", keep, "")}, false},
		{"not the CNI's to manage", Interface{Subnet: subnet, Tags: tags(node, "i-1", noManage, "true")}, false},
		{"the CNI's to manage", Interface{Subnet: subnet, Tags: tags(node, "i-1", noManage, "false")}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, dry := "UnauthorizedOperation", "UnauthorizedOperation"
			if test.allowed {
				code, dry = "", "DryRunOperation"
			}
			id := w.Seed(test.eni)
			equal(t, "dry", c.call("DeleteNetworkInterface", "NetworkInterfaceId", id, "DryRun", "true").Code, dry)
			equal(t, "code", c.call("DeleteNetworkInterface", "NetworkInterfaceId", id).Code, code)
			_, there := w.Interface(id)
			equal(t, "still there", there, !test.allowed)
		})
	}
}

func TestOnlyWhatIsAllowed(t *testing.T) {
	w, subnet := region(t, Options{})
	c := functionRole(t, w, w.vpcOf(subnet))
	equal(t, "a read", c.call("DescribeSubnets").Status, 200)
	equal(t, "another service's", c.call("DescribeAutoScalingGroups").Status, 200)
	equal(t, "another write", c.call("CreateNetworkInterface", "SubnetId", subnet).Code, "UnauthorizedOperation")
	w.Allow("AKFUNCTION", Policy{})
	equal(t, "nothing", c.call("DescribeSubnets").Code, "UnauthorizedOperation")
	equal(t, "nothing, of another service", c.call("DescribeAutoScalingGroups").ASCode, "AccessDenied")
	equal(t, "a caller without a policy", client{t, w, "AKADMIN"}.call("CreateNetworkInterface", "SubnetId", subnet).Code, "")
}

// IAM User Guide, "IAM JSON policy elements: Condition operators": ARNs are compared part by part.
func TestARNs(t *testing.T) {
	const vpc = "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1"
	for pattern, want := range map[string]bool{
		"arn:*:ec2:*:*:vpc/vpc-1": true, "arn:*:ec2:*:*:vpc/vpc-?": true, "arn:aws:ec2:*:*:*": true,
		"arn:*:vpc/vpc-1": false, "*": false, "arn:*:ec2:*:*:vpc/vpc-2": false,
	} {
		equal(t, pattern, anyARNLike([]string{pattern}, vpc), want)
	}
}

// vpcOf is a subnet's VPC.
func (w *World) vpcOf(subnet string) string {
	defer w.enter()()
	return w.subnets[subnet].vpc
}

func TestPolicyRefused(t *testing.T) {
	for name, document := range map[string]string{
		"operator": `{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEqualz": {"ec2:Vpc": "x"}}}]}`,
		"key":      `{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"ec2:Owner": "x"}}}]}`,
		"element":  `{"Statement": [{"Effect": "Allow", "NotAction": "*", "Resource": "*"}]}`,
		"effect":   `{"Statement": [{"Effect": "allow", "Action": "*", "Resource": "*"}]}`,
	} {
		if _, err := ParsePolicy([]byte(document)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
