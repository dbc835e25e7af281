package simulator

import "testing"

// IAM User Guide, "Policy evaluation logic".
func TestAuthorization(t *testing.T) {
	w, subnet := region(t, Options{})
	policy, err := ParsePolicy([]byte(`{"Version": "2012-10-17", "Statement": [
		{"Sid": "Read", "Effect": "Allow", "Action": ["ec2:Describe*"], "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}},
		{"Sid": "Delete", "Effect": "Allow", "Action": "ec2:DeleteNetworkInterface", "Resource": "arn:aws:ec2:eu-west-1:123456789012:network-interface/*",
			"Condition": {"StringLike": {"aws:ResourceTag/node.k8s.amazonaws.com/instance_id": "i-*"}, "ArnLike": {"ec2:Vpc": ["arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-*"]}}},
		{"Sid": "Keep", "Effect": "Deny", "Action": "ec2:DeleteNetworkInterface", "Resource": "*", "Condition": {"Null": {"aws:ResourceTag/keep": "false"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	w.Allow("AKFUNCTION", policy)
	c := client{t, w, "AKFUNCTION"}
	equal(t, "a read", c.call("DescribeSubnets").Status, 200)
	equal(t, "another write", c.call("CreateNetworkInterface", "SubnetId", subnet).Code, "UnauthorizedOperation")
	equal(t, "another service", c.call("DescribeAutoScalingGroups").ASCode, "AccessDenied")
	for _, test := range []struct {
		name string
		eni  Interface
		code string
	}{
		{"tagged", Interface{Tags: map[string]string{"node.k8s.amazonaws.com/instance_id": "i-1"}}, ""},
		{"untagged", Interface{}, "UnauthorizedOperation"},
		{"tagged otherwise", Interface{Tags: map[string]string{"node.k8s.amazonaws.com/instance_id": "x"}}, "UnauthorizedOperation"},
		{"denied", Interface{Tags: map[string]string{"node.k8s.amazonaws.com/instance_id": "i-1", "keep": ""}}, "UnauthorizedOperation"},
		{"another account's", Interface{Owner: "210987654321", Tags: map[string]string{"node.k8s.amazonaws.com/instance_id": "i-1"}}, "UnauthorizedOperation"},
	} {
		test.eni.Subnet = subnet
		equal(t, test.name, c.call("DeleteNetworkInterface", "NetworkInterfaceId", w.Seed(test.eni)).Code, test.code)
	}
	equal(t, "a caller without a policy", client{t, w, "AKADMIN"}.call("CreateNetworkInterface", "SubnetId", subnet).Code, "")
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
