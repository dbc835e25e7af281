package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/simtest"
)

var equal = simtest.Equal

// EC2 API Reference, "Error codes": common client errors.
func TestCredentials(t *testing.T) {
	r := simtest.New(t, simulator.Options{})
	equal(t, "unknown action", r.Call("TerminateInstances").Code, "InvalidAction")
	r.Key = ""
	equal(t, "none", r.Call("DescribeSubnets").Code, "MissingAuthenticationToken")
	r.Key = "AKID/of/another/form"
	equal(t, "unreadable", r.Call("DescribeSubnets").Code, "AuthFailure")
	equal(t, "unreadable, status", r.Call("DescribeSubnets").Status, 401)
}

// EC2 API Reference, "Request throttling".
func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := simtest.New(t, simulator.Options{})
		for _, b := range []struct {
			action         string
			atOnce, refill int
		}{
			{"CreateNetworkInterface", 100, 5}, {"DeleteNetworkInterface", 100, 5}, {"ModifyNetworkInterfaceAttribute", 100, 5}, {"CreateTags", 100, 10},
			{"AttachNetworkInterface", 50, 5}, {"DetachNetworkInterface", 50, 5}, {"DescribeSubnets", 100, 20}, {"DescribeInstances", 50, 10},
		} {
			spend := func() (n int) {
				for got := r.Call(b.action); got.Status != 503; got = r.Call(b.action) {
					n++
				}
				return n
			}
			equal(t, b.action, spend(), b.atOnce)
			time.Sleep(3 * time.Second)
			equal(t, b.action+", three seconds later", spend(), 3*b.refill)
			equal(t, b.action+", code", r.Call(b.action).Code, "RequestLimitExceeded")
		}
		equal(t, "paginated", r.Call("DescribeInstances", "MaxResults", "5").Code, "")
	})
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := simtest.New(t, simulator.Options{})
		id, start := r.Add(ec2.Interface{}), time.Now()
		for _, test := range []struct {
			fault  api.Fault
			status int // 0: no answer comes
			there  bool
			took   time.Duration // since the start; a caller waits for 90 seconds
		}{
			{api.Fault{Code: "Unavailable"}, 503, true, 0},
			{api.Fault{Reset: true}, 0, true, 0},
			{api.Fault{Latency: time.Hour}, 0, true, 90 * time.Second},
			{api.Fault{LoseAnswer: true, Latency: time.Minute}, 0, false, 150 * time.Second},
		} {
			r.Inject("DeleteNetworkInterface", 1, test.fault)
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
			got, err := r.Send(ctx, "DeleteNetworkInterface", "NetworkInterfaceId", id)
			cancel()
			equal(t, fmt.Sprintf("%+v, status", test.fault), got.Status, test.status)
			equal(t, fmt.Sprintf("%+v, no answer", test.fault), err != nil, test.status == 0)
			equal(t, fmt.Sprintf("%+v, the interface", test.fault), r.Exists(id), test.there)
			equal(t, fmt.Sprintf("%+v, took", test.fault), time.Since(start), test.took)
		}
		var codes []string
		for _, call := range simulator.Look(r.Region, r.Front.Calls) {
			codes = append(codes, call.Caller+":"+call.Code)
		}
		equal(t, "record", strings.Join(codes, " "), "AKID:Unavailable AKID:connection reset AKID:")
	})
}

// A request brings its own fault along, and meets no other one; OnCall comes last.
func TestWhichFault(t *testing.T) {
	r := simtest.New(t, simulator.Options{})
	r.Inject("DescribeSubnets", 1, api.Fault{Code: "InternalError"})
	r.Do(func() {
		r.Front.OnCall(func(c api.Call) (f api.Fault) {
			if c.Action == "DescribeSubnets" && c.Number == 4 {
				f.Code = "Unavailable"
			}
			return f
		})
	})
	status := func(ctx context.Context) int {
		got, err := r.Send(ctx, "DescribeSubnets")
		if err != nil {
			t.Fatal(err)
		}
		return got.Status
	}
	equal(t, "its own", status(api.WithFault(t.Context(), api.Fault{Code: "DryRunOperation"})), 412)
	equal(t, "none", status(api.WithFault(t.Context(), api.Fault{})), 200)
	equal(t, "the injected one", status(t.Context()), 500)
	equal(t, "the fourth call's", status(t.Context()), 503)
	equal(t, "none after it", status(t.Context()), 200)
}

// boto3 takes a token that comes again for a loop.
func TestNoTokenComesTwice(t *testing.T) {
	r := simtest.New(t, simulator.Options{})
	for i := range 10 {
		r.Do(func() { r.AutoScaling.AddGroup(autoscaling.Group{Name: fmt.Sprint("asg-", i)}) })
		r.Add(ec2.Interface{})
	}
	for _, test := range []struct{ action, size string }{{"DescribeAutoScalingGroups", "MaxRecords"}, {"DescribeNetworkInterfaces", "MaxResults"}} {
		r.Inject(test.action, 3, api.Fault{EmptyPage: true})
		found := 0
		pages := r.Pages(test.action, test.size)
		for _, page := range pages {
			found += len(page.Groups) + len(page.Interfaces)
		}
		equal(t, test.action, found, 10)
		equal(t, test.action+", pages", len(pages), 5)
	}
	equal(t, "not a token of EC2's", r.Call("DescribeNetworkInterfaces", "NextToken", "x").Code, "InvalidPaginationToken")
	equal(t, "not a token", r.Call("DescribeAutoScalingGroups", "NextToken", "x").ASCode, "InvalidNextToken")
}
