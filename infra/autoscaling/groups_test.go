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
)

func onWire(t *testing.T, test func(ctx context.Context, w *simulator.World, c autoscaling.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(1, 2)), simulator.Options{})
		test(t.Context(), w, autoscaling.New(aws.Config{
			Region:       "eu-west-1",
			BaseEndpoint: aws.String("http://simulator"),
			HTTPClient:   &http.Client{Transport: w.Transport()},
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "secret"}, nil
			}),
		}))
	})
}

func TestSubnets(t *testing.T) {
	onWire(t, func(ctx context.Context, w *simulator.World, c autoscaling.Client) {
		w.AddGroup(simulator.Group{Name: "one", Subnets: []string{"subnet-1", "subnet-2"}})
		w.AddGroup(simulator.Group{Name: "two", Subnets: []string{"subnet-3"}})
		w.AddGroup(simulator.Group{Name: "not asked for", Subnets: []string{"subnet-4"}})
		got, err := c.Subnets(ctx, []string{"one", "two", "gone"})
		slices.Sort(got)
		if err != nil || !slices.Equal(got, []string{"subnet-1", "subnet-2", "subnet-3"}) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// 250 groups take three calls; one that fails costs the subnets of its groups.
func TestManyGroups(t *testing.T) {
	onWire(t, func(ctx context.Context, w *simulator.World, c autoscaling.Client) {
		var names []string
		for n := range 250 {
			names = append(names, fmt.Sprintf("group %03d", n))
			w.AddGroup(simulator.Group{Name: names[n], Subnets: []string{fmt.Sprintf("subnet-%d", n)}})
		}
		if got, err := c.Subnets(ctx, names); err != nil || len(got) != 250 || len(w.Calls()) != 3 {
			t.Errorf("%d subnets in %d calls, %v", len(got), len(w.Calls()), err)
		}
		w.OnCall(func(c simulator.Call) simulator.Fault {
			if c.Number > 4 {
				return simulator.Fault{Code: "InternalFailure", Status: 500}
			}
			return simulator.Fault{}
		})
		if got, err := c.Subnets(ctx, names); err == nil || len(got) != 100 {
			t.Errorf("%d subnets, %v; want the 100 of the first call, and its error", len(got), err)
		}
	})
}

// No names mean all groups to Auto Scaling, so they are never sent.
func TestNoNamesMakeNoCall(t *testing.T) {
	onWire(t, func(ctx context.Context, w *simulator.World, c autoscaling.Client) {
		w.AddGroup(simulator.Group{Name: "one", Subnets: []string{"subnet-1"}})
		if got, err := c.Subnets(ctx, nil); err != nil || got != nil || len(w.Calls()) != 0 {
			t.Errorf("%q, %v, %d calls", got, err, len(w.Calls()))
		}
	})
}
