package simulator

import (
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
