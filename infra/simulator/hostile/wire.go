package hostile

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// RoundTrip is a process's way to the world: each call meets what was drawn for it,
// is judged at the moment of its effect, and may be the process's last.
func (p *process) RoundTrip(in *http.Request) (*http.Response, error) {
	h, r := p.history, p.run
	if r == nil || r.killed {
		panic(killed{})
	}
	form, err := formOf(in)
	if err != nil {
		return nil, err
	}
	action, id := form.Get("Action"), form.Get("NetworkInterfaceId")
	r.calls++
	r.dieAt(h, 2*r.calls, "run/killed before a call")
	if action == "DeleteNetworkInterface" {
		h.judgeStart(p, r, id)
	}

	fault := h.draw(r, action, id)
	wait, late := fault.Latency, time.Until(r.deadline)
	fault.Latency = 0
	if wait > 0 {
		timer := time.NewTimer(min(wait, late+time.Second))
		defer timer.Stop()
		select {
		case <-in.Context().Done():
			h.note("%s: %s %s gives up", p.key, action, id)
			r.observe(action, id, 0, "")
			return nil, in.Context().Err()
		case <-timer.C:
		}
	}
	h.judge(p, r, action, id, form)
	before, existed := h.world.Interface(id)
	h.mu.Lock()
	h.pending[p.key] = fault
	h.mu.Unlock()
	answer, err := simulator.Transport{Handler: h.world.Handler()}.RoundTrip(in)
	status := 0
	if err == nil {
		status = answer.StatusCode
	}
	if _, still := h.world.Interface(id); action == "DeleteNetworkInterface" && existed && !still {
		r.released[id] = released{before.Subnet, len(before.Addresses) + 16*len(before.Prefixes), status == http.StatusOK}
	}
	h.note("%s: %s %s -> %d %s %v", p.key, action, id, status, fault.Code, fault.Stale)
	r.observe(action, id, status, codeOf(answer))
	r.dieAt(h, 2*r.calls+1, "run/killed after a call")
	return answer, err
}

// dieAt ends the process if this is its moment.
func (r *run) dieAt(h *History, moment int, how string) {
	if r.killAt == moment {
		r.killed = true
		h.count(how)
		panic(killed{})
	}
}

// observe remembers what the run could not read, and what was throttled.
func (r *run) observe(action, id string, status int, code string) {
	switch action {
	case "DescribeNetworkInterfaces", "DescribeInstances":
		r.unread[action] = status != http.StatusOK
	case "DeleteNetworkInterface":
		r.throttled = ""
		if slices.Contains(throttles, code) {
			r.throttled = id
		}
	}
}

var errorCode = regexp.MustCompile(`<Code>(\w+)`)

// codeOf is an answer's error code. The answer can be read again.
func codeOf(answer *http.Response) string {
	if answer == nil || answer.StatusCode == http.StatusOK {
		return ""
	}
	raw, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(raw))
	if found := errorCode.FindSubmatch(raw); found != nil {
		return string(found[1])
	}
	return ""
}

// formOf reads a request's form and leaves it to be read again.
func formOf(in *http.Request) (url.Values, error) {
	if in.Body == nil {
		return url.Values{}, nil
	}
	raw, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	in.Body = io.NopCloser(strings.NewReader(string(raw)))
	return url.ParseQuery(string(raw))
}
