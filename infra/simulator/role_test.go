package simulator_test

import (
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
)

// functionRole makes the region's client the function, with the template's role for the subnet's VPC.
func functionRole(t *testing.T, options simulator.Options) *simtest.Region {
	r := simtest.New(t, options)
	r.Key = "AKFUNCTION"
	vpc := simulator.Look(r.Region, func() string { vpc, _ := r.EC2.Place(r.Subnet); return vpc })
	resources := must(template().Deploy(map[string]string{"VpcIds": vpc}))
	policy := must(simulator.FunctionRole(resources))
	r.Do(func() { r.Front.Allow(r.Key, policy) })
	return r
}

// Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2";
// IAM User Guide, "Policy evaluation logic".
func TestDeleteByTagAndVPC(t *testing.T) {
	r := functionRole(t, simulator.Options{})
	elsewhere := r.AddSubnet("10.1.0.0/16", "10.1.1.0/24", "a")
	const node, keep, noManage = "node.k8s.amazonaws.com/instance_id=", " network-interface-releaser/keep=", " node.k8s.amazonaws.com/no_manage="
	for _, test := range []struct {
		name, tags string
		eni        ec2.Interface
		allowed    bool
	}{
		{"tagged by the CNI", node + "i-1", ec2.Interface{}, true},
		{"the key in other letters", "Node.k8s.amazonaws.com/Instance_ID=i-1", ec2.Interface{}, true},
		{"untagged", "", ec2.Interface{}, false},
		{"tagged otherwise", node + "see_ticket", ec2.Interface{}, false},
		{"in another VPC", node + "i-1", ec2.Interface{Subnet: elsewhere}, false},
		{"another account's", node + "i-1", ec2.Interface{Owner: "210987654321"}, false},
		{"to be kept", node + "i-1" + keep + "true", ec2.Interface{}, false},
		{"to be kept, whatever the value", node + "i-1" + keep, ec2.Interface{}, false},
		{"to be kept, in other letters", node + "i-1 Network-Interface-Releaser/Keep=x", ec2.Interface{}, false},
		{"not the CNI's to manage, in other letters", node + "i-1 Node.k8s.amazonaws.com/NO_MANAGE=true", ec2.Interface{}, false},
		{"not the CNI's to manage", node + "i-1" + noManage + "true", ec2.Interface{}, false},
		{"the CNI's to manage", node + "i-1" + noManage + "false", ec2.Interface{}, true},
	} {
		test.eni.Tags = map[string]string{}
		for tag := range strings.FieldsSeq(test.tags) {
			key, value, _ := strings.Cut(tag, "=")
			test.eni.Tags[key] = value
		}
		code, dry := "UnauthorizedOperation", "UnauthorizedOperation"
		if test.allowed {
			code, dry = "", "DryRunOperation"
		}
		id := r.Add(test.eni)
		equal(t, test.name+", dry", r.Call("DeleteNetworkInterface", "NetworkInterfaceId", id, "DryRun", "true").Code, dry)
		equal(t, test.name+", code", r.Call("DeleteNetworkInterface", "NetworkInterfaceId", id).Code, code)
		equal(t, test.name+", still there", r.Exists(id), !test.allowed)
	}
}

// What is gone is refused in either order: by its absence, or by the tag that it no longer has.
func TestWhatIsGoneIsRefusedInEitherOrder(t *testing.T) {
	for permissionFirst, want := range map[bool]string{false: "InvalidNetworkInterfaceID.NotFound", true: "UnauthorizedOperation"} {
		r := functionRole(t, simulator.Options{PermissionFirst: permissionFirst})
		id := r.Add(ec2.Interface{Tags: map[string]string{"node.k8s.amazonaws.com/instance_id": "i-1"}})
		equal(t, "a first delete", r.Call("DeleteNetworkInterface", "NetworkInterfaceId", id).Code, "")
		equal(t, "a second one", r.Call("DeleteNetworkInterface", "NetworkInterfaceId", id).Code, want)
		r.Key = "AKADMIN"
		equal(t, "one without a condition", r.Call("DeleteNetworkInterface", "NetworkInterfaceId", id).Code, "InvalidNetworkInterfaceID.NotFound")
	}
}

func TestOnlyWhatIsAllowed(t *testing.T) {
	r := functionRole(t, simulator.Options{})
	create := func() string { return r.Call("CreateNetworkInterface", "SubnetId", r.Subnet).Code }
	equal(t, "a read", r.Call("DescribeSubnets").Status, 200)
	equal(t, "another service's", r.Call("DescribeAutoScalingGroups").Status, 200)
	equal(t, "another write", create(), "UnauthorizedOperation")
	r.Do(func() { r.Front.Allow(r.Key, iam.Policy{}) })
	equal(t, "nothing", r.Call("DescribeSubnets").Code, "UnauthorizedOperation")
	equal(t, "nothing, of another service", r.Call("DescribeAutoScalingGroups").ASCode, "AccessDenied")
	r.Key = "AKADMIN"
	equal(t, "a caller without a policy", create(), "")
}
