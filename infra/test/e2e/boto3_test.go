package e2e

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// errorsOf are the codes that boto3 is to see, by what it tries.
var errorsOf = map[string]string{
	"201 filter values": "FilterLimitExceeded",
	"200 filter values": "none",
	"page of 4":         "InvalidParameterValue",
	"page with ids":     "InvalidParameterCombination",
	"unknown instance":  "InvalidInstanceID.NotFound",
	"delete attached":   "InvalidParameterValue",
	"delete dry":        "DryRunOperation",
	"delete":            "none",
	"delete again":      "InvalidNetworkInterfaceID.NotFound",
	"no such action":    "InvalidAction",
}

// A sighting is what boto3 saw of a region.
type sighting struct {
	Pages                []int // how many interfaces each held
	IDs, Zones           []string
	Free, Addresses      int
	States, Tags, Errors map[string]string
}

// boto3, which this project did not write, reads a region over a socket: every
// page, filter and error code means to it what it means to the region.
func TestBoto3ReadsTheWire(t *testing.T) {
	r := simtest.New(t, simulator.Options{EmptyPages: 0.2})
	r.Subnet = r.AddSubnet("10.1.0.0/16", "10.1.0.0/20", "a")
	var ids []string // of the interfaces that are available
	states := map[string]string{}
	for n := range 450 {
		state := []string{"running", "terminated", "stopped"}[n%3]
		instance := r.AddInstance(ec2.Instance{State: state})
		states[instance] = state
		ids = append(ids, r.Add(ec2.Interface{Description: "aws-K8S-" + instance, Tags: map[string]string{"n": fmt.Sprint(n)}, Prefixes: make([]string, n%2)}))
	}
	attached := r.Add(ec2.Interface{Description: "aws-K8S-i-00000001", Attachment: &ec2.Attachment{Instance: "i-00000001"}})
	r.Do(func() {
		r.AutoScaling.AddGroup(autoscaling.Group{Name: "asg", Subnets: []string{r.Subnet, "subnet-00000002"}})
	})
	free := r.Free() // before boto3 deletes one
	server := httptest.NewServer(r.Front)
	defer server.Close()
	command := exec.Command(harness.Tool(t, ".venv", "bin", "python"), "testdata/boto3_client.py", server.URL, r.Subnet, attached, ids[1])
	command.Stderr = os.Stderr
	output := harness.Must(command.Output())(t)
	slices.Sort(ids)
	var saw sighting
	harness.OK(t, json.Unmarshal(output, &saw))
	if len(saw.Pages) < 5 || slices.Max(saw.Pages) > 100 {
		t.Errorf("pages of %v", saw.Pages)
	}
	want := sighting{
		Pages: saw.Pages, IDs: ids, Zones: []string{r.Subnet + ",subnet-00000002"}, Free: free, Addresses: 1,
		States: states, Tags: map[string]string{"n": "1"}, Errors: errorsOf,
	}
	if !reflect.DeepEqual(saw, want) {
		t.Errorf("boto3 saw %+v\nwant %+v", saw, want)
	}
}

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
