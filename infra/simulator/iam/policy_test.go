package iam

import "testing"

// IAM User Guide, "IAM JSON policy elements: Condition operators": ARNs are compared part by part.
func TestARNs(t *testing.T) {
	const vpc = "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1"
	for pattern, want := range map[string]bool{
		"arn:*:ec2:*:*:vpc/vpc-1": true, "arn:*:ec2:*:*:vpc/vpc-?": true, "arn:aws:ec2:*:*:*": true,
		"arn:*:vpc/vpc-1": false, "*": false, "arn:*:ec2:*:*:vpc/vpc-2": false,
	} {
		if got := anyARNLike([]string{pattern}, vpc); got != want {
			t.Errorf("%s: got %v, want %v", pattern, got, want)
		}
	}
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
