// Package simulator is one AWS region of one account, as far as leaked network
// interfaces need it. Tests, benchmarks and the demo use it; nothing shipped imports
// it, and it imports nothing of the product.
//
// A [Region] is a loop with services on it, each in a package of its own:
//
//	loop         time: one clock, one lock, one random source, due actions
//	iam          policies
//	api          the front: callers, throttling, faults, record of calls
//	ec2          networks, interfaces, instances
//	cni          nodes with a VPC CNI, which leak interfaces
//	eventbridge  events, rules, schedules
//	autoscaling  groups that scale out and in
//	sqs, lambda  the way of an event to a function, and the function's runtime
//	cleaners     other cleaners of the account
//
// [Deploy] puts a function to work in it as the template says. Beside the loop are
// cloudformation, which deploys the template, and cloudwatch, which judges its alarms.
//
// Everything runs inside the loop. Do, Look, Advance, Run and Transport enter it; all
// methods of services are called inside, which an action of the loop already is:
//
//	r := simulator.New(0, rand.New(rand.NewPCG(1, seed)), simulator.Options{})
//	r.Do(func() {
//		subnet := r.EC2.AddSubnet(r.EC2.AddVPC("10.0.0.0/16"), "10.0.1.0/24", "a")
//		node, err := r.Nodes.Launch(cni.Node{Subnet: subnet})
//		r.Nodes.CrashAt(node, cni.Created)
//		r.Nodes.AllocENI(node, 2) // the first one leaks
//		r.Loop.After(time.Hour, func() { r.Nodes.Terminate(node) })
//	})
//	r.Advance(2 * time.Hour) // or go r.Run(ctx), in real time or a synctest bubble's
//	leaked := simulator.Look(r, r.EC2.Leaked)
package simulator

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cleaners"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/eventbridge"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/sqs"
)

// Options do not change in a region. The zero value is a friendly one: every page
// full, every account setting at its default, every event delivered.
type Options struct {
	Region  string // default eu-west-1
	Account string // default 123456789012, the account number of AWS's own examples

	EmptyPages                 float64 // these are EC2's: [ec2.Settings]
	PagesOnly, HideManaged     bool
	PermissionFirst            bool
	Lost, Doubled, Late, Early float64 // these are Auto Scaling's: [autoscaling.Delivery]; Lost EC2's events', too

	Buckets map[string]api.Bucket // replaces or adds to the usual ones, by action or kind
}

// A Region is one AWS region of one account. Do, Advance and Run are its loop's.
type Region struct {
	*loop.Loop
	Account     iam.Account
	Front       *api.Front
	EC2         *ec2.EC2
	Nodes       *cni.Nodes
	Bus         *eventbridge.Bus
	AutoScaling *autoscaling.Groups
	SQS         sqs.SQS
	Lambda      *lambda.Lambda
	Cleaners    cleaners.Cleaners
}

// New returns an empty region, by shift and random source a loop's ([loop.New]).
func New(shift time.Duration, random *rand.Rand, o Options) *Region {
	l := loop.New(shift, random)
	r := &Region{Loop: l, Account: iam.Account{Region: cmp.Or(o.Region, "eu-west-1"), ID: cmp.Or(o.Account, "123456789012")}}
	// The CNIs' calls meet no injected faults.
	r.Front = api.New(l, r.Account, o.Buckets, func(caller string) bool { return r.Nodes.Has(caller) })
	r.EC2 = ec2.New(l, r.Front, r.Account, ec2.Settings{EmptyPages: o.EmptyPages, PagesOnly: o.PagesOnly, HideManaged: o.HideManaged, PermissionFirst: o.PermissionFirst})
	r.Nodes = cni.New(l, r.Front, r.EC2)
	r.Bus = eventbridge.New(l, r.Account)
	r.EC2.OnChange(func(instance, state string) { r.emitChange(instance, state, o.Lost) })
	r.AutoScaling = autoscaling.New(l, r.Front, r.Account, r.EC2, r.Nodes, r.Bus, autoscaling.Delivery{Lost: o.Lost, Doubled: o.Doubled, Late: o.Late, Early: o.Early})
	r.SQS = sqs.SQS{Loop: l, Account: r.Account}
	r.Lambda = lambda.New(l)
	r.Cleaners = cleaners.Cleaners{Loop: l, Front: r.Front, EC2: r.EC2, Nodes: r.Nodes}
	return r
}

// emitChange emits "EC2 Instance State-change Notification", at best effort (Amazon EC2 User Guide,
// "State change events for your instances").
func (r *Region) emitChange(instance, state string, lost float64) {
	if r.Loop.Chance(lost) {
		return
	}
	event := r.Bus.Event("aws.ec2", "EC2 Instance State-change Notification", []string{r.Account.ARN("ec2", "instance/"+instance)},
		map[string]any{"instance-id": instance, "state": state})
	r.Loop.After(r.Loop.Between(0, 2*time.Second), func() { r.Bus.Emit(event) })
}

// Look enters the loop and returns what f returns.
func Look[T any](r *Region, f func() T) (seen T) {
	r.Do(func() { seen = f() })
	return seen
}

// Transport answers requests by the front itself: see [api.Front.RoundTrip].
func (r *Region) Transport() http.RoundTripper { return r.Front }
