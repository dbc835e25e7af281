package simulation

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// Executions are the function on Lambda: its processes and their runs.
type Executions struct {
	seed      uint64
	start     func(Environment) lambda.Invoke
	region    *simulator.Region
	faults    *Faults
	recorder  *Recorder
	observer  Observer
	settings  model.Settings // of the next process
	timeout   time.Duration
	processes []*process
}

// An Observer observes each call of a run, once it is over, and the run's end.
type Observer interface {
	Called(*Run, Call)
	Ended(*Run, error)
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
	cut        bool   // by the end of the simulation
	calls      []Call // that are over
	log        []slog.Record
}

// last returns a run's last call of an action.
func (r *Run) last(action string) (last Call, made bool) {
	for _, c := range slices.Backward(r.calls) {
		if c.Action == action {
			return c, true
		}
	}
	return Call{}, false
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
	r := &Run{payload: payload, random: e.randomFor(payload)}
	time.Sleep(within(r.random, 0, separation))
	return e.perform(ctx, r)
}

// with returns an Invoke that replaces the payload.
func (e *Executions) with(payload []byte) lambda.Invoke {
	return func(ctx context.Context, _ []byte) ([]byte, error) { return e.Invoke(ctx, payload) }
}

// inspect makes a manual dry run that meets no faults.
func (e *Executions) inspect() (r *Run, answer []byte, err error) {
	payload := []byte("{}")
	r = &Run{payload: payload, dry: true, inspection: true, random: e.randomFor(payload)}
	answer, err = e.perform(context.Background(), r)
	return r, answer, err
}

func (e *Executions) randomFor(payload []byte) *rand.Rand {
	sum := fnv.New64()
	_, _ = sum.Write(payload)
	return rand.New(rand.NewPCG(e.seed^sum.Sum64(), uint64(time.Now().UnixNano())))
}

func (e *Executions) perform(ctx context.Context, r *Run) (answer []byte, err error) {
	limited, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	r.began = time.Now()
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
		e.recorder.count("run/manual")
	} else {
		r.killAt = e.faults.killAt(r.random)
	}
	e.recorder.trace("%s begins: %.60s", p.key, r.payload)
}

func (e *Executions) end(r *Run, err error) {
	p := r.process
	e.recorder.trace("%s ends: %v", p.key, err)
	if r.killed {
		e.recorder.count([]string{"run/killed before a call", "run/killed after a call"}[r.killAt%2])
	}
	e.observer.Ended(r, err)
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
	switch busy {
	case 2:
		e.recorder.count("run/two at once")
	case 3, 4:
		e.recorder.count("run/three at once")
	}
	if free == nil {
		free = e.coldStart()
	}
	return free
}

func (e *Executions) coldStart() *process {
	number := len(e.processes) + 1
	p := &process{Executions: e, settings: e.settings, key: fmt.Sprintf("%s%08d", keyPrefix, number)}
	p.invoke = e.start(Environment{
		Settings: p.settings, AccessKey: p.key, Transport: p,
		Log: log{p}, Random: rand.New(rand.NewPCG(e.seed, uint64(number+2))),
	})
	e.processes = append(e.processes, p)
	return p
}

// deploy changes the settings. Every process ends after its run; new ones get the new settings.
func (e *Executions) deploy(settings model.Settings) {
	e.settings = settings
	for _, p := range e.processes {
		p.retired = true
	}
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
