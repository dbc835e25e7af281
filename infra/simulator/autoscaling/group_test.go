package autoscaling_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/sqs"
)

const pattern = `{"source": ["aws.autoscaling"], "detail-type": ["EC2 Instance Terminate Successful"]}`

// A fixture is a region with a group of nodes and a queue that gets its events.
type fixture struct {
	*simulator.Region
	subnet string
	nodes  []string
	queue  *sqs.Queue
}

func newFixture(t *testing.T, o simulator.Options, nodes int) *fixture {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	f := &fixture{Region: simulator.New(loop.NewClock(0), rand.New(rand.NewPCG(1, seed)), o)}
	f.Do(func() {
		f.queue = f.SQS.AddQueue(sqs.Queue{Delay: time.Minute, Visibility: 6 * time.Minute})
		if err := f.Bus.AddRule([]byte(pattern), f.queue.Deliver); err != nil {
			t.Fatal(err)
		}
		f.subnet = f.EC2.AddSubnet(f.EC2.AddVPC("10.0.0.0/16"), "10.0.1.0/24", "a")
		f.AutoScaling.AddGroup(autoscaling.Group{Name: "asg", Subnets: []string{f.subnet}})
		var err error
		if f.nodes, err = f.AutoScaling.ScaleOut("asg", nodes); err != nil {
			t.Fatal(err)
		}
	})
	return f
}

// events returns how many have been sent.
func (f *fixture) events() int { return len(simulator.Look(f.Region, f.queue.Messages)) }

// Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling event reference": the event's form.
func TestScaleInReachesTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Options{}, 30)
		var bodies []string
		record := func(_ context.Context, payload []byte) ([]byte, error) {
			var batch struct{ Records []struct{ Body string } }
			if err := json.Unmarshal(payload, &batch); err != nil {
				t.Error(err)
			}
			for _, r := range batch.Records {
				bodies = append(bodies, r.Body)
			}
			return []byte(`{"batchItemFailures":[]}`), nil
		}
		f.Do(func() {
			f.Lambda.AddMapping(lambda.Mapping{Queue: f.queue, BatchSize: 1000, Window: 15 * time.Second, Invoke: record})
		})
		ctx, cancel := context.WithCancel(t.Context())
		go f.Run(ctx)
		time.Sleep(5 * time.Minute)
		f.Do(func() { f.AutoScaling.ScaleIn("asg", 30) })
		time.Sleep(5 * time.Minute)
		cancel()
		synctest.Wait()
		equal(t, "events", len(bodies), len(f.nodes))
		if n := len(simulator.Look(f.Region, f.Lambda.Invocations)); n > 4 {
			t.Errorf("%d invocations for one scale-in", n)
		}
		var event struct {
			Resources []string
			Detail    struct {
				StatusCode, EC2InstanceId string
				Details                   map[string]string
			}
		}
		if err := json.Unmarshal([]byte(bodies[0]), &event); err != nil {
			t.Fatal(err)
		}
		equal(t, "status", event.Detail.StatusCode, "InProgress")
		equal(t, "subnet", event.Detail.Details["Subnet ID"], f.subnet)
		equal(t, "instance", event.Resources[1], "arn:aws:ec2:eu-west-1:123456789012:instance/"+event.Detail.EC2InstanceId)
	})
}

// Amazon EventBridge Events Reference, "Amazon EC2 Auto Scaling events": best effort.
func TestEventsAreLostAndDoubled(t *testing.T) {
	for _, test := range []struct {
		options simulator.Options
		want    int
	}{{simulator.Options{Lost: 1}, 0}, {simulator.Options{Doubled: 1}, 2}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, test.options, 1)
			f.Do(func() { f.AutoScaling.ScaleIn("asg", 1) })
			f.Advance(5 * time.Minute)
			equal(t, "messages", f.events(), test.want)
		})
	}
}

// Observed: the event may come minutes before the interface is available.
func TestEarlyEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Options{Early: 1}, 1)
		f.Do(func() {
			f.Nodes.CrashAt(f.nodes[0], cni.Attached)
			f.Nodes.AllocENI(f.nodes[0], 1)
		})
		for f.events() == 0 {
			f.Advance(time.Second)
		}
		for _, eni := range simulator.Look(f.Region, f.EC2.Interfaces) {
			equal(t, "with the event", eni.Status, "detaching")
		}
		f.Advance(7 * time.Minute)
		equal(t, "later", len(simulator.Look(f.Region, f.EC2.Leaked)), 1)
	})
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
