package autoscaling_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/network-interface-releaser/network-interface-releaser/infra/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	sim "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

func onWire(t *testing.T, test func(ctx context.Context, r *simulator.Region, c autoscaling.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := simulator.New(loop.NewClock(0), rand.New(rand.NewPCG(1, 2)), simulator.Options{})
		test(t.Context(), r, autoscaling.New(aws.Config{
			Region:       "eu-west-1",
			BaseEndpoint: aws.String("http://simulator"),
			HTTPClient:   &http.Client{Transport: r.Transport()},
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "secret"}, nil
			}),
		}))
	})
}

func addGroup(r *simulator.Region, name string, subnets ...string) {
	r.Do(func() { r.AutoScaling.AddGroup(sim.Group{Name: name, Subnets: subnets}) })
}

func calls(r *simulator.Region) []api.Call { return simulator.Look(r, r.Front.Calls) }

func TestSubnets(t *testing.T) {
	onWire(t, func(ctx context.Context, r *simulator.Region, c autoscaling.Client) {
		addGroup(r, "one", "subnet-1", "subnet-2")
		addGroup(r, "two", "subnet-3")
		addGroup(r, "not asked for", "subnet-4")
		got, err := c.Subnets(ctx, []string{"one", "two", "gone"})
		slices.Sort(got)
		if err != nil || !slices.Equal(got, []string{"subnet-1", "subnet-2", "subnet-3"}) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// 250 groups take three calls; one that fails costs the subnets of its groups.
func TestManyGroups(t *testing.T) {
	onWire(t, func(ctx context.Context, r *simulator.Region, c autoscaling.Client) {
		var names []string
		for n := range 250 {
			names = append(names, fmt.Sprintf("group %03d", n))
			addGroup(r, names[n], fmt.Sprintf("subnet-%d", n))
		}
		if got, err := c.Subnets(ctx, names); err != nil || len(got) != 250 || len(calls(r)) != 3 {
			t.Errorf("%d subnets in %d calls, %v", len(got), len(calls(r)), err)
		}
		r.Do(func() {
			r.Front.OnCall(func(c api.Call) api.Fault {
				if c.Number > 4 {
					return api.Fault{Code: "InternalFailure", Status: 500}
				}
				return api.Fault{}
			})
		})
		if got, err := c.Subnets(ctx, names); err == nil || len(got) != 100 {
			t.Errorf("%d subnets, %v; want the 100 of the first call, and its error", len(got), err)
		}
	})
}

// No names mean all groups to Auto Scaling, so they are never sent.
func TestNoNamesMakeNoCall(t *testing.T) {
	onWire(t, func(ctx context.Context, r *simulator.Region, c autoscaling.Client) {
		addGroup(r, "one", "subnet-1")
		if got, err := c.Subnets(ctx, nil); err != nil || got != nil || len(calls(r)) != 0 {
			t.Errorf("%q, %v, %d calls", got, err, len(calls(r)))
		}
	})
}
