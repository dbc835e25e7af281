package simulation

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/handler"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// Executions are the function on Lambda: its processes and their runs.
type Executions struct {
	*Recorder
	seed      uint64
	template  cloudformation.Template // nil: its processes may do everything
	role      iam.Policy              // of the next process
	faults    *Faults
	checker   *Checker
	settings  model.Settings // of the next process
	timeout   time.Duration
	processes []*process
}

// A Run is one invocation of the function.
type Run struct {
	process    *process
	payload    []byte
	random     *rand.Rand // of its own: what it meets does not depend on other runs
	began      time.Time
	deadline   time.Time
	dry        bool
	inspection bool // meets no faults and takes no time
	killAt     int  // as Faults.killAt draws it
	killed     bool
	cut        bool            // by the end of the simulation
	calls      []Call          // that are over
	last       map[string]Call // of each action
	log        []byte          // JSON, a line each
}

// A process is an execution environment of Lambda's. It makes one run at a time, may
// live from run to run, and is killed without notice.
type process struct {
	*Executions
	key      string
	settings model.Settings
	invoke   lambda.Invoke
	run      *Run // nil: none
	retired  bool
}

// keyPrefix is how the access keys of the function's processes begin.
const keyPrefix = "AKIAFUNCTION"

func ofFunction(caller string) bool { return strings.HasPrefix(caller, keyPrefix) }

// killed is the panic that ends a process.
type killed struct{}

var errKilled = &lambda.FunctionError{Type: "Runtime.ExitError", Message: "the process was killed"}

// separation bounds the delay before a run, which is not part of its time. A delay drawn
// from the payload separates runs that begin at one instant: it keeps a seed one history.
const separation = 100 * time.Millisecond

// Invoke makes a run for the schedule and the queue.
func (e *Executions) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	sum := fnv.New64()
	_, _ = sum.Write(payload)
	r := &Run{payload: payload, random: rand.New(rand.NewPCG(e.seed^sum.Sum64(), uint64(time.Now().UnixNano())))}
	time.Sleep(within(r.random, 0, separation))
	return e.perform(ctx, r)
}

// inspect makes a manual dry run that meets no faults, and has its report checked.
func (e *Executions) inspect() {
	r := &Run{payload: []byte("{}"), dry: true, inspection: true}
	answer, err := e.perform(context.Background(), r)
	e.region.Do(func() { e.checker.checkInspection(r, answer, err) })
}

func (e *Executions) perform(ctx context.Context, r *Run) (answer []byte, err error) {
	limited, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	r.began, r.last = time.Now(), map[string]Call{}
	r.deadline, _ = limited.Deadline()
	e.region.Do(func() { e.begin(r) })
	defer func() {
		if cause := recover(); cause == (killed{}) {
			answer, err = nil, errKilled
		} else if cause != nil {
			panic(cause)
		}
		r.cut = ctx.Err() != nil
		e.region.Do(func() { e.end(r, err) })
	}()
	return r.process.invoke(limited, r.payload)
}

func (e *Executions) begin(r *Run) {
	p := e.take()
	p.run, r.process, r.dry = r, p, r.dry || p.settings.DryRun
	if r.inspection {
		e.count("run/manual")
	} else {
		r.killAt = e.faults.killAt(r.random)
	}
	e.trace("%s begins: %.60s", p.key, r.payload)
}

func (e *Executions) end(r *Run, err error) {
	p := r.process
	e.trace("%s ends: %v", p.key, err)
	if r.killed {
		e.count([]string{"run/killed before a call", "run/killed after a call"}[r.killAt%2])
	}
	e.checker.ended(r, err)
	p.run, p.retired = nil, p.retired || r.killed
}

// take returns a free process, or starts one.
func (e *Executions) take() (free *process) {
	busy := 1
	for _, p := range e.processes {
		switch {
		case p.run != nil:
			busy++
		case !p.retired && free == nil:
			free = p
		}
	}
	if busy > 1 {
		e.count([]string{2: "run/two at once", 3: "run/three at once"}[min(busy, 3)])
	}
	if free == nil {
		free = e.coldStart()
	}
	return free
}

// coldStart starts the function as main does.
func (e *Executions) coldStart() *process {
	number, s := len(e.processes)+1, e.settings
	p := &process{Executions: e, settings: s, key: fmt.Sprintf("%s%08d", keyPrefix, number)}
	h, err := handler.New(handler.Config{
		Environment: map[string]string{
			"ACCOUNT_ID": s.Account, "DRY_RUN": strconv.FormatBool(s.DryRun), "VPC_IDS": strings.Join(s.VPCs, ","), "CLUSTER_NAMES": strings.Join(s.Clusters, ","),
			"RELEASE_UNTAGGED": strconv.FormatBool(s.ReleaseUntagged), "GRACE_PERIOD_MINUTES": strconv.Itoa(int(s.GracePeriod.Minutes())),
			"DELETES_PER_MINUTE": strconv.Itoa(s.DeletesPerMinute), "METRICS": "false",
		},
		AWS: harness.Client(p.key, p), Log: slog.New(slog.NewJSONHandler(p, nil)), Metrics: io.Discard,
		Shuffle: rand.New(rand.NewPCG(e.seed, uint64(number+2))).Shuffle,
	})
	if err != nil {
		panic(err)
	}
	p.invoke = h.Invoke
	if e.template != nil {
		e.region.Front.Allow(p.key, e.role)
	}
	e.processes = append(e.processes, p)
	return p
}

// deploy changes the settings. Every process ends after its run; new ones get the new settings, and what
// the role then permits.
func (e *Executions) deploy(settings model.Settings) {
	e.settings = settings
	if e.template != nil {
		resources, err := e.template.Deploy(map[string]string{"VpcIds": strings.Join(settings.VPCs, ","), "ReleaseUntagged": strconv.FormatBool(settings.ReleaseUntagged)})
		if err != nil {
			panic(err)
		}
		if e.role, err = simulator.FunctionRole(resources); err != nil {
			panic(err)
		}
	}
	for _, p := range e.processes {
		p.retired = true
	}
}

// Write adds a line that a process logs to its run's log.
func (p *process) Write(line []byte) (int, error) {
	if p.run != nil {
		p.run.log = append(p.run.log, line...)
	}
	return len(line), nil
}
