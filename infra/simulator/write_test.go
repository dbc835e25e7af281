package simulator

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
)

// EC2 API Reference, "Error codes".
func TestDeleteRefusals(t *testing.T) {
	r, subnet := region(t, Options{})
	instance := r.addInstance(ec2.Instance{Subnet: subnet})
	for _, test := range []struct {
		name, id string
		status   int
		code     string
		message  string
	}{
		{"available", r.add(ec2.Interface{Subnet: subnet}), 200, "", ""},
		{"attached", r.add(ec2.Interface{Subnet: subnet, Attachment: &ec2.Attachment{Instance: instance, DeviceIndex: 1}}), 400, "InvalidParameterValue", "currently in use"},
		{"detaching", r.add(ec2.Interface{Subnet: subnet, Status: "detaching", Attachment: &ec2.Attachment{Instance: instance, DeviceIndex: 2}}), 400, "InvalidParameterValue", "currently in use"},
		{"requester-managed", r.add(ec2.Interface{Subnet: subnet, RequesterManaged: true}), 400, "OperationNotPermitted", ""},
		{"operator-managed", r.add(ec2.Interface{Subnet: subnet, Operator: "eks.amazonaws.com"}), 400, "OperationNotPermitted", ""},
		{"another account's", r.add(ec2.Interface{Subnet: subnet, Owner: "210987654321"}), 400, "AuthFailure", "permission"},
		{"unknown", "eni-00000000000000000", 400, "InvalidNetworkInterfaceID.NotFound", ""},
		{"malformed", "eni-xyz", 400, "InvalidNetworkInterfaceID.Malformed", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := r.exists(test.id)
			got := client{t, r, "AKID"}.call("DeleteNetworkInterface", "NetworkInterfaceId", test.id)
			equal(t, "status", got.Status, test.status)
			equal(t, "code", got.Code, test.code)
			if !strings.Contains(got.Message, test.message) {
				t.Errorf("message %q lacks %q", got.Message, test.message)
			}
			equal(t, "still there", r.exists(test.id), before && test.code != "")
		})
	}
}

// EC2 API Reference, DeleteNetworkInterface: DryRun.
func TestDryRun(t *testing.T) {
	r, subnet := region(t, Options{})
	id := r.add(ec2.Interface{Subnet: subnet})
	got := client{t, r, "AKID"}.call("DeleteNetworkInterface", "NetworkInterfaceId", id, "DryRun", "true")
	equal(t, "status", got.Status, 412)
	equal(t, "code", got.Code, "DryRunOperation")
	if !r.exists(id) {
		t.Error("a dry run deleted the interface")
	}
}

// EC2 API Reference, "Error codes": common client errors.
func TestCredentials(t *testing.T) {
	r, _ := region(t, Options{})
	got := client{t, r, ""}.call("DescribeSubnets")
	equal(t, "none", got.Code, "MissingAuthenticationToken")
	r.Do(func() { r.Front.RevokeKey("AKOLD") })
	got = client{t, r, "AKOLD"}.call("DescribeSubnets")
	equal(t, "revoked", got.Code, "AuthFailure")
	equal(t, "revoked, status", got.Status, 401)
	got = client{t, r, "AKOLD"}.call("DescribeAutoScalingGroups")
	equal(t, "revoked, Auto Scaling", got.ASCode, "InvalidClientTokenId")
	got = client{t, r, "AKID"}.call("TerminateInstances")
	equal(t, "unknown action", got.Code, "InvalidAction")
}

// Amazon VPC User Guide, "Subnet CIDR blocks": five addresses are AWS's; EC2 User Guide,
// "Prefix delegation for Amazon EC2 network interfaces": a /28 is 16 addresses.
func TestFreeAddresses(t *testing.T) {
	r, subnet := region(t, Options{})
	equal(t, "empty /24", r.free(subnet), 251)
	plain := r.add(ec2.Interface{Subnet: subnet, Addresses: make([]ec2.Address, 10)})
	equal(t, "with ten addresses", r.free(subnet), 241)
	prefixes := r.add(ec2.Interface{Subnet: subnet, Prefixes: make([]string, 2)})
	equal(t, "and two prefixes", r.free(subnet), 241-1-32)
	c := client{t, r, "AKID"}
	equal(t, "on the wire", c.call("DescribeSubnets", "SubnetId.1", subnet).Free[0], 208)
	c.call("DeleteNetworkInterface", "NetworkInterfaceId", plain)
	c.call("DeleteNetworkInterface", "NetworkInterfaceId", prefixes)
	equal(t, "after deletion", r.free(subnet), 251)

	for r.free(subnet) >= 10 {
		r.add(ec2.Interface{Subnet: subnet, Addresses: make([]ec2.Address, 10)})
	}
	got := c.call("CreateNetworkInterface", "SubnetId", subnet, "SecondaryPrivateIpAddressCount", "9")
	equal(t, "full", got.Code, "InsufficientFreeAddressesInSubnet")
	got = c.call("CreateNetworkInterface", "SubnetId", subnet, "Ipv4PrefixCount", "1")
	equal(t, "no block", got.Code, "InsufficientCidrBlocks")
	equal(t, "a refusal takes nothing", r.free(subnet), 1)
}

// EC2 API Reference, "Request throttling".
func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := region(t, Options{})
		c := client{t, r, "AKID"}
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

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, subnet := region(t, Options{})
		c := client{t, r, "AKID"}
		id := r.add(ec2.Interface{Subnet: subnet})
		form := func() url.Values { return url.Values{"NetworkInterfaceId": {id}} }
		r.inject("DeleteNetworkInterface", 1, api.Fault{Code: "Unavailable"})
		equal(t, "status", c.call("DeleteNetworkInterface", "NetworkInterfaceId", id).Status, 503)
		r.inject("DeleteNetworkInterface", 1, api.Fault{Reset: true})
		if _, err := c.send("DeleteNetworkInterface", form()); err == nil {
			t.Error("a reset has an answer")
		}
		if !r.exists(id) {
			t.Error("a reset had an effect")
		}
		r.inject("DeleteNetworkInterface", 1, api.Fault{LoseAnswer: true, Latency: time.Minute})
		start := time.Now()
		if _, err := c.send("DeleteNetworkInterface", form()); err == nil {
			t.Error("a lost answer came")
		}
		equal(t, "latency", time.Since(start), time.Minute)
		if r.exists(id) {
			t.Error("the call had no effect")
		}
		var codes []string
		for _, call := range Look(r.Region, r.Front.Calls) {
			codes = append(codes, call.Caller+":"+call.Code)
		}
		equal(t, "journal", strings.Join(codes, " "), "AKID:Unavailable AKID:connection reset AKID:")
		second := func(c api.Call) (f api.Fault) {
			if c.Action == "DescribeSubnets" && c.Number == 2 {
				f.Code = "InternalError"
			}
			return f
		}
		r.Do(func() { r.Front.OnCall(second) })
		equal(t, "the first", c.call("DescribeSubnets").Status, 200)
		equal(t, "the second", c.call("DescribeSubnets").Status, 500)
	})
}

// A request brings its own fault along, and meets no other one.
func TestWithFault(t *testing.T) {
	r, _ := region(t, Options{})
	r.inject("DescribeSubnets", 1, api.Fault{Code: "InternalError"})
	status := func(ctx context.Context) int {
		out, err := r.Transport().RoundTrip(request(ctx, "http://simulator", "AKID", url.Values{"Action": {"DescribeSubnets"}}))
		if err != nil {
			t.Fatal(err)
		}
		return out.StatusCode
	}
	equal(t, "its own", status(api.WithFault(t.Context(), api.Fault{Code: "RequestLimitExceeded"})), 503)
	equal(t, "none", status(api.WithFault(t.Context(), api.Fault{})), 200)
	equal(t, "the injected one", status(t.Context()), 500)
}

// EC2 API Reference, AttachNetworkInterface, DetachNetworkInterface.
func TestAttachRefusals(t *testing.T) {
	r, subnet := region(t, Options{})
	elsewhere := r.addSubnet("10.1.0.0/16", "10.1.1.0/24", "b")
	c := client{t, r, "AKID"}
	instance := r.addInstance(ec2.Instance{Subnet: subnet})
	off := r.addInstance(ec2.Instance{Subnet: subnet, State: "shutting-down"})
	primary := r.add(ec2.Interface{Subnet: subnet, Attachment: &ec2.Attachment{ID: "eni-attach-1", Instance: instance}})
	free := r.add(ec2.Interface{Subnet: subnet})
	far := r.add(ec2.Interface{Subnet: elsewhere})
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
