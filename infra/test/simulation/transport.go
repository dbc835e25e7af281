package simulation

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// A Call is a run's call, with what it found and did at the moment of its effect.
type Call struct {
	simulator.Call           // At is zero if the call never reached the region, Status if no answer came
	Started        time.Time // it may wait between that and At
	Target         string    // the interface that it names
	Before         *simulator.Interface
	Deleted        bool
}

func (c Call) isDelete() bool { return c.Action == "DeleteNetworkInterface" }

// RoundTrip takes a process's call to the region. The call meets the fault that was drawn
// for it, and may be the process's last.
func (p *process) RoundTrip(in *http.Request) (*http.Response, error) {
	r := p.run
	if r == nil || r.killed {
		panic(killed{})
	}
	form, err := formOf(in)
	if err != nil {
		return nil, err
	}
	c := Call{
		Call:    simulator.Call{Caller: p.key, Action: form.Get("Action"), Form: form},
		Started: time.Now(), Target: form.Get("NetworkInterfaceId"),
	}
	r.calls++
	p.killIf(r, 2*r.calls, "run/killed before a call")
	fault := p.faults.draw(r, c.Action, c.Target)
	if !wait(in.Context(), min(fault.Latency, time.Until(r.deadline)+time.Second)) {
		p.recorder.trace("%s: %s %s gives up", p.key, c.Action, c.Target)
		p.observer.Called(r, c)
		return nil, in.Context().Err()
	}
	fault.Latency = 0
	answer, err := p.send(in, &c, fault)
	p.recorder.trace("%s: %s %s -> %d %s %v", p.key, c.Action, c.Target, c.Status, fault.Code, fault.Stale)
	p.observer.Called(r, c)
	p.killIf(r, 2*r.calls+1, "run/killed after a call")
	return answer, err
}

// send has a call take its effect, and completes it with that.
func (p *process) send(in *http.Request, c *Call, fault simulator.Fault) (*http.Response, error) {
	c.At = time.Now()
	before, existed := p.region.Interface(c.Target)
	if existed {
		c.Before = &before
	}
	p.faults.stash(p.key, fault)
	answer, err := simulator.Transport{Handler: p.region.Handler()}.RoundTrip(in)
	if err == nil {
		c.Status, c.Code = answer.StatusCode, codeOf(answer)
	}
	_, exists := p.region.Interface(c.Target)
	c.Deleted = c.isDelete() && existed && !exists
	return answer, err
}

// killIf kills the run's process if this is the moment for it.
func (p *process) killIf(r *Run, moment int, outcome string) {
	if r.killAt == moment {
		r.killed = true
		p.recorder.count(outcome)
		panic(killed{})
	}
}

// wait waits for d, and reports whether ctx has not ended before.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

var errorCode = regexp.MustCompile(`<Code>(\w+)`)

// codeOf returns an answer's error code, and leaves the answer to be read again.
func codeOf(answer *http.Response) string {
	if answer.StatusCode == http.StatusOK {
		return ""
	}
	raw, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(raw))
	if found := errorCode.FindSubmatch(raw); found != nil {
		return string(found[1])
	}
	return ""
}

// formOf returns a request's form, and leaves the request to be read again.
func formOf(in *http.Request) (url.Values, error) {
	if in.Body == nil {
		return url.Values{}, nil
	}
	raw, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	in.Body = io.NopCloser(bytes.NewReader(raw))
	return url.ParseQuery(string(raw))
}
