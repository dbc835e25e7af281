package simulator

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
)

// EC2 User Guide, "Find your Amazon EC2 resources".
func TestFilters(t *testing.T) {
	r, subnet := region(t, Options{})
	instance := r.addInstance(ec2.Instance{Subnet: subnet})
	odd := r.add(ec2.Interface{
		Subnet: subnet, Description: "aws-K8S-i-0123456789abcdef0", Type: "branch", RequesterManaged: true,
		Tags: map[string]string{"team/a": "blue*", "empty": ""}, Operator: "eks.amazonaws.com",
		Attachment: &ec2.Attachment{Instance: instance, DeviceIndex: 3},
	})
	r.add(ec2.Interface{Subnet: subnet, Description: "aws-k8s-branch-eni"})
	for _, test := range []struct {
		name, value string
		want        bool
	}{
		{"status", "in-use", true},
		{"description", "aws-K8S-i-*", true},
		{"description", "aws-k8s-i-*", false}, // case-sensitive
		{"description", "aws-K8S-i-????????????????0", true},
		{"subnet-id", subnet, true},
		{"network-interface-id", odd, true},
		{"owner-id", "123456789012", true},
		{"interface-type", "branch", true},
		{"interface-type", "interface", false},
		{"requester-managed", "true", true},
		{"operator.managed", "true", true},
		{"attachment.instance-id", instance, true},
		{"attachment.status", "attached", true},
		{"tag:team/a", "blue*", true},
		{"tag:team/a", `blue\*`, true},
		{"tag:team/a", `blu\*`, false},
		{"tag:empty", "", true},
		{"tag:absent", "*", false},
		{"tag-key", "team/*", true},
	} {
		got := client{t, r, "AKID"}.call("DescribeNetworkInterfaces", "Filter.1.Name", test.name, "Filter.1.Value.1", test.value)
		found := strings.Contains(strings.Join(got.Interfaces, " "), odd)
		equal(t, test.name+"="+test.value, found, test.want)
	}
}

// EC2 User Guide, "Find your Amazon EC2 resources": 50 filters, 255 characters; 200 values in
// a call in all as observed.
func TestFilterLimits(t *testing.T) {
	r, _ := region(t, Options{})
	c := client{t, r, "AKID"}
	instances := func(int) string { return "i-00000000" }
	with := func(n int, more ...string) reply {
		return c.call("DescribeInstances", append(values([]string{"Filter.1.Name", "instance-id"}, "Filter.1.Value", n, instances), more...)...)
	}
	equal(t, "200 values", with(200).Code, "")
	equal(t, "201 values", with(201).Code, "FilterLimitExceeded")
	equal(t, "200 and 1", with(200, "Filter.2.Name", "vpc-id", "Filter.2.Value.1", "vpc-1").Code, "FilterLimitExceeded")
	equal(t, "an unknown name", c.call("DescribeInstances", "Filter.1.Name", "colour", "Filter.1.Value.1", "red").Code, "InvalidParameterValue")
	equal(t, "255 characters", c.call("DescribeInstances", "Filter.1.Name", "tag-key", "Filter.1.Value.1", strings.Repeat("x", 255)).Code, "")
	equal(t, "256 characters", c.call("DescribeInstances", "Filter.1.Name", "tag-key", "Filter.1.Value.1", strings.Repeat("x", 256)).Code, "InvalidParameterValue")
	var many []string
	for n := 1; n <= 50; n++ {
		many = append(many, fmt.Sprintf("Filter.%d.Name", n), "vpc-id", fmt.Sprintf("Filter.%d.Value.1", n), "v")
	}
	equal(t, "50 filters", c.call("DescribeInstances", many...).Code, "")
	equal(t, "51 filters", c.call("DescribeInstances", append(many, "Filter.51.Name", "vpc-id", "Filter.51.Value.1", "v")...).Code, "FilterLimitExceeded")
}

// EC2 API Reference, DescribeNetworkInterfaces: MaxResults 5-1000, not with IDs; pages may be
// empty; unpaginated calls refused to large accounts.
func TestPages(t *testing.T) {
	r, subnet := region(t, Options{EmptyPages: 0.3, PagesOnly: true})
	want := map[string]bool{}
	for range 57 {
		want[r.add(ec2.Interface{Subnet: subnet, Addresses: make([]ec2.Address, 1)})] = true
	}
	c := client{t, r, "AKID"}
	pages := c.pages("DescribeNetworkInterfaces", "MaxResults")
	for _, page := range pages {
		if len(page.Interfaces) > 5 {
			t.Fatalf("%d on a page", len(page.Interfaces))
		}
		for _, id := range page.Interfaces {
			if !want[id] {
				t.Fatalf("%s is unknown or was listed before", id)
			}
			delete(want, id)
		}
	}
	equal(t, "never listed", len(want), 0)
	if len(pages) < 12 {
		t.Errorf("%d pages are too few", len(pages))
	}
	id := Look(r.Region, r.EC2.Interfaces)[0].ID
	equal(t, "below the least", c.call("DescribeNetworkInterfaces", "MaxResults", "4").Code, "InvalidParameterValue")
	equal(t, "above the most", c.call("DescribeNetworkInterfaces", "MaxResults", "1001").Code, "InvalidParameterValue")
	equal(t, "with IDs", c.call("DescribeNetworkInterfaces", "MaxResults", "5", "NetworkInterfaceId.1", id).Code, "InvalidParameterCombination")
	equal(t, "IDs alone", c.call("DescribeNetworkInterfaces", "NetworkInterfaceId.1", id).Code, "")
	equal(t, "unpaginated", c.call("DescribeNetworkInterfaces").Code, "OperationNotPermitted")
	equal(t, "another query's token", c.call("DescribeNetworkInterfaces", "MaxResults", "5", "NextToken", pages[0].NextToken, "Filter.1.Name", "status", "Filter.1.Value.1", "x").Code, "InvalidNextToken")
}

// boto3 takes a token that comes again for a loop.
func TestNoTokenComesTwice(t *testing.T) {
	r, subnet := region(t, Options{})
	for i := range 10 {
		r.addGroup(fmt.Sprintf("asg-%d", i), subnet)
		r.add(ec2.Interface{Subnet: subnet})
	}
	c := client{t, r, "AKID"}
	for _, test := range []struct{ action, size string }{{"DescribeAutoScalingGroups", "MaxRecords"}, {"DescribeNetworkInterfaces", "MaxResults"}} {
		r.inject(test.action, 3, api.Fault{EmptyPage: true})
		found := 0
		pages := c.pages(test.action, test.size)
		for _, page := range pages {
			found += len(page.Groups) + len(page.Interfaces)
		}
		equal(t, test.action, found, 10)
		equal(t, test.action+", pages", len(pages), 5)
	}
	equal(t, "not a token", c.call("DescribeAutoScalingGroups", "NextToken", "x").ASCode, "InvalidNextToken")
}

// EC2 User Guide, "Terminate Amazon EC2 instances": visible for about an hour.
func TestInstancesByIDAndByFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, subnet := region(t, Options{HideManaged: true})
		c := client{t, r, "AKID"}
		dead := r.addInstance(ec2.Instance{Subnet: subnet, State: "terminated"})
		foreign := r.addInstance(ec2.Instance{Subnet: subnet, Owner: "210987654321"})
		managed := r.addInstance(ec2.Instance{Subnet: subnet, Operator: "eks.amazonaws.com"})
		filter := []string{"Filter.1.Name", "instance-id", "Filter.1.Value.1", dead, "Filter.1.Value.2", foreign, "Filter.1.Value.3", managed}
		equal(t, "by filter", strings.Join(c.call("DescribeInstances", filter...).Instances, " "), dead)
		got := c.call("DescribeInstances", append(filter, "IncludeManagedResources", "true")...)
		equal(t, "with managed ones", len(got.Instances), 2)
		equal(t, "by ID", c.call("DescribeInstances", "InstanceId.1", dead, "InstanceId.2", foreign).Code, "InvalidInstanceID.NotFound")
		time.Sleep(time.Hour - time.Second)
		equal(t, "for an hour", len(c.call("DescribeInstances", filter...).Instances), 1)
		time.Sleep(2 * time.Second)
		equal(t, "then gone", len(c.call("DescribeInstances", filter...).Instances), 0)
	})
}

// EC2 Developer Guide, "Eventual consistency".
func TestStaleListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, subnet := region(t, Options{})
		c := client{t, r, "AKID"}
		gone := r.add(ec2.Interface{Subnet: subnet})
		time.Sleep(10 * time.Second)
		c.call("DeleteNetworkInterface", "NetworkInterfaceId", gone)
		r.add(ec2.Interface{Subnet: subnet})
		time.Sleep(time.Second)
		r.inject("DescribeNetworkInterfaces", 1, api.Fault{Stale: 5 * time.Second})
		equal(t, "stale", strings.Join(c.call("DescribeNetworkInterfaces").Interfaces, " "), gone)
		if got := c.call("DescribeNetworkInterfaces").Interfaces; len(got) != 1 || got[0] == gone {
			t.Errorf("fresh: %v", got)
		}
	})
}

// EC2 API Reference, NetworkInterface: the elements' names.
func TestInterfaceOnTheWire(t *testing.T) {
	r, subnet := region(t, Options{})
	r.add(ec2.Interface{
		Subnet: subnet, Description: "a <b> & c", RequesterID: "AIDA", Operator: "eks.amazonaws.com",
		Addresses: []ec2.Address{{Association: &ec2.Association{PublicIP: "1.2.3.4", Owner: "amazon"}}, {Association: &ec2.Association{CarrierIP: "5.6.7.8"}}},
		Prefixes:  make([]string, 1), Tags: map[string]string{"k": "v"},
	})
	got := client{t, r, "AKID"}.call("DescribeNetworkInterfaces")
	for _, want := range []string{
		`<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>` + got.RequestID + "</requestId><networkInterfaceSet><item><networkInterfaceId>eni-",
		"<description>a &lt;b&gt; &amp; c</description>", "<requesterId>AIDA</requesterId>", "<requesterManaged>false</requesterManaged>",
		"<operator><managed>true</managed><principal>eks.amazonaws.com</principal></operator>",
		"<privateIpAddressesSet><item><privateIpAddress>10.0.1.4</privateIpAddress><primary>true</primary><association><publicIp>1.2.3.4</publicIp>",
		"<carrierIp>5.6.7.8</carrierIp>", "<ipv4PrefixSet><item><ipv4Prefix>10.0.1.16/28</ipv4Prefix></item></ipv4PrefixSet>",
		"<tagSet><item><key>k</key><value>v</value></item></tagSet>", "</networkInterfaceSet></DescribeNetworkInterfacesResponse>",
	} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("%s\nis not in\n%s", want, got.Body)
		}
	}
}

// Amazon EC2 Auto Scaling API Reference, DescribeAutoScalingGroups.
func TestGroupsOnTheWire(t *testing.T) {
	r, subnet := region(t, Options{Buckets: map[string]api.Bucket{"autoscaling": {Size: 5}}})
	c := client{t, r, "AKID"}
	for i := range 60 {
		r.addGroup(fmt.Sprintf("asg-%02d", i), subnet, "subnet-00000000")
	}
	got := c.call("DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1", "asg-00", "AutoScalingGroupNames.member.2", "gone")
	equal(t, "by name", strings.Join(got.Groups, " "), "asg-00")
	equal(t, "subnets", got.Subnets, subnet+",subnet-00000000")
	got = c.call("DescribeAutoScalingGroups")
	equal(t, "no name is all, a page", len(got.Groups), 50)
	equal(t, "the rest", len(c.call("DescribeAutoScalingGroups", "NextToken", got.GroupToken).Groups), 10)
	name := func(int) string { return "asg-00" }
	equal(t, "51 names", c.call("DescribeAutoScalingGroups", values(nil, "AutoScalingGroupNames.member", 51, name)...).ASCode, "ValidationError")
	equal(t, "100 names", c.call("DescribeAutoScalingGroups", values([]string{"MaxRecords", "100"}, "AutoScalingGroupNames.member", 100, name)...).ASCode, "")
	equal(t, "throttled", c.call("DescribeAutoScalingGroups").ASCode, "Throttling")
}
