package simulator

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// A fixture is a region that a test looks at from outside.
type fixture struct{ *Region }

// region returns a region with one subnet. A failed test logs its seed.
func region(t *testing.T, o Options) (r fixture, subnet string) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r = fixture{New(loop.NewClock(0), rand.New(rand.NewPCG(1, seed)), o)}
	return r, r.addSubnet("10.0.0.0/16", "10.0.1.0/24", "a")
}

// addSubnet adds a VPC with one subnet.
func (r fixture) addSubnet(vpc, cidr, letter string) string {
	return Look(r.Region, func() string { return r.EC2.AddSubnet(r.EC2.AddVPC(vpc), cidr, letter) })
}

func (r fixture) add(eni ec2.Interface) string {
	return Look(r.Region, func() string { return r.EC2.AddInterface(eni) })
}

func (r fixture) addInstance(i ec2.Instance) string {
	return Look(r.Region, func() string { return r.EC2.AddInstance(i) })
}

func (r fixture) addGroup(name string, subnets ...string) {
	r.Do(func() { r.AutoScaling.AddGroup(autoscaling.Group{Name: name, Subnets: subnets}) })
}

func (r fixture) inject(action string, n int, f api.Fault) {
	r.Do(func() { r.Front.Inject(action, n, f) })
}

func (r fixture) free(subnet string) int {
	return Look(r.Region, func() int { return r.EC2.FreeAddresses(subnet) })
}

func (r fixture) exists(id string) (there bool) {
	r.Do(func() { _, there = r.EC2.Interface(id) })
	return there
}

// client calls a region as an SDK does.
type client struct {
	t   *testing.T
	r   fixture
	key string
}

type reply struct {
	Status     int
	Code       string   `xml:"Errors>Error>Code"`
	Message    string   `xml:"Errors>Error>Message"`
	ASCode     string   `xml:"Error>Code"`
	NextToken  string   `xml:"nextToken"`
	Interfaces []string `xml:"networkInterfaceSet>item>networkInterfaceId"`
	Instances  []string `xml:"reservationSet>item>instancesSet>item>instanceId"`
	States     []string `xml:"reservationSet>item>instancesSet>item>instanceState>name"`
	Free       []int    `xml:"subnetSet>item>availableIpAddressCount"`
	Groups     []string `xml:"DescribeAutoScalingGroupsResult>AutoScalingGroups>member>AutoScalingGroupName"`
	Subnets    string   `xml:"DescribeAutoScalingGroupsResult>AutoScalingGroups>member>VPCZoneIdentifier"`
	GroupToken string   `xml:"DescribeAutoScalingGroupsResult>NextToken"`
	Body       string   `xml:"-"`
	RequestID  string   `xml:"-"` // of the header
}

// call makes one call; pairs are its parameters.
func (c client) call(action string, pairs ...string) reply {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := c.send(action, form)
	if err != nil {
		c.t.Fatalf("%s: %v", action, err)
	}
	return r
}

// pages lists five at a time.
func (c client) pages(action, size string) (pages []reply) {
	c.t.Helper()
	seen := map[string]bool{}
	for pairs := []string{size, "5"}; ; {
		got := c.call(action, pairs...)
		pages = append(pages, got)
		token := got.NextToken + got.GroupToken
		if token == "" || seen[token] || got.Status != http.StatusOK {
			equal(c.t, "the last token", token, "")
			equal(c.t, "status", got.Status, http.StatusOK)
			return pages
		}
		seen[token] = true
		pairs = append(pairs[:2], "NextToken", token)
	}
}

func (c client) send(action string, form url.Values) (r reply, err error) {
	form.Set("Action", action)
	out, err := c.r.Transport().RoundTrip(request(c.t.Context(), "http://simulator/", c.key, form))
	if err != nil {
		return r, err
	}
	raw, _ := io.ReadAll(out.Body) // it is in memory
	if err := xml.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", raw, err)
	}
	r.Status, r.Body, r.RequestID = out.StatusCode, string(raw), out.Header.Get("X-Amzn-Requestid")
	return r, nil
}

// request is a call as an SDK sends it, without a signature that counts.
func request(ctx context.Context, address, key string, form url.Values) *http.Request {
	in, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		panic(err)
	}
	in.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	service := "ec2"
	if strings.Contains(form.Get("Action"), "AutoScaling") {
		service = "autoscaling"
	}
	if key != "" {
		in.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261123/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
	}
	return in
}

// values are the parameters of a list: name.1, ..., name.n.
func values(pairs []string, name string, n int, value func(int) string) []string {
	for i := 1; i <= n; i++ {
		pairs = append(pairs, fmt.Sprintf("%s.%d", name, i), value(i))
	}
	return pairs
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
