package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// One seed is one history.
func TestASeedIsAHistory(t *testing.T) {
	history := func() (all string) {
		synctest.Test(t, func(t *testing.T) {
			r := New(loop.NewClock(0), rand.New(rand.NewPCG(7, 7)), Options{Early: 0.5, Lost: 0.2})
			r.Do(func() {
				subnet := r.EC2.AddSubnet(r.EC2.AddVPC("10.0.0.0/16"), "10.0.0.0/20", "a")
				r.AutoScaling.AddGroup(autoscaling.Group{Name: "asg", Subnets: []string{subnet}, Node: cni.Node{CNI: cni.Config{AttachFails: 0.2}}})
				nodes, err := r.AutoScaling.ScaleOut("asg", 20)
				if err != nil {
					t.Fatal(err)
				}
				for i, node := range nodes {
					r.Nodes.AllocENI(node, 3)
					r.Nodes.CrashAt(node, cni.Step(i%4))
				}
				r.Loop.After(10*time.Minute, func() { r.AutoScaling.ScaleIn("asg", 20) })
			})
			r.Advance(20 * time.Minute)
			for _, c := range Look(r, r.Front.Calls) {
				all += fmt.Sprintln(c.At, c.Caller, c.Action, c.Code, c.Form)
			}
			for _, eni := range Look(r, r.EC2.Leaked) {
				all += fmt.Sprintln(eni.ID, eni.LeakedAt, eni.Tags)
			}
		})
		return all
	}
	first := history()
	if first == "" || first != history() {
		t.Error("the same seed has another history")
	}
}

// Observed: Scheduler's detail is the string "{}".
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := region(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		refuse := func(context.Context, []byte) ([]byte, error) { return nil, errors.New("not repeated") }
		r.Do(func() { r.Bus.Every(time.Minute, r.Lambda.Target(refuse)) })
		go r.Run(ctx)
		time.Sleep(3*time.Minute + time.Second)
		synctest.Wait()
		runs := Look(r.Region, r.Lambda.Invocations)
		equal(t, "runs", len(runs), 3)
		var event struct{ Source, Detail string }
		if err := json.Unmarshal(runs[0].Payload, &event); err != nil {
			t.Fatal(err)
		}
		equal(t, "source", event.Source, "aws.scheduler")
		equal(t, "detail", event.Detail, "{}")
		cancel()
	})
}
