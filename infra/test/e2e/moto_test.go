package e2e

import (
	"bufio"
	"cmp"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// The same run in the same region, once on moto and once on the simulator, deletes
// the same interfaces. It is a region in which the two agree: moto deletes attached
// interfaces, for one, so none is attached, and it knows no prefixes.
func TestTheSameRunOnMoto(t *testing.T) {
	m := startMoto(t)
	settings := map[string]string{"ClusterNames": "blue"}
	f := harness.NewFunction(harness.NewRegion(t, 1, simulator.Options{}), settings)
	made, leaks := m.addInterfaces(f.Region)
	f.Report(`{"dryRun":false}`)

	f.AWS = harness.Client(harness.AccessKey, http.DefaultTransport)
	f.AWS.BaseEndpoint = aws.String(m.endpoint)
	f.Start(settings)
	report := f.Report(`{"dryRun":false}`)
	var left []string
	m.call("describe_network_interfaces", nil, "NetworkInterfaces[].NetworkInterfaceId", &left)
	onMoto := slices.DeleteFunc(made, func(id string) bool { return slices.Contains(left, id) })

	if len(onMoto) == 0 || !slices.Equal(onMoto, leaks) {
		t.Errorf("on moto, %q were deleted, not %q\n%+v\n%s", onMoto, leaks, report, f.Stdout.String())
	}
	f.ExpectDeleted(onMoto...)
}

// moto is a server of moto, and a client of it.
type moto struct {
	*testing.T
	endpoint string
	client   *boto3.Client
}

func startMoto(t *testing.T) moto {
	t.Helper()
	server := exec.Command(harness.Tool(t, ".venv", "bin", "python"), "-c", `
import signal
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("http://%s:%s" % server.get_host_and_port(), flush=True)
signal.pause()`)
	out := bufio.NewReader(harness.Must(server.StdoutPipe())(t))
	harness.OK(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	endpoint := strings.TrimSpace(harness.Must(out.ReadString('\n'))(t))
	client := harness.Must(boto3.Start(harness.Root(), append(harness.SAMEnvironment(t), "AWS_ENDPOINT_URL="+endpoint)))(t)
	t.Cleanup(client.Close)
	return moto{t, endpoint, client}
}

// call makes a call to EC2, and reads into answer what a query finds.
func (m moto) call(operation string, arguments boto3.Arguments, query string, answer any) {
	m.Helper()
	harness.OK(m, m.client.Call("ec2", operation, arguments, query, answer))
}

// motoCases are leaks that differ in one thing; an owner is given by its state, "" is one that does not exist.
var motoCases = []struct {
	owner    string
	age      time.Duration
	change   func(*ec2.Interface)
	released bool
}{
	{"terminated", 0, nil, true},
	{"terminated", 0, tag(cni.TagCreatedAt, "garbage"), true},
	{"terminated", 0, tag("network-interface-releaser/keep", "yes"), false},
	{"terminated", 0, tag(cni.TagCluster, "green"), false},
	{"terminated", 0, func(i *ec2.Interface) { delete(i.Tags, cni.TagCreatedAt) }, false},
	{"terminated", 0, func(i *ec2.Interface) { i.Description = "aws-k8s-branch-eni" }, false},
	{"terminated", time.Hour, tag(cni.TagInstance, "i-*"), false},
	{"running", 23 * time.Hour, nil, false},
	{"running", 25 * time.Hour, nil, false}, // its owner was started just now
	{"stopped", 25 * time.Hour, nil, false},
	{"", 31 * time.Minute, nil, true},
	{"", 29 * time.Minute, nil, false},
	{"", 0, tag(cni.TagCreatedAt, "garbage"), false},
}

func tag(key, value string) func(*ec2.Interface) {
	return func(i *ec2.Interface) { i.Tags[key] = value }
}

// addInterfaces makes the cases' interfaces in moto and alike in the simulator's region. It returns
// them all, and those that are to be released.
func (m moto) addInterfaces(r *harness.Region) (made, leaked []string) {
	m.Helper()
	subnet, owners := m.addInstances(r)
	for _, c := range motoCases {
		i := r.Leak(r.Subnets[0], cmp.Or(owners[c.owner], "i-0fedcba9876543210"), c.age)
		i.Tags[cni.TagCluster] = "blue"
		if c.change != nil {
			c.change(&i)
		}
		var tags []boto3.Arguments
		for key, value := range i.Tags {
			tags = append(tags, boto3.Arguments{"Key": key, "Value": value})
		}
		m.call("create_network_interface", boto3.Arguments{
			"SubnetId": subnet, "Description": i.Description, "SecondaryPrivateIpAddressCount": len(i.Addresses) - 1,
			"TagSpecifications": []boto3.Arguments{{"ResourceType": "network-interface", "Tags": tags}},
		}, "NetworkInterface.NetworkInterfaceId", &i.ID)
		made = append(made, r.AddInterface(i))
		if c.released {
			leaked = append(leaked, i.ID)
		}
	}
	return made, leaked
}

// addInstances makes an instance of each state, in moto and alike in the simulator's region, and a
// subnet in moto.
func (m moto) addInstances(r *harness.Region) (subnet string, byState map[string]string) {
	m.Helper()
	var vpc string
	var ids []string
	m.call("create_vpc", boto3.Arguments{"CidrBlock": "10.9.0.0/16"}, "Vpc.VpcId", &vpc)
	m.call("create_subnet", boto3.Arguments{"VpcId": vpc, "CidrBlock": "10.9.0.0/24"}, "Subnet.SubnetId", &subnet)
	m.call("run_instances", boto3.Arguments{"ImageId": "ami-12345678", "MinCount": 3, "MaxCount": 3, "SubnetId": subnet}, "Instances[].InstanceId", &ids)
	m.call("stop_instances", boto3.Arguments{"InstanceIds": ids[1:2]}, "", nil)
	m.call("terminate_instances", boto3.Arguments{"InstanceIds": ids[2:]}, "", nil)
	byState = map[string]string{"running": ids[0], "stopped": ids[1], "terminated": ids[2]}
	for state, id := range byState {
		r.AddInstance(id, state)
	}
	return subnet, byState
}
