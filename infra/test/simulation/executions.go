package simulation

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// Executions are the function on Lambda: its processes and their runs.
type Executions struct {
	seed     uint64
	start    func(Environment) simulator.Invoke
	region   *simulator.World
	faults   *Faults
	recorder *Recorder
	observer Observer

	mu        sync.Mutex
	settings  model.Settings
	processes []*process
}

// An Observer observes every run, its calls and its end.
type Observer interface {
	Started(*Run)
	Called(*Run, Call)
	Ended(*Run, error)
}

// A Run is one invocation of the function.
type Run struct {
	process    string // its access key
	settings   model.Settings
	payload    []byte
	random     *rand.Rand // of its own: what it meets does not depend on other runs
	began      time.Time
	deadline   time.Time
	dry        bool
	inspection bool // meets no faults and takes no time
	killAt     int  // as Faults.killAt draws it
	calls      int
	killed     bool
	cut        bool // by the end of the simulation
	log        []slog.Record
}

// A process is an execution environment of Lambda's. It makes one run at a time, may
// live from run to run, and is killed without notice.
type process struct {
	*Executions
	key      string
	settings model.Settings
	invoke   simulator.Invoke
	run      *Run // nil: none
	retired  bool
}

// keyPrefix is how the access keys of the function's processes begin.
const keyPrefix = "AKIAFUNCTION"

func ofFunction(caller string) bool { return strings.HasPrefix(caller, keyPrefix) }

// killed is the panic that ends a process.
type killed struct{}

var errKilled = &simulator.FunctionError{Type: "Runtime.ExitError", Message: "the process was killed"}

// timeout is the function's (template.yaml).
const timeout = time.Minute

// Invoke makes a run for the schedule and the queue. A delay drawn from the payload
// separates runs that begin at one instant, which keeps a seed one history.
func (e *Executions) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r := &Run{payload: payload, random: e.randomFor(payload)}
	time.Sleep(within(r.random, 0, 100*time.Millisecond))
	p := e.take()
	r.killAt = e.faults.killAt(r.random)
	return e.perform(ctx, p, r)
}

// with returns an Invoke that replaces the payload.
func (e *Executions) with(payload []byte) simulator.Invoke {
	return func(ctx context.Context, _ []byte) ([]byte, error) { return e.Invoke(ctx, payload) }
}

// inspect makes a manual dry run that meets no faults.
func (e *Executions) inspect() (r *Run, answer []byte, err error) {
	e.recorder.count("run/by hand")
	payload := []byte("{}")
	r = &Run{payload: payload, dry: true, inspection: true, random: e.randomFor(payload)}
	answer, err = e.perform(context.Background(), e.take(), r)
	return r, answer, err
}

func (e *Executions) randomFor(payload []byte) *rand.Rand {
	sum := fnv.New64()
	_, _ = sum.Write(payload)
	return rand.New(rand.NewPCG(e.seed^sum.Sum64(), uint64(time.Now().UnixNano())))
}

func (e *Executions) perform(ctx context.Context, p *process, r *Run) (answer []byte, err error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r.process, r.settings, r.dry = p.key, p.settings, r.dry || p.settings.DryRun
	r.began = time.Now()
	r.deadline, _ = limited.Deadline()
	p.begin(r)
	e.recorder.trace("%s begins: %.60s", r.process, r.payload)
	e.observer.Started(r)
	defer func() {
		if cause := recover(); cause == (killed{}) {
			answer, err = nil, errKilled
		} else if cause != nil {
			panic(cause)
		}
		r.cut = ctx.Err() != nil
		e.recorder.trace("%s ends: %v", r.process, err)
		e.observer.Ended(r, err)
		p.end(r)
	}()
	return p.invoke(limited, r.payload)
}

// deploy changes the settings. Every process ends after its run, new ones get the new settings.
func (e *Executions) deploy(settings model.Settings) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settings = settings
	for _, p := range e.processes {
		p.retired = true
	}
}

// Settings returns those last deployed.
func (e *Executions) Settings() model.Settings {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.settings
}

// take returns a free process, or starts one, and reserves it.
func (e *Executions) take() *process {
	e.mu.Lock()
	defer e.mu.Unlock()
	var free *process
	busy := 1
	for _, p := range e.processes {
		switch {
		case p.run != nil:
			busy++
		case !p.retired && free == nil:
			free = p
		}
	}
	if free == nil {
		free = e.coldStart()
		e.processes = append(e.processes, free)
	}
	free.run = &Run{}
	switch busy {
	case 2:
		e.recorder.count("run/two at once")
	case 3, 4:
		e.recorder.count("run/three at once")
	}
	return free
}

// coldStart starts a process. The executions are locked.
func (e *Executions) coldStart() *process {
	number := len(e.processes) + 1
	p := &process{Executions: e, settings: e.settings, key: fmt.Sprintf("%s%08d", keyPrefix, number)}
	p.invoke = e.start(Environment{
		Settings: p.settings, AccessKey: p.key, Transport: p,
		Log: log{p}, Random: rand.New(rand.NewPCG(e.seed, uint64(number+2))),
	})
	return p
}

func (p *process) begin(r *Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run = r
}

// end frees a process, unless it was killed.
func (p *process) end(r *Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run = nil
	p.retired = p.retired || r.killed
}

// A log adds what a process logs to its run.
type log struct{ process *process }

func (l log) Enabled(context.Context, slog.Level) bool { return true }
func (l log) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l log) WithGroup(string) slog.Handler            { return l }

func (l log) Handle(_ context.Context, line slog.Record) error {
	if r := l.process.run; r != nil {
		r.log = append(r.log, line)
	}
	return nil
}
