package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// key is how the access keys of the function's processes begin.
const key = "AKIAFUNCTION"

// A process is one execution environment of Lambda's: it makes one run at a time, may
// live from run to run, and dies without notice.
type process struct {
	history  *History
	key      string
	settings Settings
	invoke   simulator.Invoke
	run      *run // that it makes now; nil: none
	retired  bool
	lines    *lines
}

// A run is one invocation, as the world saw it.
type run struct {
	payload    []byte
	random     *rand.Rand // what it meets does not depend on what others meet
	began      time.Time
	deadline   time.Time
	dry        bool
	inspection bool // meets no trouble, takes no time
	killAt     int  // the call before (even) or after (odd) which it dies, twice that; 0: none
	calls      int
	killed     bool
	unread     map[string]bool // evidence whose last read failed
	throttled  string          // the interface whose delete was throttled last
	attempts   []time.Time
	released   map[string]released
}

// released is what the world saw of a delete.
type released struct {
	subnet    string
	addresses int
	answered  bool // the function got to know
}

// killed is what a process dies of.
type killed struct{}

var errKilled = &simulator.FunctionError{Type: "Runtime.ExitError", Message: "the process was killed"}

// timeout is the function's (template.yaml).
const timeout = time.Minute

// lambda invokes the function for its schedule and its queue. Runs that begin in one
// instant are set apart by what they are given, so that a seed is one history.
func (h *History) lambda(ctx context.Context, payload []byte) ([]byte, error) {
	random := h.randomFor(payload)
	time.Sleep(within(random, 0, 100*time.Millisecond))
	p := h.take(h.environment)
	r := &run{payload: payload, random: random}
	if random.Float64() < h.traits.kills && !h.isCalm() {
		r.killAt = 2 + random.IntN(14)
	}
	answer, err := h.perform(ctx, p, r)
	h.noteFate(payload, err)
	if err != nil && ctx.Err() == nil {
		h.judgeFailure(r, err)
	}
	return answer, err
}

func (h *History) randomFor(payload []byte) *rand.Rand {
	sum := fnv.New64()
	_, _ = sum.Write(payload)
	return rand.New(rand.NewPCG(h.Seed^sum.Sum64(), uint64(time.Now().UnixNano())))
}

// perform makes one run on a process.
func (h *History) perform(ctx context.Context, p *process, r *run) (answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r.began = time.Now()
	r.deadline, _ = ctx.Deadline()
	r.dry = r.dry || p.settings.DryRun
	r.unread, r.released = map[string]bool{}, map[string]released{}
	p.run = r
	p.lines.reset()
	h.note("%s begins: %.60s", p.key, r.payload)
	defer func() {
		if cause := recover(); cause == (killed{}) {
			answer, err = nil, errKilled
		} else if cause != nil {
			panic(cause)
		}
		h.note("%s ends: %v", p.key, err)
		if late := time.Since(r.deadline); late > 0 {
			h.violate("%s outlived its deadline by %v", p.key, late)
		}
		h.audit(p, r, err)
		h.release(p, r)
	}()
	return p.invoke(ctx, r.payload)
}

// take gives a free process, or starts one.
func (h *History) take(start func() *process) *process {
	h.mu.Lock()
	defer h.mu.Unlock()
	var free *process
	busy := 1
	for _, p := range h.processes {
		switch {
		case p.run != nil:
			busy++
		case !p.retired && free == nil:
			free = p
		}
	}
	if free == nil {
		free = start()
		h.processes = append(h.processes, free)
	}
	free.run = &run{}
	switch busy {
	case 2:
		h.coverage["run/two at once"]++
	case 3, 4:
		h.coverage["run/three at once"]++
	}
	return free
}

// environment starts a process: a cold start. The history is locked.
func (h *History) environment() *process {
	p := &process{history: h, settings: h.settings, lines: &lines{}}
	p.key = fmt.Sprintf("%s%08d", key, len(h.processes)+1)
	p.invoke = h.function.Start(Environment{
		Settings: p.settings, AccessKey: p.key, Transport: p,
		Log: slog.Handler(p.lines), Random: rand.New(rand.NewPCG(h.Seed, uint64(len(h.processes)+3))),
	})
	return p
}

// release makes a process free, unless it is dead.
func (h *History) release(p *process, r *run) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.run = nil
	if r.killed {
		p.retired = true
	}
}

func (h *History) isCalm() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calm
}

// noteFate counts how often each message of a batch was in a run that failed.
func (h *History) noteFate(payload []byte, err error) {
	var batch struct {
		Records []struct {
			ID         string `json:"messageId"`
			Attributes struct{ ApproximateReceiveCount string }
		}
	}
	if json.Unmarshal(payload, &batch) != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, record := range batch.Records {
		if record.Attributes.ApproximateReceiveCount != "1" {
			h.coverage["message/came again"]++
		}
		if err != nil {
			h.failed[record.ID]++
		}
	}
	var refused *simulator.FunctionError
	if err != nil && !errors.As(err, &refused) {
		h.coverage["run/failed as a whole"]++
	}
}
