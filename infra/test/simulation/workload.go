package simulation

import (
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// A Workload is what happens to clusters while the function runs: nodes come, go and
// crash, and operators interfere.
type Workload struct {
	*Fixtures
	scenario Scenario
	stack    *simulator.Stack
	faults   *Faults
	redated  map[string]bool // interfaces whose createdAt is an operator's
}

// An operation is one of those that a workload is made of.
type operation struct {
	name   string
	weight int
	do     func(*Workload)
}

// inside runs an operation inside the region's loop, as all do that take no time.
func inside(do func(*Workload)) func(*Workload) {
	return func(w *Workload) { w.region.Do(func() { do(w) }) }
}

var operations = []operation{
	{"scale out", 12, inside((*Workload).scaleOut)},
	{"scale in", 14, inside(func(w *Workload) { w.region.AutoScaling.ScaleIn(w.group(), 1+w.rand.IntN(2)) })},
	{"a standalone node", 4, inside((*Workload).launchStandalone)},
	{"allocate", 8, inside(func(w *Workload) { w.region.Nodes.AllocENI(w.anyNode("running"), 1+w.rand.IntN(2)) })},
	{"free", 6, inside(func(w *Workload) { w.region.Nodes.FreeENI(w.anyNode("running")) })},
	{"crash between create and attach", 6, inside(func(w *Workload) { w.crashAllocating(cni.Created) })},
	{"crash between attach and modify", 5, inside(func(w *Workload) { w.crashAllocating(cni.Attached) })},
	{"crash between detach and delete", 6, inside((*Workload).crashFreeing)},
	{"terminate", 6, inside(func(w *Workload) { w.region.Nodes.Terminate(w.anyNode("running")) })},
	{"restart the CNI", 5, func(w *Workload) { w.duringAllocation(0.7, "restarts its CNI", w.region.Nodes.Restart) }},
	{"hibernate", 5, func(w *Workload) {
		if w.scenario.hibernate {
			w.duringAllocation(0.8, "hibernates", w.hibernate)
		}
	}},
	{"wake", 4, inside((*Workload).wakeAny)},
	{"sleep each night", 3, inside((*Workload).sleepNightly)},
	{"a fixture", 14, inside(func(w *Workload) { w.place(pick(w.rand, 0, 1, 1, 1, 1, 2, 2, 3)) })},
	{"an operator tags", 5, inside((*Workload).tag)},
	{"an operator attaches", 3, inside((*Workload).attach)},
	{"an undeletable interface", 3, inside((*Workload).makeUndeletable)},
	{"an invalid message", 3, inside((*Workload).sendInvalid)},
	{"an extra sweep", 3, inside((*Workload).tickTwice)},
	{"manual, dry", 8, func(w *Workload) { w.executions.inspect() }},
	{"manual, for real", 3, inside((*Workload).runManually)},
	{"redeploy", 3, inside((*Workload).redeploy)},
	{"an outage", 6, inside(func(w *Workload) { w.faults.startOutage(w.rand, pick(w.rand, outages...)) })},
	{"deletes of many are forbidden", 1, inside((*Workload).forbid)},
	{"redrive", 1, inside(func(w *Workload) { w.stack.DeadLetters.Redrive() })},
}

// run does the operations, each at its time, up to the first violation.
func (w *Workload) run() {
	end := time.Now().Add(w.scenario.length)
	for _, at := range w.scenario.drawMoments(w.rand) {
		time.Sleep(time.Until(at))
		if simulator.Look(w.region, w.Violation) != "" {
			return
		}
		o := pickRow(w.rand, operations, func(o operation) int { return o.weight })
		w.region.Do(func() {
			w.trace("%s", o.name)
			w.count("operation/" + o.name)
		})
		o.do(w)
	}
	time.Sleep(time.Until(end))
}

func (w *Workload) group() string { return pick(w.rand, w.network.groups...) }

// tick has the schedule call the function, or another Invoke in its place, at once.
func (w *Workload) tick(f lambda.Invoke) { w.region.Lambda.Call(f, w.region.Bus.Tick(), nil) }

// start adds other cleaners, leaked interfaces and the first nodes.
func (w *Workload) start() {
	if w.scenario.resourceController {
		w.region.Cleaners.AddResourceController("blue")
	}
	if w.scenario.cron > 0 {
		w.region.Cleaners.AddCron(w.scenario.cron)
	}
	for range w.scenario.backlog {
		w.place(0)
	}
	for _, group := range w.network.groups {
		nodes, _ := w.region.AutoScaling.ScaleOut(group, w.scenario.nodes)
		w.startPods(nodes...)
	}
}

func (w *Workload) scaleOut() {
	nodes, err := w.region.AutoScaling.ScaleOut(w.group(), 1+w.rand.IntN(2))
	w.trace("launched %v %v", nodes, err)
	w.startPods(nodes...)
}

// startPods has nodes allocate the interfaces that their pods need.
func (w *Workload) startPods(nodes ...string) {
	for _, node := range nodes {
		w.region.Nodes.AllocENI(node, 1+w.rand.IntN(2))
		if w.scenario.ipamdSweeps {
			w.region.Cleaners.SweepHourly(node)
		}
	}
}

// launchStandalone launches a node that no group owns, so that no event follows its end.
func (w *Workload) launchStandalone() {
	home := w.network.home(w.rand.IntN(w.scenario.vpcs))
	operator := pick(w.rand, "", "", "eks.amazonaws.com")
	node, err := w.region.Nodes.Launch(cni.Node{Subnet: home[0], Operator: operator, Hidden: w.scenario.hidden, CNI: w.scenario.drawCNI(w.rand, home)})
	if err != nil {
		w.trace("launching a standalone node: %v", err)
		return
	}
	w.trace("launched the standalone node %s", node)
	w.startPods(node)
}

func (w *Workload) crashAllocating(at cni.Step) {
	node := w.anyNode("running")
	w.trace("%s crashes at step %d of its next allocation", node, at)
	w.region.Nodes.CrashAt(node, at)
	w.region.Nodes.AllocENI(node, 2)
}

func (w *Workload) crashFreeing() {
	node := w.anyNode("running")
	w.trace("%s crashes when it frees an interface", node)
	w.region.Nodes.CrashAt(node, cni.Detached)
	w.region.Nodes.FreeENI(node)
}

// duringAllocation calls do, inside, with a node that allocates with some probability.
func (w *Workload) duringAllocation(p float64, story string, do func(node string)) {
	var node string
	var passed time.Duration
	w.region.Do(func() {
		if node = w.anyNode("running"); chance(w.rand, p) {
			w.region.Nodes.AllocENI(node, 1)
			passed = within(w.rand, 0, 4*time.Second)
		}
	})
	time.Sleep(passed)
	w.region.Do(func() {
		w.trace("%s %s", node, story)
		do(node)
	})
}

// hibernate stops a node, and may wake it at any later time.
func (w *Workload) hibernate(node string) {
	w.region.EC2.Stop(node)
	if chance(w.rand, 0.7) {
		run, wait, asleep := chance(w.rand, 0.7), within(w.rand, 0, 30*time.Second), within(w.rand, time.Minute, w.scenario.length)
		if w.scenario.length > 24*time.Hour && chance(w.rand, 0.5) {
			asleep = within(w.rand, 24*time.Hour, 25*time.Hour)
		}
		w.region.Loop.After(asleep, func() { w.wake(node, run, wait) })
	}
}

// sleepNightly has a node with an old leak run for a part of each day only.
func (w *Workload) sleepNightly() {
	node, awake := w.anyNode("running"), within(w.rand, 5*time.Minute, 20*time.Hour)
	if node == "" || !w.scenario.hibernate {
		return
	}
	w.trace("%s runs for %v of each day", node, awake)
	w.addLeak(node, within(w.rand, 20*time.Hour, 200*time.Hour))
	var night func()
	night = func() {
		w.region.EC2.Stop(node)
		w.region.Loop.After(24*time.Hour-awake, func() {
			w.wake(node, chance(w.rand, 0.3), within(w.rand, 0, time.Hour))
			w.region.Loop.After(awake, night)
		})
	}
	w.region.Loop.After(within(w.rand, 0, time.Minute), night)
}

// forbid leaves more than ten leaks while no delete is permitted.
func (w *Workload) forbid() {
	w.faults.startOutage(w.rand, forbidden)
	owner := w.region.EC2.AddInstance(ec2.Instance{Subnet: w.network.subnets[0], State: "terminated"})
	for range 12 {
		w.addLeak(owner, time.Hour)
	}
}

func (w *Workload) addLeak(owner string, age time.Duration) {
	w.region.EC2.AddInterface(ec2.Interface{
		Subnet: pick(w.rand, w.network.subnets...), Description: model.Description + owner, LeakedAt: w.region.Loop.Now(),
		Tags: map[string]string{model.TagInstance: owner, model.TagCreatedAt: w.region.Loop.Now().Add(-age).Format(time.RFC3339)},
	})
}

func (w *Workload) wakeAny() {
	if node := w.anyNode("stopped"); node != "" {
		w.wake(node, chance(w.rand, 0.7), within(w.rand, 0, 30*time.Second))
	}
}

// wake wakes a node. A run may follow while the node resumes what it had begun.
func (w *Workload) wake(node string, run bool, wait time.Duration) {
	w.trace("%s wakes", node)
	w.region.EC2.Start(node)
	if run {
		w.whenRunning(node, func() { w.region.Loop.After(wait, func() { w.tick(w.executions.Invoke) }) })
	}
}

// whenRunning calls f once a booting node runs.
func (w *Workload) whenRunning(node string, f func()) {
	switch i, _ := w.region.EC2.Instance(node); i.State {
	case "running":
		f()
	case "pending":
		w.region.Loop.After(time.Second, func() { w.whenRunning(node, f) })
	}
}
