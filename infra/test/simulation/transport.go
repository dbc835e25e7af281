package simulation

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
)

// A Call is a run's call, with what it found and did at the moment of its effect. Status
// and Code are those that the run received; At is zero if the call never reached the region.
type Call struct {
	api.Call
	Started time.Time      // it may wait between that and At
	Target  string         // the interface that it names
	Before  *ec2.Interface // the target before the effect; nil: there was none
	Deleted bool           // the target by the effect
}

func (c Call) isDelete() bool { return c.Action == "DeleteNetworkInterface" }

// isLookUp reports whether a call looks up what EC2 refused to delete: it is no evidence.
func (c Call) isLookUp() bool { return c.Form.Get("Filter.1.Name") == "network-interface-id" }

// RoundTrip takes a process's call to the region. The call meets the fault that was drawn
// for it, and may be the process's last.
func (p *process) RoundTrip(in *http.Request) (*http.Response, error) {
	r := p.run
	if r == nil || r.killed {
		panic(killed{})
	}
	body, _ := io.ReadAll(in.Body)
	in.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	c := Call{Call: api.Call{Action: form.Get("Action"), Form: form}, Started: time.Now(), Target: form.Get("NetworkInterfaceId")}
	moment := 2 * (len(r.calls) + 1)
	r.killIf(moment)
	p.region.Do(func() { c.Fault = p.faults.draw(r, c.Action, c.Target) })
	if wait := min(c.Fault.Latency, time.Until(r.deadline)+time.Second); wait > 0 {
		select {
		case <-in.Context().Done():
			p.region.Do(func() {
				p.trace("%s: %s %s gives up", p.key, c.Action, c.Target)
				p.called(r, c)
			})
			return nil, in.Context().Err()
		case <-time.After(wait):
		}
	}
	c.Fault.Latency = 0
	answer, err := p.send(in, r, c)
	r.killIf(moment + 1)
	return answer, err
}

// send has a call take its effect.
func (p *process) send(in *http.Request, r *Run, c Call) (answer *http.Response, err error) {
	before := 0
	p.region.Do(func() {
		if before, exists := p.region.EC2.Interface(c.Target); exists {
			c.Before = &before
		}
		c.At, before = p.region.Loop.Now(), len(p.region.Front.Calls())
	})
	answer, err = p.region.Transport().RoundTrip(in.WithContext(api.WithFault(in.Context(), c.Fault)))
	p.region.Do(func() {
		for _, made := range p.region.Front.Calls()[before:] {
			if made.Caller == p.key && err == nil {
				c.Status, c.Code = made.Status, made.Code
			}
		}
		_, exists := p.region.EC2.Interface(c.Target)
		c.Deleted = c.isDelete() && c.Before != nil && !exists
		p.trace("%s: %s %s -> %d %s %v", p.key, c.Action, c.Target, c.Status, c.Fault.Code, c.Fault.Stale)
		p.called(r, c)
	})
	return answer, err
}

func (p *process) called(r *Run, c Call) {
	p.checker.called(r, c)
	r.calls = append(r.calls, c)
	if !c.isLookUp() {
		r.last[c.Action] = c
	}
}

// killIf kills the run's process if this is the moment for it.
func (r *Run) killIf(moment int) {
	if r.killAt == moment {
		r.killed = true
		panic(killed{})
	}
}
