// Package simtest is a region with one subnet for the simulator's own tests, with a client that
// calls it as an SDK does. Nothing else imports it. Start reading at [Region] and [Region.Call].
package simtest

import (
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
)

// A Region has a subnet of 251 free addresses. Its own methods enter the loop.
type Region struct {
	*simulator.Region
	Subnet string
	Key    string // of the client; "" calls unsigned

	t *testing.T
}

// New returns a region. A failed test logs its seed.
func New(t *testing.T, o simulator.Options) *Region {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := &Region{Region: simulator.New(0, rand.New(rand.NewPCG(1, seed)), o), Key: "AKID", t: t}
	r.Subnet = r.AddSubnet("10.0.0.0/16", "10.0.1.0/24", "a")
	return r
}

// AddSubnet adds a VPC with one subnet.
func (r *Region) AddSubnet(vpc, cidr, letter string) string {
	return simulator.Look(r.Region, func() string { return r.EC2.AddSubnet(r.EC2.AddVPC(vpc), cidr, letter) })
}

// Add adds an interface, to the region's subnet where it has none.
func (r *Region) Add(eni ec2.Interface) string {
	eni.Subnet = cmp.Or(eni.Subnet, r.Subnet)
	return simulator.Look(r.Region, func() string { return r.EC2.AddInterface(eni) })
}

// AddInstance adds an instance to the region's subnet.
func (r *Region) AddInstance(i ec2.Instance) string {
	i.Subnet = r.Subnet
	return simulator.Look(r.Region, func() string { return r.EC2.AddInstance(i) })
}

// Launch launches a node in the region's subnet. It works inside the loop.
func (r *Region) Launch(n cni.Node) string {
	n.Subnet = r.Subnet
	node, err := r.Nodes.Launch(n)
	if err != nil {
		r.t.Fatal(err)
	}
	return node
}

// Exists looks for an interface.
func (r *Region) Exists(id string) (there bool) {
	r.Do(func() { _, there = r.EC2.Interface(id) })
	return there
}

// Free returns how many addresses the subnet has left.
func (r *Region) Free() int {
	return simulator.Look(r.Region, func() int { return r.EC2.FreeAddresses(r.Subnet) })
}

func (r *Region) Inject(action string, n int, f api.Fault) {
	r.Do(func() { r.Front.Inject(action, n, f) })
}

// A Reply is the answer to any call.
type Reply struct {
	Status     int
	Code       string   `xml:"Errors>Error>Code"`
	Message    string   `xml:"Errors>Error>Message"`
	ASCode     string   `xml:"Error>Code"`
	NextToken  string   `xml:"nextToken"`
	Interfaces []string `xml:"networkInterfaceSet>item>networkInterfaceId"`
	Instances  []string `xml:"reservationSet>item>instancesSet>item>instanceId"`
	Networks   []string `xml:"reservationSet>item>instancesSet>item>subnetId"`
	Free       []int    `xml:"subnetSet>item>availableIpAddressCount"`
	Groups     []string `xml:"DescribeAutoScalingGroupsResult>AutoScalingGroups>member>AutoScalingGroupName"`
	Subnets    string   `xml:"DescribeAutoScalingGroupsResult>AutoScalingGroups>member>VPCZoneIdentifier"`
	GroupToken string   `xml:"DescribeAutoScalingGroupsResult>NextToken"`
}

// Call makes a call; pairs are its parameters.
func (r *Region) Call(action string, pairs ...string) Reply {
	r.t.Helper()
	reply, err := r.Send(r.t.Context(), action, pairs...)
	if err != nil {
		r.t.Fatalf("%s: %v", action, err)
	}
	return reply
}

// Send is Call with a context, for a call that may have no answer. It is signed as by an SDK, without a signature that counts.
func (r *Region) Send(ctx context.Context, action string, pairs ...string) (reply Reply, err error) {
	form := url.Values{"Action": {action}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	in, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://simulator/", strings.NewReader(form.Encode()))
	if err != nil {
		return reply, err
	}
	in.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	service := "ec2"
	if strings.Contains(action, "AutoScaling") {
		service = "autoscaling"
	}
	if r.Key != "" {
		in.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+r.Key+"/20261123/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
	}
	out, err := r.Transport().RoundTrip(in)
	if err != nil {
		return reply, err
	}
	raw, _ := io.ReadAll(out.Body) // it is in memory
	if err := xml.Unmarshal(raw, &reply); err != nil {
		return reply, fmt.Errorf("reading %s: %w", raw, err)
	}
	reply.Status = out.StatusCode
	return reply, nil
}

// Pages lists five at a time, until a page has no token or one that came before.
func (r *Region) Pages(action, size string) (pages []Reply) {
	r.t.Helper()
	seen := map[string]bool{}
	for pairs := []string{size, "5"}; ; {
		got := r.Call(action, pairs...)
		pages = append(pages, got)
		token := got.NextToken + got.GroupToken
		if token == "" || seen[token] || got.Status != http.StatusOK {
			Equal(r.t, "the last token", token, "")
			Equal(r.t, "status", got.Status, http.StatusOK)
			return pages
		}
		seen[token] = true
		pairs = append(pairs[:2], "NextToken", token)
	}
}

// List adds the parameters of a list to pairs: name.1, ..., name.n.
func List(pairs []string, name string, n int, value string) []string {
	for i := 1; i <= n; i++ {
		pairs = append(pairs, fmt.Sprintf("%s.%d", name, i), value)
	}
	return pairs
}

// Equal compares.
func Equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
