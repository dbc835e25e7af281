package e2e

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	simec2 "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// The same run in the same world, once on moto and once on the simulator, deletes
// the same interfaces. The world is made in moto and copied from there; it is one
// in which the two agree: moto deletes attached interfaces, for one, so none is
// attached, and it knows no prefixes.
func TestTheSameRunOnMoto(t *testing.T) {
	endpoint := startMoto(t)
	settings := map[string]string{"ClusterNames": "blue"}
	f := harness.NewFunction(harness.NewRegion(t, 1, simulator.Options{}), settings)
	onSimulator := f.AWS
	f.AWS = harness.Client(harness.AccessKey, http.DefaultTransport)
	f.AWS.BaseEndpoint = aws.String(endpoint)
	f.Start(settings)
	moto := sdk.NewFromConfig(f.AWS)
	leaks := fillMoto(t, moto)
	before := listMoto(t, moto)
	copyTo(f.Region, moto, before)

	report := f.Report(`{"dryRun":false}`)
	after := listMoto(t, moto)
	var onMoto []string
	for id := range before {
		if _, there := after[id]; !there {
			onMoto = append(onMoto, id)
		}
	}

	f.AWS = onSimulator
	f.Start(settings)
	f.Report(`{"dryRun":false}`)

	slices.Sort(onMoto)
	slices.Sort(leaks)
	if len(onMoto) == 0 || !slices.Equal(onMoto, leaks) {
		t.Errorf("on moto, %q were deleted, not %q\n%+v\n%s", onMoto, leaks, report, f.Stdout.String())
	}
	f.ExpectDeleted(onMoto...)
}

func startMoto(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, port, _ := net.SplitHostPort(address)
	server := exec.Command(harness.Tool(t, ".venv", "bin", "moto_server"), "-H", "127.0.0.1", "-p", port)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	for range 600 { // a minute at most
		if connection, err := net.Dial("tcp", address); err == nil {
			_ = connection.Close()
			return "http://" + address
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("moto does not start")
	return ""
}

// motoCases are the interfaces: an owner by its state, "" one that does not exist, "*" a tag that is
// no instance ID; createdAt is an age, or the tag's value.
var motoCases = []struct {
	owner, createdAt, description, cluster, keep string
	released                                     bool
}{
	{"terminated", "0s", "", "blue", "", true},
	{"terminated", "garbage", "", "blue", "", true},
	{"terminated", "0s", "", "blue", "yes", false},
	{"terminated", "0s", "", "green", "", false},
	{"terminated", "", "", "blue", "", false},
	{"terminated", "0s", "aws-k8s-branch-eni", "blue", "", false},
	{"running", "23h", "", "blue", "", false},
	{"running", "25h", "", "blue", "", false}, // its owner was started just now
	{"stopped", "25h", "", "blue", "", false},
	{"", "31m", "", "blue", "", true},
	{"", "29m", "", "blue", "", false},
	{"", "garbage", "", "blue", "", false},
	{"*", "1h", "", "blue", "", false},
}

// fillMoto makes interfaces of every kind that moto can hold and returns those
// that are to be released.
func fillMoto(t *testing.T, moto *sdk.Client) (leaked []string) {
	t.Helper()
	ctx := t.Context()
	subnet, running, stopped, terminated := startMotoInstances(t, moto)
	owners := map[string]string{"running": running, "stopped": stopped, "terminated": terminated, "": "i-0fedcba9876543210", "*": "i-*"}
	for _, c := range motoCases {
		owner, createdAt := owners[c.owner], c.createdAt
		if age, err := time.ParseDuration(createdAt); err == nil {
			createdAt = time.Now().Add(-age).Format(time.RFC3339)
		}
		description := cmp.Or(c.description, "aws-K8S-"+owner)
		if c.owner == "*" {
			description = "aws-K8S-" + terminated
		}
		tags := []types.Tag{{Key: aws.String("node.k8s.amazonaws.com/instance_id"), Value: aws.String(owner)}, {Key: aws.String("cluster.k8s.amazonaws.com/name"), Value: aws.String(c.cluster)}}
		if createdAt != "" {
			tags = append(tags, types.Tag{Key: aws.String("node.k8s.amazonaws.com/createdAt"), Value: aws.String(createdAt)})
		}
		if c.keep != "" {
			tags = append(tags, types.Tag{Key: aws.String("network-interface-releaser/keep"), Value: aws.String(c.keep)})
		}
		created, err := moto.CreateNetworkInterface(ctx, &sdk.CreateNetworkInterfaceInput{
			SubnetId: aws.String(subnet), Description: aws.String(description), SecondaryPrivateIpAddressCount: aws.Int32(3),
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeNetworkInterface, Tags: tags}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if c.released {
			leaked = append(leaked, *created.NetworkInterface.NetworkInterfaceId)
		}
	}
	return leaked
}

// startMotoInstances makes a subnet and an instance of each state.
func startMotoInstances(t *testing.T, moto *sdk.Client) (subnet, running, stopped, terminated string) {
	t.Helper()
	ctx := t.Context()
	vpc, err := moto.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	created, err := moto.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.9.0.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	instances, err := moto.RunInstances(ctx, &sdk.RunInstancesInput{
		ImageId: aws.String("ami-12345678"), MinCount: aws.Int32(3), MaxCount: aws.Int32(3), SubnetId: created.Subnet.SubnetId,
	})
	if err != nil {
		t.Fatal(err)
	}
	running, stopped, terminated = *instances.Instances[0].InstanceId, *instances.Instances[1].InstanceId, *instances.Instances[2].InstanceId
	if _, err := moto.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{stopped}}); err != nil {
		t.Fatal(err)
	}
	if _, err := moto.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{terminated}}); err != nil {
		t.Fatal(err)
	}
	return *created.Subnet.SubnetId, running, stopped, terminated
}

func listMoto(t *testing.T, moto *sdk.Client) map[string]types.NetworkInterface {
	t.Helper()
	list, err := moto.DescribeNetworkInterfaces(t.Context(), &sdk.DescribeNetworkInterfacesInput{Filters: []types.Filter{{Name: aws.String("status"), Values: []string{"available"}}}})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]types.NetworkInterface{}
	for _, i := range list.NetworkInterfaces {
		all[*i.NetworkInterfaceId] = i
	}
	return all
}

// copyTo makes the simulator's world that of moto, ids included.
func copyTo(r *harness.Region, moto *sdk.Client, interfaces map[string]types.NetworkInterface) {
	r.Helper()
	_, subnets := r.AddSubnets("10.9.0.0/16", "10.9.0.0/24")
	instances, err := moto.DescribeInstances(r.Context(), &sdk.DescribeInstancesInput{})
	if err != nil {
		r.Fatal(err)
	}
	for _, reservation := range instances.Reservations {
		for _, i := range reservation.Instances {
			r.AddInstance(*i.InstanceId, string(i.State.Name))
		}
	}
	for id, i := range interfaces {
		tags := map[string]string{}
		for _, tag := range i.TagSet {
			tags[*tag.Key] = *tag.Value
		}
		r.AddInterface(simec2.Interface{ID: id, Subnet: subnets[0], Description: aws.ToString(i.Description), Owner: strings.TrimSpace(fmt.Sprint(*i.OwnerId)), Tags: tags})
	}
}
