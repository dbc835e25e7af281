// Package simulation runs the function in clusters where everything fails: nodes crash
// between any two steps, calls meet faults, other cleaners and operators interfere, and
// the function's process is killed at any call. One seed is one history.
package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// A Function is what a simulation runs.
type Function struct {
	Template cloudformation.Resources // deployed
	Start    func(Environment) lambda.Invoke
}

// An Environment is what a process of the function starts with.
type Environment struct {
	Settings  model.Settings
	AccessKey string
	Transport http.RoundTripper // to EC2 and Auto Scaling
	Log       slog.Handler
	Random    *rand.Rand
}

// A Simulation is one seed's history of some clusters and of the function beside them.
type Simulation struct {
	*Recorder
	Seed       uint64
	scenario   Scenario
	region     *simulator.Region
	stack      *simulator.Stack
	workload   *Workload
	faults     *Faults
	executions *Executions
	checker    *Checker
}

// account is the function's own: the account number of AWS's own examples.
const account = "123456789012"

// New draws a simulation from a seed. It must be created, and run, in one testing/synctest bubble.
func New(seed uint64, f Function) *Simulation {
	random := rand.New(rand.NewPCG(seed, 1)) // of scenario and workload; the region has its own
	scenario := drawScenario(random)
	region := simulator.New(loop.NewClock(0), rand.New(rand.NewPCG(seed, 2)), scenario.options)
	s := &Simulation{Seed: seed, scenario: scenario, region: region, Recorder: &Recorder{region: region, coverage: Coverage{}}}
	s.faults = &Faults{scenario: scenario, recorder: s.Recorder, undeletable: map[string]refusal{}}
	s.checker = &Checker{scenario: scenario, region: region, faults: s.faults, recorder: s.Recorder, failed: map[string]int{}}
	s.executions = &Executions{seed: seed, start: f.Start, region: region, faults: s.faults, recorder: s.Recorder, observer: s.checker}
	region.Do(func() { s.setUp(random, f.Template) })
	return s
}

func (s *Simulation) setUp(random *rand.Rand, template cloudformation.Resources) {
	network := addNetwork(s.region, s.scenario)
	s.executions.deploy(drawSettings(random, network.vpcs))
	network.addGroups(random, s.region, s.scenario)
	s.region.Front.OnCall(s.faults.ofNode)
	s.deploy(template)
	s.workload = &Workload{
		scenario: s.scenario, rand: random, region: s.region, network: network, stack: s.stack, faults: s.faults, executions: s.executions,
		recorder: s.Recorder, inspect: s.inspect, redated: map[string]bool{},
		fixtures: &Fixtures{rand: random, region: s.region, executions: s.executions, recorder: s.Recorder, subnets: network.subnets},
	}
	s.workload.start()
}

// Run runs a simulation to its end.
func (s *Simulation) Run() {
	ctx, cancel := context.WithCancel(context.Background())
	var region sync.WaitGroup
	region.Go(func() { s.region.Run(ctx) })
	s.workload.run()
	s.quiesce()
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
	if simulator.Look(s.region, s.Violation) != "" {
		return
	}
	s.region.Do(func() {
		s.faults.quiesce()
		s.trace("quiescent")
	})
	settings := s.executions.settings
	s.checker.checkLiveness(settings)
	s.inspect()
	s.region.Do(func() { s.checker.checkEnd(settings, s.workload.redated) })
}

// inspect makes a manual dry run and checks its report.
func (s *Simulation) inspect() {
	r, answer, err := s.executions.inspect()
	s.region.Do(func() { s.checker.checkInspection(r, answer, err) })
}

// Story returns the simulation for a reader: its scenario, its last steps and the violation.
// It must be called in the simulation's bubble.
func (s *Simulation) Story() string {
	return fmt.Sprintf("seed %d: %+v\nsettings: %+v\n%s", s.Seed, s.scenario, s.executions.settings, simulator.Look(s.region, s.story))
}
