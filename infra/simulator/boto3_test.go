//go:build thirdparty

package simulator_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"os/exec"
	"slices"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
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

// A mixture is a region for boto3 to read.
type mixture struct {
	*simulator.Region
	subnet, attached string
	ids              []string // of the interfaces that are available
	states           map[string]string
}

func mix(seed uint64) *mixture {
	m := &mixture{Region: simulator.New(loop.NewClock(0), rand.New(rand.NewPCG(seed, 3)), simulator.Options{EmptyPages: 0.2}), states: map[string]string{}}
	m.Do(func() {
		m.subnet = m.EC2.AddSubnet(m.EC2.AddVPC("10.0.0.0/16"), "10.0.0.0/20", "a")
		for n := range 450 {
			state := []string{"running", "terminated", "stopped"}[n%3]
			instance := m.EC2.AddInstance(ec2.Instance{Subnet: m.subnet, State: state})
			m.states[instance] = state
			m.ids = append(m.ids, m.EC2.AddInterface(ec2.Interface{Subnet: m.subnet, Description: "aws-K8S-" + instance, Tags: map[string]string{"n": fmt.Sprint(n)}, Prefixes: make([]string, n%2)}))
		}
		m.attached = m.EC2.AddInterface(ec2.Interface{Subnet: m.subnet, Description: "aws-K8S-i-00000001", Attachment: &ec2.Attachment{Instance: "i-00000001"}})
		m.AutoScaling.AddGroup(autoscaling.Group{Name: "asg", Subnets: []string{m.subnet, "subnet-00000002"}})
	})
	return m
}

// boto3, which this project did not write, reads a region over a socket: every
// page, filter and error code means to it what it means to the region.
func TestBoto3ReadsTheWire(t *testing.T) {
	seed := rand.Uint64()
	m := mix(seed)
	free := simulator.Look(m.Region, func() int { return m.EC2.FreeAddresses(m.subnet) })
	server := httptest.NewServer(m.Front)
	defer server.Close()
	command := exec.Command("../../.venv/bin/python", "testdata/boto3_client.py", server.URL, m.subnet, m.attached, m.ids[1])
	output, err := command.Output()
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, err.(*exec.ExitError).Stderr)
	}
	slices.Sort(m.ids)
	var saw struct {
		Pages     []int
		IDs       []string
		States    map[string]string
		Zones     []string
		Free      int
		Addresses int
		Tags      map[string]string
		Errors    map[string]string
	}
	if err := json.Unmarshal(output, &saw); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if !slices.Equal(saw.IDs, m.ids) || !maps.Equal(saw.States, m.states) {
		t.Errorf("seed %d: boto3 saw %d interfaces and %d instances, not the region's %d and %d", seed, len(saw.IDs), len(saw.States), len(m.ids), len(m.states))
	}
	if len(saw.Pages) < 5 || slices.Max(saw.Pages) > 100 {
		t.Errorf("seed %d: pages of %v", seed, saw.Pages)
	}
	if !slices.Equal(saw.Zones, []string{m.subnet + ",subnet-00000002"}) || saw.Free != free || saw.Addresses != 1 || saw.Tags["n"] != "1" {
		t.Errorf("%q, %d free, %d addresses, tags %v", saw.Zones, saw.Free, saw.Addresses, saw.Tags)
	}
	if !maps.Equal(saw.Errors, errorsOf) {
		t.Errorf("errors %v\nwant   %v", saw.Errors, errorsOf)
	}
}
