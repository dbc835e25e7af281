package template

import (
	"cmp"
	"iter"
	"maps"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// columns are the stacks that the tables below have a sign for: + where the call is allowed.
var columns = []map[string]string{
	{},
	{"VpcIds": "vpc-0123456789abcdef0,vpc-01234567"},
	{"ReleaseUntagged": "true"},
	{"ReleaseUntagged": "true", "VpcIds": "vpc-0123456789abcdef0,vpc-01234567"},
}

// The tables are written for the first of these; the others read them with their own names.
var places = []struct{ partition, region string }{{"aws", harness.StackRegion}, {"aws-cn", "cn-north-1"}}

// stacks deploys each column in each place; it yields the column and its parameters.
func stacks() iter.Seq2[int, map[string]string] {
	return func(yield func(int, map[string]string) bool) {
		for _, place := range places {
			for column, parameters := range columns {
				given := map[string]string{"AWS::Partition": place.partition, "AWS::Region": place.region}
				maps.Copy(given, parameters)
				if !yield(column, given) {
					return
				}
			}
		}
	}
}

const (
	here         = harness.StackRegion + ":" + harness.Account
	oneInterface = "arn:aws:ec2:" + here + ":network-interface/eni-0123456789abcdef0"
	oneVPC       = "arn:aws:ec2:" + here + ":vpc/vpc-0123456789abcdef0"
	queue        = "arn:aws:sqs:" + here + ":releaser-TerminateEventsQueue"
	deadLetters  = "arn:aws:sqs:" + here + ":releaser-DeadLetterQueue"
	function     = "arn:aws:lambda:" + here + ":function:releaser-ReleaseFunction"
	functionRole = "arn:aws:iam::" + harness.Account + ":role/releaser-ReleaseFunctionRole"
	scheduleRole = "arn:aws:iam::" + harness.Account + ":role/releaser-ScheduleRole"
	rule         = "arn:aws:events:" + here + ":rule/releaser-TerminateEventsRule"
	changesRule  = "arn:aws:events:" + here + ":rule/releaser-StateChangeEventsRule"
	ownLog       = "arn:aws:logs:" + here + ":log-group:/aws/lambda/releaser"
	stream       = ":log-stream:2026/11/23/[$LATEST]0"

	nodeTag     = "node.k8s.amazonaws.com/instance_id"
	keepTag     = "network-interface-releaser/keep"
	noManageTag = "node.k8s.amazonaws.com/no_manage"
)

// Interfaces, and whether the function may delete them. What a row leaves out is as the CNI and the
// stack have it.
var interfaceCases = []struct {
	name    string
	of      target
	allowed string // everywhere, in VpcIds, ReleaseUntagged, both
}{
	{"the CNI's", target{tags: tags{nodeTag: "i-0123456789abcdef0", "node.k8s.amazonaws.com/createdAt": "2026-11-23T10:00:00Z", "cluster.k8s.amazonaws.com/name": "blue"}}, "++++"},
	{"bare", target{tags: tags{}}, "--++"},
	{"with an empty instance", target{tags: tags{nodeTag: ""}}, "--++"},
	{"with a word for an instance", target{tags: tags{nodeTag: "see ticket"}}, "--++"},
	{"with an instance in capitals", target{tags: tags{nodeTag: "I-0123456789ABCDEF0"}}, "--++"},
	{"with an instance amid its value", target{tags: tags{nodeTag: "not i-0123456789abcdef0"}}, "--++"},
	{"tagged with another prefix", target{tags: tags{"k8s.amazonaws.com/instance_id": "i-0123456789abcdef0"}}, "--++"},
	{"tagged without the prefix", target{tags: tags{"instance_id": "i-0123456789abcdef0"}}, "--++"},
	{"tagged with a longer key", target{tags: tags{nodeTag + "s": "i-0123456789abcdef0"}}, "--++"},
	{"tagged with the key in other letters, which IAM takes for the same", target{tags: tags{"Node.k8s.amazonaws.com/Instance_ID": "i-0123456789abcdef0"}}, "++++"},

	{"to keep", target{tags: tags{nodeTag: "i-0123456789abcdef0", keepTag: "true"}}, "----"},
	{"to keep, whatever the value", target{tags: tags{nodeTag: "i-0123456789abcdef0", keepTag: "false"}}, "----"},
	{"to keep, with an empty value", target{tags: tags{nodeTag: "i-0123456789abcdef0", keepTag: ""}}, "----"},
	{"to keep, in other letters", target{tags: tags{nodeTag: "i-0123456789abcdef0", "Network-Interface-Releaser/Keep": "true"}}, "----"},
	{"to keep, and bare", target{tags: tags{keepTag: "true"}}, "----"},
	{"with a key like that to keep", target{tags: tags{nodeTag: "i-0123456789abcdef0", keepTag + "er": "true", "keep": "true"}}, "++++"},
	{"to keep, in other letters, with an empty value", target{tags: tags{nodeTag: "i-0123456789abcdef0", "Network-Interface-Releaser/Keep": ""}}, "----"},
	{"not the CNI's to manage, in other letters", target{tags: tags{nodeTag: "i-0123456789abcdef0", "Node.k8s.amazonaws.com/NO_MANAGE": "true"}}, "----"},
	{"not the CNI's to manage", target{tags: tags{nodeTag: "i-0123456789abcdef0", noManageTag: "true"}}, "----"},
	{"not the CNI's to manage, and bare", target{tags: tags{noManageTag: "true"}}, "----"},
	{"the CNI's to manage", target{tags: tags{nodeTag: "i-0123456789abcdef0", noManageTag: "false"}}, "++++"},
	{"to keep, and the CNI's to manage", target{tags: tags{nodeTag: "i-0123456789abcdef0", noManageTag: "false", keepTag: "true"}}, "----"},

	{"in the second VPC", target{vpc: "arn:aws:ec2:" + here + ":vpc/vpc-01234567"}, "++++"},
	{"in a VPC that another account shares", target{vpc: "arn:aws:ec2:eu-west-1:210987654321:vpc/vpc-0123456789abcdef0"}, "++++"},
	{"in another VPC", target{vpc: "arn:aws:ec2:" + here + ":vpc/vpc-0fedcba9876543210"}, "+-+-"},
	{"in another VPC that another account shares", target{vpc: "arn:aws:ec2:eu-west-1:210987654321:vpc/vpc-0fedcba9876543210"}, "+-+-"},
	{"in a VPC whose id begins like the second's", target{vpc: "arn:aws:ec2:" + here + ":vpc/vpc-01234567fedcba980"}, "+-+-"},
	{"in an unknown VPC", target{vpc: "none"}, "+-+-"},
	{"in another VPC, and bare", target{vpc: "arn:aws:ec2:" + here + ":vpc/vpc-0fedcba9876543210", tags: tags{}}, "--+-"},
	{"in another VPC, and to keep", target{vpc: "arn:aws:ec2:" + here + ":vpc/vpc-0fedcba9876543210", tags: tags{keepTag: "true"}}, "----"},

	{"another account's", target{arn: "arn:aws:ec2:eu-west-1:210987654321:network-interface/eni-0123456789abcdef0"}, "----"},
	{"another region's", target{arn: "arn:aws:ec2:us-east-1:" + harness.Account + ":network-interface/eni-0123456789abcdef0", region: "us-east-1"}, "----"},
	{"another region's, by its ARN", target{arn: "arn:aws:ec2:us-east-1:" + harness.Account + ":network-interface/eni-0123456789abcdef0"}, "----"},
	{"another region's, by the call", target{region: "us-east-1"}, "----"},
	{"another partition's", target{arn: "arn:aws-us-gov:ec2:" + here + ":network-interface/eni-0123456789abcdef0"}, "----"},
}

// Everything else that the stack's roles, and others on what is the stack's, call: the same in
// every column.
var otherCases = []struct {
	name, by, actions, resource string
	context                     map[string]string
	allowed                     bool
}{
	{"the evidence", "ReleaseFunctionRole", "ec2:DescribeNetworkInterfaces ec2:DescribeInstances ec2:DescribeSubnets autoscaling:DescribeAutoScalingGroups", "*", inRegion, true},
	{"another region's evidence", "ReleaseFunctionRole", "ec2:DescribeNetworkInterfaces ec2:DescribeInstances ec2:DescribeSubnets autoscaling:DescribeAutoScalingGroups", "*", elsewhere, false},
	{"what is no evidence", "ReleaseFunctionRole", "ec2:DescribeVpcs ec2:DescribeTags ec2:DescribeSecurityGroups ec2:DescribeInstanceStatus autoscaling:DescribeAutoScalingInstances", "*", inRegion, false},

	{"an interface of the CNI's", "ReleaseFunctionRole", `ec2:CreateTags ec2:DeleteTags ec2:CreateNetworkInterface ec2:ModifyNetworkInterfaceAttribute
		ec2:ResetNetworkInterfaceAttribute ec2:AttachNetworkInterface ec2:DetachNetworkInterface ec2:CreateNetworkInterfacePermission
		ec2:AssignPrivateIpAddresses ec2:UnassignPrivateIpAddresses ec2:UnassignIpv6Addresses ec2:AssociateAddress ec2:DisassociateAddress`, oneInterface, ofTheCNI, false},
	{"an instance", "ReleaseFunctionRole", `ec2:TerminateInstances ec2:StopInstances ec2:RebootInstances ec2:RunInstances ec2:ModifyInstanceAttribute
		ec2:AttachNetworkInterface ec2:DetachNetworkInterface ec2:CreateTags`, "arn:aws:ec2:" + here + ":instance/i-0123456789abcdef0", inRegion, false},
	{"a security group", "ReleaseFunctionRole", "ec2:DeleteSecurityGroup ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress", "arn:aws:ec2:" + here + ":security-group/sg-0123456789abcdef0", inRegion, false},
	{"a subnet", "ReleaseFunctionRole", "ec2:DeleteSubnet ec2:ModifySubnetAttribute ec2:CreateNetworkInterface", "arn:aws:ec2:" + here + ":subnet/subnet-0123456789abcdef0", inRegion, false},
	{"a VPC", "ReleaseFunctionRole", "ec2:DeleteVpc ec2:ModifyVpcAttribute ec2:CreateSubnet", oneVPC, inRegion, false},
	{"an address", "ReleaseFunctionRole", "ec2:ReleaseAddress ec2:DisassociateAddress", "arn:aws:ec2:" + here + ":elastic-ip/eipalloc-0123456789abcdef0", inRegion, false},
	{"a volume", "ReleaseFunctionRole", "ec2:DeleteVolume ec2:DetachVolume", "arn:aws:ec2:" + here + ":volume/vol-0123456789abcdef0", inRegion, false},
	{"a group", "ReleaseFunctionRole", "autoscaling:TerminateInstanceInAutoScalingGroup autoscaling:UpdateAutoScalingGroup autoscaling:SetDesiredCapacity autoscaling:DeleteAutoScalingGroup",
		"arn:aws:autoscaling:" + here + ":autoScalingGroup:12345678-1234-1234-1234-123456789012:autoScalingGroupName/blue", inRegion, false},

	{"its log", "ReleaseFunctionRole", "logs:CreateLogStream logs:PutLogEvents", ownLog + stream, nil, true},
	{"its log", "ReleaseFunctionRole", "logs:GetLogEvents logs:DeleteLogStream", ownLog + stream, nil, false},
	{"its log group", "ReleaseFunctionRole", "logs:CreateLogGroup logs:DeleteLogGroup logs:PutRetentionPolicy logs:FilterLogEvents", ownLog, nil, false},
	{"another group", "ReleaseFunctionRole", "logs:CreateLogStream logs:PutLogEvents", ownLog + "-2" + stream, nil, false},
	{"another account's log", "ReleaseFunctionRole", "logs:CreateLogStream logs:PutLogEvents", strings.Replace(ownLog, harness.Account, "210987654321", 1) + stream, nil, false},

	{"its queue", "ReleaseFunctionRole", "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", queue, overTLS, true},
	{"its queue in clear text", "ReleaseFunctionRole", "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", queue, inClear, false},
	{"its queue", "ReleaseFunctionRole", "sqs:SendMessage sqs:PurgeQueue sqs:DeleteQueue sqs:SetQueueAttributes sqs:AddPermission sqs:ChangeMessageVisibility", queue, overTLS, false},
	{"the dead letters", "ReleaseFunctionRole", "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:SendMessage sqs:PurgeQueue sqs:StartMessageMoveTask", deadLetters, overTLS, false},
	{"another queue", "ReleaseFunctionRole", "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", queue + "-2", overTLS, false},
	{"the rule's events", "events.amazonaws.com", "sqs:SendMessage", queue, map[string]string{"aws:SourceArn": rule, "aws:SecureTransport": "true"}, true},
	{"the rule's events in clear text", "events.amazonaws.com", "sqs:SendMessage", queue, map[string]string{"aws:SourceArn": rule, "aws:SecureTransport": "false"}, false},
	{"the second rule's events", "events.amazonaws.com", "sqs:SendMessage", queue, map[string]string{"aws:SourceArn": changesRule, "aws:SecureTransport": "true"}, true},
	{"another rule's events", "events.amazonaws.com", "sqs:SendMessage", queue, map[string]string{"aws:SourceArn": rule + "-2", "aws:SecureTransport": "true"}, false},
	{"a message of another service", "sns.amazonaws.com", "sqs:SendMessage", queue, map[string]string{"aws:SourceArn": rule, "aws:SecureTransport": "true"}, false},
	{"the queue, for the rule", "events.amazonaws.com", "sqs:ReceiveMessage sqs:PurgeQueue", queue, map[string]string{"aws:SourceArn": rule, "aws:SecureTransport": "true"}, false},
	{"the rule's dead letters", "events.amazonaws.com", "sqs:SendMessage", deadLetters, map[string]string{"aws:SourceArn": rule, "aws:SecureTransport": "true"}, false},
	{"the dead letters, for the operator", operator, "sqs:ReceiveMessage sqs:StartMessageMoveTask", deadLetters, overTLS, true},
	{"the dead letters in clear text, for the operator", operator, "sqs:ReceiveMessage sqs:StartMessageMoveTask", deadLetters, inClear, false},

	{"the function", "ScheduleRole", "lambda:InvokeFunction", function, nil, true},
	{"the function", "ScheduleRole", "lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration lambda:DeleteFunction lambda:GetFunction", function, nil, false},
	{"another function", "ScheduleRole", "lambda:InvokeFunction", function + "-2", nil, false},
	{"an interface of the CNI's, for the schedule", "ScheduleRole", "ec2:DeleteNetworkInterface", oneInterface, ofTheCNI, false},
	{"itself", "ReleaseFunctionRole", "lambda:InvokeFunction lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration", function, nil, false},
	{"a role", "ReleaseFunctionRole", "iam:PassRole iam:PutRolePolicy iam:AttachRolePolicy sts:AssumeRole", functionRole, nil, false},

	{"the function's role", "lambda.amazonaws.com", "sts:AssumeRole", functionRole, nil, true},
	{"the function's role, for another service", "ec2.amazonaws.com", "sts:AssumeRole", functionRole, nil, false},
	{"the schedule's role", "scheduler.amazonaws.com", "sts:AssumeRole", scheduleRole, map[string]string{"aws:SourceAccount": harness.Account}, true},
	{"the schedule's role, for another account's schedule", "scheduler.amazonaws.com", "sts:AssumeRole", scheduleRole, map[string]string{"aws:SourceAccount": "210987654321"}, false},
	{"the schedule's role, for another service", "lambda.amazonaws.com", "sts:AssumeRole", scheduleRole, map[string]string{"aws:SourceAccount": harness.Account}, false},
}

// operator is a role outside of the stack that may do everything: only a Deny holds it.
const operator = "operator"

var (
	inRegion  = map[string]string{"aws:RequestedRegion": harness.StackRegion}
	elsewhere = map[string]string{"aws:RequestedRegion": "us-east-1"}
	overTLS   = map[string]string{"aws:SecureTransport": "true"}
	inClear   = map[string]string{"aws:SecureTransport": "false"}
	ofTheCNI  = target{}.context()
)

type tags map[string]string

// A target is an interface by what IAM knows of it; what is left out is as the function may delete it.
type target struct {
	tags             tags
	arn, vpc, region string
}

func (o target) context() map[string]string {
	if o.tags == nil {
		o.tags = tags{nodeTag: "i-0123456789abcdef0"}
	}
	context := map[string]string{"aws:RequestedRegion": cmp.Or(o.region, harness.StackRegion), "ec2:Vpc": cmp.Or(o.vpc, oneVPC)}
	if o.vpc == "none" {
		delete(context, "ec2:Vpc")
	}
	for key, value := range o.tags {
		context["aws:ResourceTag/"+key] = value
	}
	return context
}

// A call is made by a role or by a service.
type call struct {
	name, by, action, resource string
	context                    map[string]string
	allowed                    string // a sign for each column
}

func (c call) allowedIn(column int) bool { return c.allowed[column] == '+' }

func callCases() (all []call) {
	for _, d := range interfaceCases {
		all = append(all, call{"an interface, " + d.name, "ReleaseFunctionRole", "ec2:DeleteNetworkInterface", cmp.Or(d.of.arn, oneInterface), d.of.context(), d.allowed})
	}
	for _, o := range otherCases {
		allowed := "----"
		if o.allowed {
			allowed = "++++"
		}
		for action := range strings.FieldsSeq(o.actions) {
			all = append(all, call{o.name, o.by, action, o.resource, o.context, allowed})
		}
	}
	return all
}
