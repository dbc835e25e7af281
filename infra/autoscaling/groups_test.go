package autoscaling_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	sim "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// addGroups adds 250 groups with a subnet each, and returns their names.
func addGroups(f *harness.Function) (names []string) {
	for n := range 250 {
		names = append(names, fmt.Sprintf("group %03d", n))
		f.Do(func() {
			f.AutoScaling.AddGroup(sim.Group{Name: names[n], Subnets: []string{fmt.Sprintf("subnet-%d", n)}})
		})
	}
	return names
}

func TestSubnets(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		addGroups(f)
		f.Do(func() { f.AutoScaling.AddGroup(sim.Group{Name: "two", Subnets: []string{"subnet-a", " subnet-b"}}) })
		got, err := autoscaling.New(f.AWS).Subnets(f.Context(), []string{"two", "group 003", "deleted"})
		slices.Sort(got)
		if err != nil || !slices.Equal(got, []string{"subnet-3", "subnet-a", "subnet-b"}) {
			f.Errorf("%q, %v", got, err)
		}
	})
}

// 250 groups take three calls; one that fails costs the subnets of its own groups.
func TestManyGroups(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		names, client := addGroups(f), autoscaling.New(f.AWS)
		if got, err := client.Subnets(f.Context(), names); err != nil || len(got) != 250 || len(f.Calls()) != 3 {
			f.Errorf("%d subnets in %d calls, %v", len(got), len(f.Calls()), err)
		}
		f.OnCall(func(c api.Call) api.Fault {
			if c.Number > 4 && c.Number <= 7 { // the second of the next three, with its retries
				return api.Fault{Code: "InternalFailure", Status: 500}
			}
			return api.Fault{}
		})
		if got, err := client.Subnets(f.Context(), names); err == nil || len(got) != 150 {
			f.Errorf("%d subnets, %v; want the 150 of the other calls, and an error", len(got), err)
		}
	})
}

// Without names Auto Scaling would return all groups, so no call is made.
func TestNoNamesMakeNoCall(t *testing.T) {
	harness.Test(t, func(f *harness.Function) {
		addGroups(f)
		if got, err := autoscaling.New(f.AWS).Subnets(f.Context(), nil); err != nil || got != nil || len(f.Calls()) != 0 {
			f.Errorf("%q, %v, %d calls", got, err, len(f.Calls()))
		}
	})
}

// FuzzGroups: no answer panics or hangs, and no subnet is empty or has a separator in it. A
// success without a list is an error.
func FuzzGroups(f *testing.F) {
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		status = 200 + int(uint(status-200)%400)
		ctx, config := harness.Canned(t, status, body)
		got, err := autoscaling.New(config).Subnets(ctx, []string{"my-asg"})
		if err == nil && (status >= 300 || !bytes.Contains(body, []byte("AutoScalingGroups"))) {
			t.Fatalf("a %d read as %q:\n%s", status, got, body)
		}
		if slices.ContainsFunc(got, func(subnet string) bool { return subnet == "" || strings.ContainsAny(subnet, ", ") }) {
			t.Fatalf("%q", got)
		}
	})
}
