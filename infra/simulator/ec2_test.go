package simulator

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// EC2 API Reference, "Error codes".
func TestDeleteRefusals(t *testing.T) {
	w, subnet := region(t, Options{})
	instance := w.SeedInstance(Instance{Subnet: subnet})
	for _, test := range []struct {
		name, id string
		status   int
		code     string
		message  string
	}{
		{"available", w.Seed(Interface{Subnet: subnet}), 200, "", ""},
		{"attached", w.Seed(Interface{Subnet: subnet, Attachment: &Attachment{Instance: instance, DeviceIndex: 1}}), 400, "InvalidParameterValue", "currently in use"},
		{"detaching", w.Seed(Interface{Subnet: subnet, Status: "detaching", Attachment: &Attachment{Instance: instance, DeviceIndex: 2}}), 400, "InvalidParameterValue", "currently in use"},
		{"requester-managed", w.Seed(Interface{Subnet: subnet, RequesterManaged: true}), 400, "OperationNotPermitted", ""},
		{"operator-managed", w.Seed(Interface{Subnet: subnet, Operator: "eks.amazonaws.com"}), 400, "OperationNotPermitted", ""},
		{"another account's", w.Seed(Interface{Subnet: subnet, Owner: "210987654321"}), 400, "AuthFailure", "permission"},
		{"unknown", "eni-00000000000000000", 400, "InvalidNetworkInterfaceID.NotFound", ""},
		{"malformed", "eni-xyz", 400, "InvalidNetworkInterfaceID.Malformed", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, before := w.Interface(test.id)
			got := client{t, w, "AKID"}.call("DeleteNetworkInterface", "NetworkInterfaceId", test.id)
			equal(t, "status", got.Status, test.status)
			equal(t, "code", got.Code, test.code)
			if !strings.Contains(got.Message, test.message) {
				t.Errorf("message %q lacks %q", got.Message, test.message)
			}
			_, after := w.Interface(test.id)
			equal(t, "still there", after, before && test.code != "")
		})
	}
}

// EC2 API Reference, DeleteNetworkInterface: DryRun.
func TestDryRun(t *testing.T) {
	w, subnet := region(t, Options{})
	id := w.Seed(Interface{Subnet: subnet})
	got := client{t, w, "AKID"}.call("DeleteNetworkInterface", "NetworkInterfaceId", id, "DryRun", "true")
	equal(t, "status", got.Status, 412)
	equal(t, "code", got.Code, "DryRunOperation")
	if _, ok := w.Interface(id); !ok {
		t.Error("a dry run deleted the interface")
	}
}

// EC2 API Reference, "Error codes": common client errors.
func TestCredentials(t *testing.T) {
	w, _ := region(t, Options{})
	got := client{t, w, ""}.call("DescribeSubnets")
	equal(t, "none", got.Code, "MissingAuthenticationToken")
	w.RevokeKey("AKOLD")
	got = client{t, w, "AKOLD"}.call("DescribeSubnets")
	equal(t, "revoked", got.Code, "AuthFailure")
	equal(t, "revoked, status", got.Status, 401)
	got = client{t, w, "AKOLD"}.call("DescribeAutoScalingGroups")
	equal(t, "revoked, Auto Scaling", got.ASCode, "InvalidClientTokenId")
	got = client{t, w, "AKID"}.call("TerminateInstances")
	equal(t, "unknown action", got.Code, "InvalidAction")
}

// Amazon VPC User Guide, "Subnet CIDR blocks": five addresses are AWS's; EC2 User Guide,
// "Prefix delegation for Amazon EC2 network interfaces": a /28 is 16 addresses.
func TestFreeAddresses(t *testing.T) {
	w, subnet := region(t, Options{})
	equal(t, "empty /24", w.FreeAddresses(subnet), 251)
	plain := w.Seed(Interface{Subnet: subnet, Addresses: make([]Address, 10)})
	equal(t, "with ten addresses", w.FreeAddresses(subnet), 241)
	prefixes := w.Seed(Interface{Subnet: subnet, Prefixes: make([]string, 2)})
	equal(t, "and two prefixes", w.FreeAddresses(subnet), 241-1-32)
	c := client{t, w, "AKID"}
	equal(t, "on the wire", c.call("DescribeSubnets", "SubnetId.1", subnet).Free[0], 208)
	c.call("DeleteNetworkInterface", "NetworkInterfaceId", plain)
	c.call("DeleteNetworkInterface", "NetworkInterfaceId", prefixes)
	equal(t, "after deletion", w.FreeAddresses(subnet), 251)

	for w.FreeAddresses(subnet) >= 10 {
		w.Seed(Interface{Subnet: subnet, Addresses: make([]Address, 10)})
	}
	got := c.call("CreateNetworkInterface", "SubnetId", subnet, "SecondaryPrivateIpAddressCount", "9")
	equal(t, "full", got.Code, "InsufficientFreeAddressesInSubnet")
	got = c.call("CreateNetworkInterface", "SubnetId", subnet, "Ipv4PrefixCount", "1")
	equal(t, "no block", got.Code, "InsufficientCidrBlocks")
	equal(t, "a refusal takes nothing", w.FreeAddresses(subnet), 1)
}

// EC2 User Guide, "Find your Amazon EC2 resources".
func TestFilters(t *testing.T) {
	w, subnet := region(t, Options{})
	instance := w.SeedInstance(Instance{Subnet: subnet})
	odd := w.Seed(Interface{
		Subnet: subnet, Description: "aws-K8S-i-0123456789abcdef0", Type: "branch", RequesterManaged: true,
		Tags: map[string]string{"team/a": "blue*", "empty": ""}, Operator: "eks.amazonaws.com",
		Attachment: &Attachment{Instance: instance, DeviceIndex: 3},
	})
	w.Seed(Interface{Subnet: subnet, Description: "aws-k8s-branch-eni"})
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
		got := client{t, w, "AKID"}.call("DescribeNetworkInterfaces", "Filter.1.Name", test.name, "Filter.1.Value.1", test.value)
		found := strings.Contains(strings.Join(got.Interfaces, " "), odd)
		equal(t, test.name+"="+test.value, found, test.want)
	}
}

// EC2 User Guide, "Find your Amazon EC2 resources": 50 filters, 255 characters; 200 values in
// a call in all as observed.
func TestFilterLimits(t *testing.T) {
	w, _ := region(t, Options{})
	c := client{t, w, "AKID"}
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
	w, subnet := region(t, Options{EmptyPages: 0.3, PagesOnly: true})
	want := map[string]bool{}
	for range 57 {
		want[w.Seed(Interface{Subnet: subnet, Addresses: make([]Address, 1)})] = true
	}
	c := client{t, w, "AKID"}
	token, pages := "", 0
	for {
		form := url.Values{"MaxResults": {"5"}}
		if token != "" {
			form.Set("NextToken", token)
		}
		got, err := c.send("DescribeNetworkInterfaces", form)
		if err != nil || got.Code != "" {
			t.Fatal(err, got.Code)
		}
		for _, id := range got.Interfaces {
			if !want[id] {
				t.Fatalf("%s is unknown or was listed before", id)
			}
			delete(want, id)
		}
		if pages++; got.NextToken == "" {
			break
		}
		if len(got.Interfaces) > 5 {
			t.Fatalf("%d on a page", len(got.Interfaces))
		}
		token = got.NextToken
	}
	equal(t, "never listed", len(want), 0)
	if pages < 12 {
		t.Errorf("%d pages are too few", pages)
	}
	id := w.Interfaces()[0].ID
	equal(t, "below the least", c.call("DescribeNetworkInterfaces", "MaxResults", "4").Code, "InvalidParameterValue")
	equal(t, "above the most", c.call("DescribeNetworkInterfaces", "MaxResults", "1001").Code, "InvalidParameterValue")
	equal(t, "with IDs", c.call("DescribeNetworkInterfaces", "MaxResults", "5", "NetworkInterfaceId.1", id).Code, "InvalidParameterCombination")
	equal(t, "IDs alone", c.call("DescribeNetworkInterfaces", "NetworkInterfaceId.1", id).Code, "")
	equal(t, "unpaginated", c.call("DescribeNetworkInterfaces").Code, "OperationNotPermitted")
	equal(t, "another query's token", c.call("DescribeNetworkInterfaces", "MaxResults", "5", "NextToken", token, "Filter.1.Name", "status", "Filter.1.Value.1", "x").Code, "InvalidNextToken")
}

// EC2 User Guide, "Terminate Amazon EC2 instances": visible for about an hour.
func TestInstancesByIDAndByFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, subnet := region(t, Options{HideManaged: true})
		c := client{t, w, "AKID"}
		dead := w.SeedInstance(Instance{Subnet: subnet, State: "terminated"})
		foreign := w.SeedInstance(Instance{Subnet: subnet, Owner: "210987654321"})
		managed := w.SeedInstance(Instance{Subnet: subnet, Operator: "eks.amazonaws.com"})
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

// EC2 API Reference, "Request throttling".
func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := region(t, Options{})
		c := client{t, w, "AKID"}
		spend := func() (n int) {
			for ; n < 1000; n++ {
				if got := c.call("DeleteNetworkInterface", "NetworkInterfaceId", "eni-00000000"); got.Code == "RequestLimitExceeded" {
					equal(t, "status", got.Status, 503)
					return n
				}
			}
			return n
		}
		equal(t, "at once", spend(), 100)
		time.Sleep(3 * time.Second)
		equal(t, "after three seconds", spend(), 15)
		equal(t, "reads have their own", c.call("DescribeSubnets").Code, "")
	})
}

// EC2 Developer Guide, "Eventual consistency".
func TestStaleListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, subnet := region(t, Options{})
		c := client{t, w, "AKID"}
		gone := w.Seed(Interface{Subnet: subnet})
		time.Sleep(10 * time.Second)
		c.call("DeleteNetworkInterface", "NetworkInterfaceId", gone)
		w.Seed(Interface{Subnet: subnet})
		time.Sleep(time.Second)
		w.Inject("DescribeNetworkInterfaces", 1, Fault{Stale: 5 * time.Second})
		equal(t, "stale", strings.Join(c.call("DescribeNetworkInterfaces").Interfaces, " "), gone)
		if got := c.call("DescribeNetworkInterfaces").Interfaces; len(got) != 1 || got[0] == gone {
			t.Errorf("fresh: %v", got)
		}
	})
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, subnet := region(t, Options{})
		c := client{t, w, "AKID"}
		id := w.Seed(Interface{Subnet: subnet})
		form := func() url.Values { return url.Values{"NetworkInterfaceId": {id}} }
		w.Inject("DeleteNetworkInterface", 1, Fault{Code: "Unavailable"})
		equal(t, "status", c.call("DeleteNetworkInterface", "NetworkInterfaceId", id).Status, 503)
		w.Inject("DeleteNetworkInterface", 1, Fault{Reset: true})
		if _, err := c.send("DeleteNetworkInterface", form()); err == nil {
			t.Error("a reset has an answer")
		}
		if _, ok := w.Interface(id); !ok {
			t.Error("a reset had an effect")
		}
		w.Inject("DeleteNetworkInterface", 1, Fault{LoseAnswer: true, Latency: time.Minute})
		start := time.Now()
		if _, err := c.send("DeleteNetworkInterface", form()); err == nil {
			t.Error("a lost answer came")
		}
		equal(t, "latency", time.Since(start), time.Minute)
		if _, ok := w.Interface(id); ok {
			t.Error("the call had no effect")
		}
		var codes []string
		for _, call := range w.Calls() {
			codes = append(codes, call.Caller+":"+call.Code)
		}
		equal(t, "journal", strings.Join(codes, " "), "AKID:Unavailable AKID:connection reset AKID:")
		w.OnCall(func(c Call) Fault {
			if c.Action == "DescribeSubnets" && c.Number == 2 {
				return Fault{Code: "InternalError"}
			}
			return Fault{}
		})
		equal(t, "the first", c.call("DescribeSubnets").Status, 200)
		equal(t, "the second", c.call("DescribeSubnets").Status, 500)
	})
}

// EC2 API Reference, AttachNetworkInterface, DetachNetworkInterface.
func TestAttachRefusals(t *testing.T) {
	w, subnet := region(t, Options{})
	elsewhere := w.AddSubnet(w.AddVPC("10.1.0.0/16"), "10.1.1.0/24", "b")
	c := client{t, w, "AKID"}
	instance := w.SeedInstance(Instance{Subnet: subnet})
	off := w.SeedInstance(Instance{Subnet: subnet, State: "shutting-down"})
	primary := w.Seed(Interface{Subnet: subnet, Attachment: &Attachment{ID: "eni-attach-1", Instance: instance}})
	free := w.Seed(Interface{Subnet: subnet})
	far := w.Seed(Interface{Subnet: elsewhere})
	for _, test := range []struct{ eni, instance, index, code string }{
		{primary, instance, "1", "InvalidNetworkInterface.InUse"},
		{free, off, "1", "IncorrectState"},
		{free, instance, "0", "InvalidParameterValue"},
		{far, instance, "1", "InvalidParameterCombination"},
		{free, "i-00000000", "1", "InvalidInstanceID.NotFound"},
		{free, instance, "1", ""},
	} {
		got := c.call("AttachNetworkInterface", "NetworkInterfaceId", test.eni, "InstanceId", test.instance, "DeviceIndex", test.index)
		equal(t, "attach", got.Code, test.code)
	}
	equal(t, "the primary one", c.call("DetachNetworkInterface", "AttachmentId", "eni-attach-1").Code, "OperationNotPermitted")
	equal(t, "unknown", c.call("DetachNetworkInterface", "AttachmentId", "eni-attach-2").Code, "InvalidAttachmentID.NotFound")
}

// EC2 API Reference, NetworkInterface: the elements' names.
func TestInterfaceOnTheWire(t *testing.T) {
	w, subnet := region(t, Options{})
	w.Seed(Interface{
		Subnet: subnet, Description: "a <b> & c", RequesterID: "AIDA", Operator: "eks.amazonaws.com",
		Addresses: []Address{{Association: &Association{PublicIP: "1.2.3.4", Owner: "amazon"}}, {Association: &Association{CarrierIP: "5.6.7.8"}}},
		Prefixes:  make([]string, 1), Tags: map[string]string{"k": "v"},
	})
	got := client{t, w, "AKID"}.call("DescribeNetworkInterfaces")
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
	w, subnet := region(t, Options{Buckets: map[string]Bucket{"autoscaling": {5, 0}}})
	c := client{t, w, "AKID"}
	for i := range 60 {
		w.AddGroup(Group{Name: fmt.Sprintf("asg-%02d", i), Subnets: []string{subnet, "subnet-00000000"}})
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

// boto3 takes a token that comes again for a loop.
func TestNoTokenComesTwice(t *testing.T) {
	w, subnet := region(t, Options{})
	for i := range 10 {
		w.AddGroup(Group{Name: fmt.Sprintf("asg-%d", i), Subnets: []string{subnet}})
		w.Seed(Interface{Subnet: subnet})
	}
	c := client{t, w, "AKID"}
	for _, test := range []struct{ action, size string }{{"DescribeAutoScalingGroups", "MaxRecords"}, {"DescribeNetworkInterfaces", "MaxResults"}} {
		w.Inject(test.action, 3, Fault{EmptyPage: true})
		seen, found := map[string]bool{"": true}, 0
		for token := ""; ; seen[token] = true {
			form := url.Values{test.size: {"5"}}
			if token != "" {
				form.Set("NextToken", token)
			}
			got, err := c.send(test.action, form)
			if err != nil || got.Code+got.ASCode != "" {
				t.Fatal(err, got.Code, got.ASCode)
			}
			found += len(got.Groups) + len(got.Interfaces)
			if token = got.NextToken + got.GroupToken; token == "" {
				break
			}
			if seen[token] {
				t.Fatalf("%s: token %s comes twice", test.action, token)
			}
		}
		equal(t, test.action, found, 10)
		equal(t, test.action+", pages", len(seen), 5)
	}
	equal(t, "not a token", c.call("DescribeAutoScalingGroups", "NextToken", "x").ASCode, "InvalidNextToken")
}
