package ec2_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
)

var equal = simtest.Equal

// EC2 User Guide, "Find your Amazon EC2 resources".
func TestFilters(t *testing.T) {
	r := simtest.New(t, simulator.Options{})
	odd := r.Add(ec2.Interface{Description: "aws-K8S-i-0123456789abcdef0", Status: "in-use", Tags: map[string]string{"team/a": "blue*", "empty": ""}})
	r.Add(ec2.Interface{Description: "aws-k8s-branch-eni"})
	for _, test := range []struct {
		name, value string
		want        bool
	}{
		{"status", "in-use", true},
		{"description", "aws-K8S-i-*", true},
		{"description", "aws-k8s-i-*", false}, // case-sensitive
		{"description", "aws-K8S-i-????????????????0", true},
		{"subnet-id", r.Subnet, true},
		{"network-interface-id", odd, true},
		{"tag:team/a", "blue*", true},
		{"tag:team/a", `blue\*`, true},
		{"tag:team/a", `blu\*`, false},
		{"tag:empty", "", true},
		{"tag:absent", "*", false},
		{"tag-key", "team/*", true},
	} {
		got := r.Call("DescribeNetworkInterfaces", "Filter.1.Name", test.name, "Filter.1.Value.1", test.value)
		equal(t, test.name+"="+test.value, slices.Contains(got.Interfaces, odd), test.want)
	}
}

// EC2 User Guide, "Find your Amazon EC2 resources": 50 filters, 255 characters; 200 values in
// a call in all as observed.
func TestFilterLimits(t *testing.T) {
	r := simtest.New(t, simulator.Options{})
	with := func(n int, more ...string) string {
		pairs := simtest.List([]string{"Filter.1.Name", "instance-id"}, "Filter.1.Value", n, "i-00000000")
		return r.Call("DescribeInstances", append(pairs, more...)...).Code
	}
	one := func(name, value string) string {
		return r.Call("DescribeInstances", "Filter.1.Name", name, "Filter.1.Value.1", value).Code
	}
	equal(t, "200 values", with(200), "")
	equal(t, "201 values", with(201), "FilterLimitExceeded")
	equal(t, "200 and 1", with(200, "Filter.2.Name", "vpc-id", "Filter.2.Value.1", "vpc-1"), "FilterLimitExceeded")
	equal(t, "an unknown name", one("colour", "red"), "InvalidParameterValue")
	equal(t, "255 characters", one("tag-key", strings.Repeat("x", 255)), "")
	equal(t, "256 characters", one("tag-key", strings.Repeat("x", 256)), "InvalidParameterValue")
	var many []string
	for n := 1; n <= 50; n++ {
		many = append(many, fmt.Sprintf("Filter.%d.Name", n), "vpc-id", fmt.Sprintf("Filter.%d.Value.1", n), "v")
	}
	equal(t, "50 filters", r.Call("DescribeInstances", many...).Code, "")
	equal(t, "51 filters", r.Call("DescribeInstances", append(many, "Filter.51.Name", "vpc-id", "Filter.51.Value.1", "v")...).Code, "FilterLimitExceeded")
}

// EC2 API Reference, DescribeNetworkInterfaces: MaxResults 5-1000, not with IDs; pages may be
// empty; unpaginated calls refused to large accounts.
func TestPages(t *testing.T) {
	r := simtest.New(t, simulator.Options{EmptyPages: 0.3, PagesOnly: true})
	var ids, listed []string
	for range 57 {
		ids = append(ids, r.Add(ec2.Interface{}))
	}
	pages := r.Pages("DescribeNetworkInterfaces", "MaxResults")
	for _, page := range pages {
		listed = append(listed, page.Interfaces...)
		if len(page.Interfaces) > 5 {
			t.Errorf("%d on a page", len(page.Interfaces))
		}
	}
	slices.Sort(ids)
	equal(t, "each once", fmt.Sprint(listed), fmt.Sprint(ids))
	if len(pages) < 12 {
		t.Errorf("%d pages are too few", len(pages))
	}
	code := func(pairs ...string) string { return r.Call("DescribeNetworkInterfaces", pairs...).Code }
	equal(t, "below the least", code("MaxResults", "4"), "InvalidParameterValue")
	equal(t, "above the most", code("MaxResults", "1001"), "InvalidParameterValue")
	equal(t, "with IDs", code("MaxResults", "5", "NetworkInterfaceId.1", ids[0]), "InvalidParameterCombination")
	equal(t, "IDs alone", code("NetworkInterfaceId.1", ids[0]), "")
	equal(t, "unpaginated", code(), "OperationNotPermitted")
	equal(t, "another query's token", code("MaxResults", "5", "NextToken", pages[0].NextToken, "Filter.1.Name", "status", "Filter.1.Value.1", "x"), "InvalidPaginationToken")
}

// EC2 User Guide, "Terminate Amazon EC2 instances": visible for about an hour.
func TestInstancesByIDAndByFilter(t *testing.T) {
	r := simtest.New(t, simulator.Options{HideManaged: true})
	dead := r.AddInstance(ec2.Instance{State: "terminated", Tags: map[string]string{"a": "b"}})
	r.AddInstance(ec2.Instance{State: "shutting-down", ID: "i-00000001"})
	running := r.AddInstance(ec2.Instance{})
	foreign := r.AddInstance(ec2.Instance{Owner: "210987654321"})
	managed := r.AddInstance(ec2.Instance{Operator: "eks.amazonaws.com"})
	filter := []string{"Filter.1.Name", "instance-id", "Filter.1.Value.1", dead, "Filter.1.Value.2", foreign, "Filter.1.Value.3", managed}
	equal(t, "by filter", strings.Join(r.Call("DescribeInstances", filter...).Instances, " "), dead)
	equal(t, "with managed ones", len(r.Call("DescribeInstances", append(filter, "IncludeManagedResources", "true")...).Instances), 2)
	equal(t, "managed, by ID", len(r.Call("DescribeInstances", "InstanceId.1", managed).Instances), 1)
	eni := r.Add(ec2.Interface{Operator: "eks.amazonaws.com"})
	equal(t, "a managed interface", len(r.Call("DescribeNetworkInterfaces").Interfaces), 0)
	equal(t, "a managed interface, by ID", len(r.Call("DescribeNetworkInterfaces", "NetworkInterfaceId.1", eni).Interfaces), 1)
	equal(t, "no network from the shutdown on", strings.Join(r.Call("DescribeInstances").Networks, " "), r.Subnet)
	equal(t, "found by the subnet", strings.Join(r.Call("DescribeInstances", "Filter.1.Name", "subnet-id", "Filter.1.Value.1", r.Subnet).Instances, " "), running)
	equal(t, "its tags", strings.Join(r.Call("DescribeInstances", "Filter.1.Name", "tag:a", "Filter.1.Value.1", "b").Instances, " "), dead)
	equal(t, "by ID", r.Call("DescribeInstances", "InstanceId.1", dead, "InstanceId.2", foreign).Code, "InvalidInstanceID.NotFound")
	r.Advance(time.Hour - 10*time.Second)
	equal(t, "for an hour", len(r.Call("DescribeInstances", filter...).Instances), 1)
	r.Advance(10 * time.Second)
	equal(t, "then gone", len(r.Call("DescribeInstances", filter...).Instances), 0)
}

// EC2 Developer Guide, "Eventual consistency".
func TestStaleListing(t *testing.T) {
	r := simtest.New(t, simulator.Options{})
	gone := r.Add(ec2.Interface{})
	r.Advance(10 * time.Second)
	r.Call("DeleteNetworkInterface", "NetworkInterfaceId", gone)
	added := r.Add(ec2.Interface{})
	r.Advance(time.Second)
	r.Inject("DescribeNetworkInterfaces", 1, api.Fault{Stale: 5 * time.Second})
	equal(t, "stale", strings.Join(r.Call("DescribeNetworkInterfaces").Interfaces, " "), gone)
	equal(t, "fresh", strings.Join(r.Call("DescribeNetworkInterfaces").Interfaces, " "), added)

	launched := r.AddInstance(ec2.Instance{})
	for age, shown := range []int{0, 1} { // in minutes
		r.Inject("DescribeInstances", 1, api.Fault{Stale: 5 * time.Minute})
		equal(t, "a new instance in an old listing", len(r.Call("DescribeInstances", "Filter.1.Name", "instance-id", "Filter.1.Value.1", launched).Instances), shown)
		r.Advance(time.Duration(1-age) * time.Minute)
	}
}
