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
	"strings"
	"sync"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// A Function is what a simulation runs.
type Function struct {
	Pattern []byte // of the EventBridge rule that feeds its queue
	Start   func(Environment) simulator.Invoke
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
	region     *simulator.World
	triggers   triggers
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
	region := simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(seed, 2)), scenario.options)
	s := &Simulation{Seed: seed, scenario: scenario, region: region, Recorder: &Recorder{region: region, coverage: Coverage{}}}
	s.faults = &Faults{scenario: scenario, recorder: s.Recorder, undeletable: map[string]refusal{}, pending: map[string]simulator.Fault{}}
	s.checker = &Checker{scenario: scenario, region: region, faults: s.faults, recorder: s.Recorder, runs: map[*Run]*evidence{}, failed: map[string]int{}}
	s.executions = &Executions{seed: seed, start: f.Start, region: region, faults: s.faults, recorder: s.Recorder, observer: s.checker}

	network := addNetwork(region, scenario)
	s.executions.deploy(drawSettings(random, network.vpcs))
	network.addGroups(random, region, scenario)
	region.OnCall(s.faults.meet)
	s.triggers = addTriggers(region, f.Pattern, scenario.interval, s.executions.Invoke)
	s.workload = &Workload{
		scenario: scenario, rand: random, region: region, network: network, triggers: s.triggers, faults: s.faults, executions: s.executions,
		recorder: s.Recorder, inspect: s.inspect, redated: map[string]bool{},
		fixtures: &Fixtures{rand: random, region: region, executions: s.executions, recorder: s.Recorder, subnets: network.subnets},
	}
	s.workload.start()
	return s
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
	s.count("history/" + s.scenario.kind)
	for _, c := range s.region.Calls() {
		if c.Action == "DeleteNetworkInterface" && (c.Caller == "cron" || c.Caller == "resource-controller" || strings.HasPrefix(c.Caller, "i-")) {
			s.count("neighbour calls")
		}
	}
}

// quiesce ends all faults and checks that the function then catches up.
func (s *Simulation) quiesce() {
	if s.Violation() != "" {
		return
	}
	s.faults.quiesce()
	s.trace("all is calm")
	settings := s.executions.Settings()
	s.checker.checkLiveness(settings)
	if s.Violation() == "" {
		s.inspect()
		s.checker.checkEnd(settings, s.triggers, s.workload.redated)
	}
}

// inspect checks the report of a manual dry run.
func (s *Simulation) inspect() { s.checker.checkInspection(s.executions.inspect()) }

// Story returns the simulation for a reader: its scenario, its last steps and the violation.
// It must be called in the simulation's bubble.
func (s *Simulation) Story() string {
	return fmt.Sprintf("seed %d: %+v\nsettings: %+v\n%s", s.Seed, s.scenario, s.executions.Settings(), s.story())
}
