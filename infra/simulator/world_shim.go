package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/sqs"
)

// This file is temporary: the names and methods that callers of the former World use,
// each of which enters the loop by itself. It goes when they call the Region.

type (
	World         = Region
	Clock         = loop.Clock
	Bucket        = api.Bucket
	Call          = api.Call
	Error         = api.Error
	Fault         = api.Fault
	Transport     = api.Transport
	Policy        = iam.Policy
	Statement     = iam.Statement
	Strings       = iam.Strings
	Interface     = ec2.Interface
	Address       = ec2.Address
	Association   = ec2.Association
	Attachment    = ec2.Attachment
	Deletion      = ec2.Deletion
	Instance      = ec2.Instance
	Node          = cni.Node
	CNI           = cni.Config
	Step          = cni.Step
	Group         = autoscaling.Group
	Message       = sqs.Message
	Invoke        = lambda.Invoke
	Invocation    = lambda.Invocation
	Runtime       = lambda.Runtime
	FunctionError = lambda.FunctionError
)

const (
	Nowhere  = cni.Nowhere
	Created  = cni.Created
	Attached = cni.Attached
	Detached = cni.Detached
)

func NewClock(shift time.Duration) *Clock { return loop.NewClock(shift) }

func ParsePolicy(document []byte) (Policy, error) { return iam.ParsePolicy(document) }

func NewRuntime(arn string, timeout time.Duration) *Runtime { return lambda.NewRuntime(arn, timeout) }

func (r *Region) Now() time.Time { return Look(r, r.Loop.Now) }

func (r *Region) After(d time.Duration, f func()) {
	r.Do(func() { r.Loop.After(d, func() { r.Loop.Outside(f) }) })
}

func (r *Region) Handler() http.Handler { return r.Front }

func (r *Region) Calls() []Call { return slices.Clone(Look(r, r.Front.Calls)) }

func (r *Region) Inject(action string, n int, f Fault) {
	r.Do(func() { r.Front.Inject(action, n, f) })
}

func (r *Region) OnCall(decide func(Call) Fault) { r.Do(func() { r.Front.OnCall(decide) }) }

func (r *Region) Allow(accessKey string, p Policy) { r.Do(func() { r.Front.Allow(accessKey, p) }) }

func (r *Region) RevokeKey(accessKey string) { r.Do(func() { r.Front.RevokeKey(accessKey) }) }

func (r *Region) AddVPC(cidr string) string {
	return Look(r, func() string { return r.EC2.AddVPC(cidr) })
}

func (r *Region) AddSubnet(vpc, cidr, letter string) string {
	return Look(r, func() string { return r.EC2.AddSubnet(vpc, cidr, letter) })
}

func (r *Region) FreeAddresses(subnet string) int {
	return Look(r, func() int { return r.EC2.FreeAddresses(subnet) })
}

func (r *Region) Seed(eni Interface) string {
	return Look(r, func() string { return r.EC2.AddInterface(eni) })
}

func (r *Region) Update(id string, change func(*Interface)) {
	r.Do(func() { r.EC2.UpdateInterface(id, change) })
}

func (r *Region) Interfaces() []Interface { return Look(r, r.EC2.Interfaces) }

func (r *Region) Interface(id string) (eni Interface, ok bool) {
	r.Do(func() { eni, ok = r.EC2.Interface(id) })
	return eni, ok
}

func (r *Region) InterfaceSince(when time.Time, id string) []*Interface {
	return Look(r, func() []*Interface { return r.EC2.InterfaceSince(when, id) })
}

func (r *Region) Leaked() []Interface { return Look(r, r.EC2.Leaked) }

func (r *Region) Deletions() []Deletion { return slices.Clone(Look(r, r.EC2.Deletions)) }

func (r *Region) SeedInstance(i Instance) string {
	return Look(r, func() string { return r.EC2.AddInstance(i) })
}

func (r *Region) Instances() []Instance { return Look(r, r.EC2.Instances) }

func (r *Region) Instance(id string) (i Instance, ok bool) {
	r.Do(func() { i, ok = r.EC2.Instance(id) })
	return i, ok
}

func (r *Region) InstanceSince(when time.Time, id string) []*Instance {
	return Look(r, func() []*Instance { return r.EC2.InstanceSince(when, id) })
}

func (r *Region) SetState(id, state string) { r.Do(func() { r.EC2.SetState(id, state) }) }

func (r *Region) Stop(id string) { r.Do(func() { r.EC2.Stop(id) }) }

func (r *Region) Start(id string) { r.Do(func() { r.EC2.Start(id) }) }

func (r *Region) Terminate(id string) { r.Do(func() { r.Nodes.Terminate(id) }) }

func (r *Region) Launch(n Node) (instance string, err error) {
	r.Do(func() { instance, err = r.Nodes.Launch(n) })
	if err != nil {
		return "", fmt.Errorf("launching a node: %w", err)
	}
	return instance, nil
}

func (r *Region) Allocate(instance string, count int) {
	r.Do(func() { r.Nodes.AllocENI(instance, count) })
}

func (r *Region) GiveBack(instance string) { r.Do(func() { r.Nodes.FreeENI(instance) }) }

func (r *Region) DieAt(instance string, s Step) { r.Do(func() { r.Nodes.CrashAt(instance, s) }) }

func (r *Region) Restart(instance string) { r.Do(func() { r.Nodes.Restart(instance) }) }

func (r *Region) AddGroup(g Group) { r.Do(func() { r.AutoScaling.AddGroup(g) }) }

func (r *Region) ScaleOut(name string, count int) (instances []string, err error) {
	r.Do(func() { instances, err = r.AutoScaling.ScaleOut(name, count) })
	return instances, err
}

func (r *Region) ScaleIn(name string, count int) []string {
	return Look(r, func() []string { return r.AutoScaling.ScaleIn(name, count) })
}

func (r *Region) AddCron(every time.Duration) { r.Do(func() { r.Cleaners.AddCron(every) }) }

func (r *Region) AddResourceController(cluster string) {
	r.Do(func() { r.Cleaners.AddResourceController(cluster) })
}

func (r *Region) SweepHourly(instance string) { r.Do(func() { r.Cleaners.SweepHourly(instance) }) }

// A Queue is entered by each call.
type Queue struct {
	Name        string
	Delay       time.Duration
	Visibility  time.Duration
	Receives    int
	DeadLetters *Queue

	region *Region
	queue  *sqs.Queue
}

func (r *Region) AddQueue(q Queue) *Queue {
	inner := sqs.Queue{Name: q.Name, Delay: q.Delay, Visibility: q.Visibility, Receives: q.Receives}
	if q.DeadLetters != nil {
		inner.DeadLetters = q.DeadLetters.queue
	}
	q.region, q.queue = r, Look(r, func() *sqs.Queue { return r.SQS.AddQueue(inner) })
	return &q
}

func (q *Queue) Send(body string) { q.region.Do(func() { q.queue.Send(body) }) }

func (q *Queue) Messages() []Message { return Look(q.region, q.queue.Messages) }

func (q *Queue) Redrive() { q.region.Do(q.queue.Redrive) }

// A Mapping is one of a Queue of this file.
type Mapping struct {
	Queue       *Queue
	BatchSize   int
	Window      time.Duration
	Concurrency int
	Invoke      Invoke
}

func (r *Region) AddMapping(m Mapping) {
	r.Do(func() {
		r.Lambda.AddMapping(lambda.Mapping{Queue: m.Queue.queue, BatchSize: m.BatchSize, Window: m.Window, Concurrency: m.Concurrency, Invoke: m.Invoke})
	})
}

func (r *Region) AddRule(pattern []byte, queue *Queue) (err error) {
	r.Do(func() { err = r.Bus.AddRule(pattern, queue.queue.Deliver) })
	return err
}

func (r *Region) Emit(event []byte) { r.Do(func() { r.Bus.Emit(event) }) }

func (r *Region) AddSchedule(every time.Duration, f Invoke) {
	r.Do(func() { r.Bus.Every(every, r.Lambda.Target(f)) })
}

func (r *Region) Tick(f Invoke) { r.Do(func() { r.Lambda.Call(f, r.Bus.Tick(), nil) }) }

func (r *Region) Invocations() []Invocation { return slices.Clone(Look(r, r.Lambda.Invocations)) }
