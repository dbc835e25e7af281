package ec2_test

import (
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
)

// EC2 API Reference, "Error codes", and DeleteNetworkInterface: DryRun.
func TestDeleteRefusals(t *testing.T) {
	r := simtest.New(t, simulator.Options{})
	instance := r.AddInstance(ec2.Instance{})
	for _, test := range []struct {
		name, id string
		status   int
		code     string
		message  string
	}{
		{"dry", r.Add(ec2.Interface{}), 412, "DryRunOperation", ""},
		{"available", r.Add(ec2.Interface{}), 200, "", ""},
		{"attached", r.Add(ec2.Interface{Attachment: &ec2.Attachment{Instance: instance, DeviceIndex: 1}}), 400, "InvalidParameterValue", "currently in use"},
		{"detaching", r.Add(ec2.Interface{Status: "detaching", Attachment: &ec2.Attachment{Instance: instance, DeviceIndex: 2}}), 400, "InvalidParameterValue", "currently in use"},
		{"requester-managed", r.Add(ec2.Interface{RequesterManaged: true}), 400, "OperationNotPermitted", ""},
		{"operator-managed", r.Add(ec2.Interface{Operator: "eks.amazonaws.com"}), 400, "OperationNotPermitted", ""},
		{"another account's", r.Add(ec2.Interface{Owner: "210987654321"}), 400, "AuthFailure", "permission"},
		{"unknown", "eni-00000000000000000", 400, "InvalidNetworkInterfaceID.NotFound", ""},
		{"malformed", "eni-xyz", 400, "InvalidNetworkInterfaceId.Malformed", ""},
	} {
		before := r.Exists(test.id)
		got := r.Call("DeleteNetworkInterface", "NetworkInterfaceId", test.id, "DryRun", map[string]string{"dry": "true"}[test.name])
		equal(t, test.name+", status", got.Status, test.status)
		equal(t, test.name+", code", got.Code, test.code)
		if !strings.Contains(got.Message, test.message) {
			t.Errorf("%s: message %q lacks %q", test.name, got.Message, test.message)
		}
		equal(t, test.name+", still there", r.Exists(test.id), before && test.code != "")
	}
}

// Amazon VPC User Guide, "Subnet CIDR blocks": five addresses are AWS's; EC2 User Guide,
// "Prefix delegation for Amazon EC2 network interfaces": a /28 is 16 addresses.
func TestFreeAddresses(t *testing.T) {
	r := simtest.New(t, simulator.Options{})
	equal(t, "empty /24", r.Free(), 251)
	plain := r.Add(ec2.Interface{Addresses: make([]ec2.Address, 10)})
	equal(t, "with ten addresses", r.Free(), 241)
	prefixes := r.Add(ec2.Interface{Prefixes: make([]string, 2)})
	equal(t, "and two prefixes", r.Free(), 241-1-32)
	equal(t, "on the wire", r.Call("DescribeSubnets", "SubnetId.1", r.Subnet).Free[0], 208)
	r.Call("DeleteNetworkInterface", "NetworkInterfaceId", plain)
	r.Call("DeleteNetworkInterface", "NetworkInterfaceId", prefixes)
	equal(t, "after deletion", r.Free(), 251)
	for r.Free() >= 10 {
		r.Add(ec2.Interface{Addresses: make([]ec2.Address, 10)})
	}
	create := func(name, value string) string {
		return r.Call("CreateNetworkInterface", "SubnetId", r.Subnet, name, value).Code
	}
	equal(t, "full", create("SecondaryPrivateIpAddressCount", "9"), "InsufficientFreeAddressesInSubnet")
	equal(t, "no block", create("Ipv4PrefixCount", "1"), "InsufficientCidrBlocks")
	equal(t, "a refusal takes nothing", r.Free(), 1)
}

// EC2 API Reference, AttachNetworkInterface, DetachNetworkInterface.
func TestAttachRefusals(t *testing.T) {
	r := simtest.New(t, simulator.Options{})
	instance, off := r.AddInstance(ec2.Instance{}), r.AddInstance(ec2.Instance{State: "shutting-down"})
	primary := r.Add(ec2.Interface{Attachment: &ec2.Attachment{ID: "eni-attach-1", Instance: instance}})
	free, far := r.Add(ec2.Interface{}), r.Add(ec2.Interface{Subnet: r.AddSubnet("10.1.0.0/16", "10.1.1.0/24", "b")})
	for _, test := range []struct{ eni, instance, index, code string }{
		{primary, instance, "1", "InvalidNetworkInterface.InUse"},
		{free, off, "1", "IncorrectState"},
		{free, instance, "0", "InvalidParameterValue"},
		{far, instance, "1", "InvalidParameterCombination"},
		{free, "i-00000000", "1", "InvalidInstanceID.NotFound"},
		{free, instance, "1", ""},
	} {
		got := r.Call("AttachNetworkInterface", "NetworkInterfaceId", test.eni, "InstanceId", test.instance, "DeviceIndex", test.index)
		equal(t, "attach", got.Code, test.code)
	}
	equal(t, "the primary one", r.Call("DetachNetworkInterface", "AttachmentId", "eni-attach-1").Code, "OperationNotPermitted")
	equal(t, "unknown", r.Call("DetachNetworkInterface", "AttachmentId", "eni-attach-2").Code, "InvalidAttachmentID.NotFound")
}
