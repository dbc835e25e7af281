package e2e

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
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
	free := r.Free()
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
