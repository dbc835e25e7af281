// Package simulation runs the function in clusters where everything fails: nodes crash
// between any two steps, calls meet faults, other cleaners and operators interfere, and
// the function's process is killed at any call. One seed is one history.
package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
)

// A Simulation is one seed's history of some clusters and of the function beside them.
type Simulation struct {
	*Recorder
	Seed       uint64
	scenario   Scenario
	workload   *Workload
	faults     *Faults
	executions *Executions
	checker    *Checker
}

// account is the function's own: the account number of AWS's own examples.
const account = "123456789012"

// New draws a simulation from a seed. It must be created, and run, in one bubble.
func New(seed uint64, template cloudformation.Template) *Simulation {
	random := rand.New(rand.NewPCG(seed, 1)) // of scenario and workload; the region has its own
	scenario := drawScenario(random)
	region := simulator.New(0, rand.New(rand.NewPCG(seed, 2)), scenario.options)
	s := &Simulation{Seed: seed, scenario: scenario, Recorder: &Recorder{region: region, coverage: Coverage{}}}
	s.faults = &Faults{Recorder: s.Recorder, scenario: scenario, undeletable: map[string]refusal{}}
	s.checker = &Checker{Recorder: s.Recorder, scenario: scenario, faults: s.faults, failed: map[string]int{}}
	s.executions = &Executions{Recorder: s.Recorder, seed: seed, faults: s.faults, checker: s.checker}
	if scenario.role {
		s.executions.template = template
	}
	region.Do(func() { s.setUp(random, template) })
	return s
}

func (s *Simulation) setUp(random *rand.Rand, template cloudformation.Template) {
	network := addNetwork(s.region, s.scenario.vpcs)
	s.executions.deploy(drawSettings(random, network.vpcs))
	network.addGroups(random, s.region, s.scenario)
	s.region.Front.OnCall(s.faults.ofNode)
	resources, err := template.Deploy(nil)
	if err != nil {
		panic("simulation: " + err.Error())
	}
	stack, err := simulator.Deploy(s.region, resources, s.executions.Invoke)
	if err != nil {
		panic("simulation: " + err.Error())
	}
	stack.Interval, s.executions.timeout, s.checker.stack = s.scenario.interval, stack.Timeout, stack
	stack.Timeout += separation
	stack.StateChangeEvents = s.scenario.stateChanges
	stack.Start()
	s.workload = &Workload{
		Fixtures: &Fixtures{Recorder: s.Recorder, rand: random, executions: s.executions, network: network},
		scenario: s.scenario, stack: stack, faults: s.faults, redated: map[string]bool{},
	}
	s.workload.start()
}

// A network is the region's VPCs, of two subnets each, and its groups of nodes.
type network struct{ vpcs, subnets, groups []string }

// home returns the subnets of a VPC.
func (n network) home(vpc int) []string { return n.subnets[2*vpc : 2*vpc+2] }

func addNetwork(region *simulator.Region, vpcs int) (n network) {
	for v := range vpcs {
		vpc := region.EC2.AddVPC(fmt.Sprintf("10.%d.0.0/16", v))
		n.vpcs = append(n.vpcs, vpc)
		for i := range 2 {
			n.subnets = append(n.subnets, region.EC2.AddSubnet(vpc, fmt.Sprintf("10.%d.%d.0/20", v, 16*i), string(rune('a'+i))))
		}
	}
	return n
}

func (n *network) addGroups(r *rand.Rand, region *simulator.Region, s Scenario) {
	for g := range s.groups {
		name, home := fmt.Sprintf("group-%d", g), n.home(r.IntN(s.vpcs))
		version := s.drawCNI(r, home)
		region.AutoScaling.AddGroup(autoscaling.Group{Name: name, Subnets: home[:1+r.IntN(2)], Node: cni.Node{Hidden: s.hidden, CNI: version}})
		n.groups = append(n.groups, name)
	}
}

// Run runs a simulation to its end.
func (s *Simulation) Run() {
	ctx, cancel := context.WithCancel(context.Background())
	var region sync.WaitGroup
	region.Go(func() { s.region.Run(ctx) })
	s.workload.run()
	if simulator.Look(s.region, s.Violation) == "" {
		s.quiesce()
	}
	cancel()
	region.Wait()
	s.count("scenario/" + s.scenario.kind)
	for _, c := range simulator.Look(s.region, s.region.Front.Calls) {
		if c.Action == "DeleteNetworkInterface" && !ofFunction(c.Caller) {
			s.count("deletes of other cleaners")
		}
	}
}

// quiesce ends all faults and checks that the function then catches up.
func (s *Simulation) quiesce() {
	s.region.Do(func() {
		s.faults.quietSince = time.Now()
		s.trace("quiescent")
	})
	settings := s.executions.settings
	s.checker.checkLiveness(settings)
	s.executions.inspect()
	s.region.Do(func() { s.checker.checkEnd(settings, s.workload.redated) })
}

// Story returns the simulation for a reader: its scenario, its last steps and the violation.
// It must be called in the simulation's bubble.
func (s *Simulation) Story() string {
	return fmt.Sprintf("seed %d: %+v\nsettings: %+v\n%s", s.Seed, s.scenario, s.executions.settings, simulator.Look(s.region, s.story))
}

// A Recorder keeps a simulation's steps up to its first violation, and its coverage. Like all
// that the simulation consists of, it works inside the region's loop.
type Recorder struct {
	region    *simulator.Region
	steps     []step
	coverage  Coverage
	violation string
}

// A step is formatted only when it is read.
type step struct {
	at     time.Time
	format string
	args   []any
}

// trace records a step. After a violation it records no more.
func (r *Recorder) trace(format string, args ...any) {
	if r.violation == "" {
		r.steps = append(r.steps, step{r.region.Loop.Now(), format, args})
	}
}

// violate records a violation. The simulation goes on, but only the first one counts.
func (r *Recorder) violate(format string, args ...any) {
	r.trace("VIOLATION: "+format, args...)
	if r.violation == "" {
		r.violation = fmt.Sprintf(format, args...)
	}
}

// Violation returns the first violation; "" if there is none.
func (r *Recorder) Violation() string { return r.violation }

// story returns the last steps, merged with the calls of nodes and other cleaners, a line each.
func (r *Recorder) story() string {
	const most = 120
	steps := slices.Clone(r.steps[max(0, len(r.steps)-most):])
	first, last := steps[0].at, steps[len(steps)-1].at
	for _, c := range r.region.Front.Calls() {
		if !ofFunction(c.Caller) && !c.At.Before(first) && !c.At.After(last) && c.Action != "CreateTags" {
			steps = append(steps, step{c.At, "%s: %s %s %s", []any{c.Caller, c.Action, c.Form.Get("NetworkInterfaceId"), c.Code}})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	var out strings.Builder
	for _, s := range steps[max(0, len(steps)-most):] {
		fmt.Fprintf(&out, "%s  %s\n", s.at.Format("02 15:04:05.000"), fmt.Sprintf(s.format, s.args...))
	}
	return out.String()
}

// Coverage counts what simulations met, by name.
type Coverage map[string]int

// Coverage returns what the simulation met.
func (r *Recorder) Coverage() Coverage { return r.coverage }

func (r *Recorder) count(name string) { r.coverage[name]++ }

// Add adds the counts of another one.
func (c Coverage) Add(other Coverage) {
	for name, count := range other {
		if count > 0 {
			c[name] += count
		}
	}
}
