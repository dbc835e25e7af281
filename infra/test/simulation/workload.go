package simulation

import (
	"math/rand/v2"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// A Workload is what happens to clusters while the function runs: nodes come, go and
// crash, and operators interfere.
type Workload struct {
	scenario   Scenario
	rand       *rand.Rand
	region     *simulator.World
	network    network
	triggers   triggers
	faults     *Faults
	executions *Executions
	fixtures   *Fixtures
	recorder   *Recorder
	inspect    func()
	redated    map[string]bool // interfaces whose createdAt is an operator's
}

// An operation is one of those that a workload is made of.
type operation struct {
	name   string
	weight int
	do     func(*Workload)
}

var operations = []operation{
	{"scale out", 12, (*Workload).scaleOut},
	{"scale in", 14, func(w *Workload) { w.region.ScaleIn(w.group(), 1+w.rand.IntN(2)) }},
	{"a lone node", 4, (*Workload).launchStandalone},
	{"allocate", 8, func(w *Workload) { w.region.Allocate(w.node(), 1+w.rand.IntN(2)) }},
	{"give back", 6, func(w *Workload) { w.region.GiveBack(w.node()) }},
	{"die between create and attach", 6, func(w *Workload) { w.crashAllocating(simulator.Created) }},
	{"die between attach and modify", 5, func(w *Workload) { w.crashAllocating(simulator.Attached) }},
	{"die between detach and delete", 6, (*Workload).crashFreeing},
	{"terminate", 6, func(w *Workload) { w.region.Terminate(w.node()) }},
	{"restart the CNI", 5, (*Workload).restart},
	{"hibernate", 5, (*Workload).hibernate},
	{"wake", 4, (*Workload).wakeAny},
	{"an odd interface", 14, func(w *Workload) { w.fixtures.place(pick(w.rand, 0, 1, 1, 1, 1, 2, 2, 3)) }},
	{"tag by hand", 5, (*Workload).tag},
	{"attach by hand", 3, (*Workload).attach},
	{"a stuck interface", 3, (*Workload).makeUndeletable},
	{"a bad message", 3, (*Workload).sendInvalid},
	{"a tick twice", 3, (*Workload).tickTwice},
	{"by hand, dry", 8, func(w *Workload) { w.inspect() }},
	{"by hand, for real", 3, (*Workload).runManually},
	{"redeploy", 3, (*Workload).redeploy},
	{"a spell of trouble", 6, func(w *Workload) { w.faults.startOutage(w.rand) }},
	{"redrive", 1, func(w *Workload) { w.triggers.dead.Redrive() }},
}

// run does the operations, each at its time, up to the first violation.
func (w *Workload) run() {
	end := time.Now().Add(w.scenario.length)
	for _, at := range w.scenario.drawMoments(w.rand) {
		time.Sleep(time.Until(at))
		if w.recorder.Violation() != "" {
			return
		}
		o := pickRow(w.rand, operations, func(o operation) int { return o.weight })
		w.recorder.trace("%s", o.name)
		w.recorder.count("act/" + o.name)
		o.do(w)
	}
	time.Sleep(time.Until(end))
}

func (w *Workload) group() string { return pick(w.rand, w.network.groups...) }

// node returns a running node; "" if there is none.
func (w *Workload) node() string { return w.fixtures.node("running") }

// start adds other cleaners, leaked interfaces and the first nodes.
func (w *Workload) start() {
	if w.scenario.resource {
		w.region.AddResourceController("blue")
	}
	if w.scenario.cron > 0 {
		w.region.AddCron(w.scenario.cron)
	}
	for range w.scenario.backlog {
		w.fixtures.place(0)
	}
	for _, group := range w.network.groups {
		nodes, _ := w.region.ScaleOut(group, w.scenario.nodes)
		w.startPods(nodes...)
	}
}

func (w *Workload) scaleOut() {
	nodes, err := w.region.ScaleOut(w.group(), 1+w.rand.IntN(2))
	w.recorder.trace("launched %v %v", nodes, err)
	w.startPods(nodes...)
}

// startPods has nodes allocate the interfaces that their pods need.
func (w *Workload) startPods(nodes ...string) {
	for _, node := range nodes {
		w.region.Allocate(node, 1+w.rand.IntN(2))
		if w.scenario.sweeps {
			w.region.SweepHourly(node)
		}
	}
}

// launchStandalone launches a node that no group owns, so that no event follows its end.
func (w *Workload) launchStandalone() {
	home := w.network.home(w.rand.IntN(w.scenario.vpcs))
	operator := pick(w.rand, "", "", "eks.amazonaws.com")
	node, err := w.region.Launch(simulator.Node{Subnet: home[0], Operator: operator, Hidden: w.scenario.hidden, CNI: w.scenario.drawCNI(w.rand, home)})
	w.recorder.trace("launched %s %v", node, err)
	if err == nil {
		w.startPods(node)
	}
}

func (w *Workload) crashAllocating(at simulator.Step) {
	node := w.node()
	w.recorder.trace("%s dies at step %d of its next allocation", node, at)
	w.region.DieAt(node, at)
	w.region.Allocate(node, 2)
}

func (w *Workload) crashFreeing() {
	node := w.node()
	w.recorder.trace("%s dies when it gives back", node)
	w.region.DieAt(node, simulator.Detached)
	w.region.GiveBack(node)
}

// allocateFor has a node begin to allocate, with some probability, and waits into that.
func (w *Workload) allocateFor(node string, p float64) {
	if chance(w.rand, p) {
		w.region.Allocate(node, 1)
		time.Sleep(within(w.rand, 0, 4*time.Second))
	}
}

// restart restarts a CNI, mostly during an allocation. Its node keeps running.
func (w *Workload) restart() {
	node := w.node()
	w.allocateFor(node, 0.7)
	w.recorder.trace("%s restarts its CNI", node)
	w.region.Restart(node)
}

// hibernate stops a node, mostly during an allocation, and may wake it at any later time.
func (w *Workload) hibernate() {
	if !w.scenario.hibernate {
		return
	}
	node := w.node()
	w.allocateFor(node, 0.8)
	w.recorder.trace("%s hibernates", node)
	w.region.Stop(node)
	if chance(w.rand, 0.7) {
		run, wait, asleep := chance(w.rand, 0.7), within(w.rand, 0, 30*time.Second), within(w.rand, time.Minute, w.scenario.length)
		if w.scenario.length > 24*time.Hour && chance(w.rand, 0.5) {
			asleep = within(w.rand, 24*time.Hour, 25*time.Hour)
		}
		w.region.After(asleep, func() { w.wake(node, run, wait) })
	}
}

func (w *Workload) wakeAny() {
	if node := w.fixtures.node("stopped"); node != "" {
		w.wake(node, chance(w.rand, 0.7), within(w.rand, 0, 30*time.Second))
	}
}

// wake wakes a node. A run may follow while the node resumes what it had begun.
func (w *Workload) wake(node string, run bool, wait time.Duration) {
	w.recorder.trace("%s wakes", node)
	w.region.Start(node)
	if run {
		w.whenRunning(node, func() { w.region.After(wait, func() { w.region.Tick(w.executions.Invoke) }) })
	}
}

// whenRunning calls f once a booting node runs.
func (w *Workload) whenRunning(node string, f func()) {
	switch i, _ := w.region.Instance(node); i.State {
	case "running":
		f()
	case "pending":
		w.region.After(time.Second, func() { w.whenRunning(node, f) })
	}
}
