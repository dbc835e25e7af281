//go:build thirdparty

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// The same run in the same world, once on moto and once on the simulator, deletes
// the same interfaces. The world is made in moto and copied from there; it is one
// in which the two agree: moto deletes attached interfaces, for one, so none is
// attached, and it knows no prefixes.
func TestTheSameRunOnMoto(t *testing.T) {
	endpoint := startMoto(t)
	s := &stage{T: t}
	s.config = aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint), Retryer: awsconfig.NewRetryer,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: functionKey, SecretAccessKey: "secret"}, nil
		}),
	}
	moto := sdk.NewFromConfig(s.config)
	world, mirror := fillMoto(t, moto), simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(1, 1)), simulator.Options{Account: ownAccount})
	before := listMoto(t, moto)
	copyTo(t, mirror, moto, before)

	settings := map[string]string{"ClusterNames": "blue"}
	s.deploy(settings)
	report := s.report(`{"dryRun":false}`)
	after := listMoto(t, moto)
	var onMoto []string
	for id := range before {
		if _, there := after[id]; !there {
			onMoto = append(onMoto, id)
		}
	}

	server := httptest.NewServer(mirror.Handler())
	defer server.Close()
	s.world, s.config.BaseEndpoint = mirror, aws.String(server.URL)
	s.deploy(settings)
	s.report(`{"dryRun":false}`)

	slices.Sort(onMoto)
	slices.Sort(world)
	if len(onMoto) == 0 || !slices.Equal(onMoto, world) {
		t.Errorf("on moto, %q were deleted, not %q\n%+v\n%s", onMoto, world, report, s.log.String())
	}
	s.expectDeleted(onMoto...)
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
	server := exec.Command("../../.venv/bin/moto_server", "-H", "127.0.0.1", "-p", port)
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

// fillMoto makes interfaces of every kind that moto can hold and returns those
// that are to be released.
func fillMoto(t *testing.T, moto *sdk.Client) (abandoned []string) {
	t.Helper()
	ctx := t.Context()
	vpc, err := moto.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	subnet, err := moto.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.9.0.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	instances, err := moto.RunInstances(ctx, &sdk.RunInstancesInput{
		ImageId: aws.String("ami-12345678"), MinCount: aws.Int32(3), MaxCount: aws.Int32(3), SubnetId: subnet.Subnet.SubnetId,
	})
	if err != nil {
		t.Fatal(err)
	}
	running, stopped, dead := *instances.Instances[0].InstanceId, *instances.Instances[1].InstanceId, *instances.Instances[2].InstanceId
	if _, err := moto.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{stopped}}); err != nil {
		t.Fatal(err)
	}
	if _, err := moto.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{dead}}); err != nil {
		t.Fatal(err)
	}
	const gone = "i-0fedcba9876543210"
	ago := func(age time.Duration) string { return time.Now().Add(-age).Format(time.RFC3339) }
	for _, c := range []struct {
		owner, createdAt, description, cluster, keep string
		released                                     bool
	}{
		{dead, ago(0), "", "blue", "", true},
		{dead, "garbage", "", "blue", "", true},
		{dead, ago(0), "", "blue", "yes", false},
		{dead, ago(0), "", "green", "", false},
		{dead, "", "", "blue", "", false},
		{dead, ago(0), "aws-k8s-branch-eni", "blue", "", false},
		{running, ago(23 * time.Hour), "", "blue", "", false},
		{running, ago(25 * time.Hour), "", "blue", "", false}, // its owner was started just now
		{stopped, ago(25 * time.Hour), "", "blue", "", false},
		{gone, ago(31 * time.Minute), "", "blue", "", true},
		{gone, ago(29 * time.Minute), "", "blue", "", false},
		{gone, "garbage", "", "blue", "", false},
		{"i-*", ago(time.Hour), "aws-K8S-" + dead, "blue", "", false},
	} {
		description := c.description
		if description == "" {
			description = "aws-K8S-" + c.owner
		}
		tags := []types.Tag{{Key: aws.String("node.k8s.amazonaws.com/instance_id"), Value: aws.String(c.owner)}, {Key: aws.String("cluster.k8s.amazonaws.com/name"), Value: aws.String(c.cluster)}}
		if c.createdAt != "" {
			tags = append(tags, types.Tag{Key: aws.String("node.k8s.amazonaws.com/createdAt"), Value: aws.String(c.createdAt)})
		}
		if c.keep != "" {
			tags = append(tags, types.Tag{Key: aws.String("network-interface-releaser/keep"), Value: aws.String(c.keep)})
		}
		created, err := moto.CreateNetworkInterface(ctx, &sdk.CreateNetworkInterfaceInput{
			SubnetId: subnet.Subnet.SubnetId, Description: aws.String(description), SecondaryPrivateIpAddressCount: aws.Int32(3),
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeNetworkInterface, Tags: tags}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if c.released {
			abandoned = append(abandoned, *created.NetworkInterface.NetworkInterfaceId)
		}
	}
	return abandoned
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
func copyTo(t *testing.T, world *simulator.World, moto *sdk.Client, interfaces map[string]types.NetworkInterface) {
	t.Helper()
	subnet := world.AddSubnet(world.AddVPC("10.9.0.0/16"), "10.9.0.0/24", "a")
	instances, err := moto.DescribeInstances(t.Context(), &sdk.DescribeInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, reservation := range instances.Reservations {
		for _, i := range reservation.Instances {
			world.SeedInstance(simulator.Instance{ID: *i.InstanceId, Subnet: subnet, State: string(i.State.Name)})
		}
	}
	for id, i := range interfaces {
		tags := map[string]string{}
		for _, tag := range i.TagSet {
			tags[*tag.Key] = *tag.Value
		}
		world.Seed(simulator.Interface{ID: id, Subnet: subnet, Description: aws.ToString(i.Description), Owner: strings.TrimSpace(fmt.Sprint(*i.OwnerId)), Tags: tags})
	}
}
