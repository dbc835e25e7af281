package eni

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errPort = errors.New("no answer")

// outside is a script for the ports: what they answer, and how they were called.
// The run with real adapters on a real wire is tested in package main.
type outside struct {
	interfaces []Interface
	inSubnets  []Interface // what the subnets' listing says, where it differs
	states     map[string]State
	free       map[string]int
	subnets    []string
	answers    map[string]error // by interface id; "" for all others
	first      *error           // the answer to the first delete, whichever that is
	fail       string           // the port that fails
	vpcs       []string         // of the rule
	slow       time.Duration    // of each delete
	slowRead   time.Duration    // of the states

	called  []string
	deleted []string
}

func (o *outside) call(port string, values []string) error {
	o.called = append(o.called, strings.TrimSpace(port+" "+strings.Join(values, ",")))
	if o.fail == port {
		return errPort
	}
	return nil
}

func (o *outside) Available(context.Context) ([]Interface, error) {
	return o.interfaces, o.call("all", nil)
}

func (o *outside) AvailableInVPCs(_ context.Context, vpcs []string) ([]Interface, error) {
	return o.interfaces, o.call("vpcs", vpcs)
}

func (o *outside) AvailableInSubnets(_ context.Context, subnets []string) ([]Interface, error) {
	if o.inSubnets != nil {
		return o.inSubnets, o.call("subnets", subnets)
	}
	return o.interfaces, o.call("subnets", subnets)
}

func (o *outside) OfInstances(_ context.Context, instances []string) ([]Interface, error) {
	return o.interfaces, o.call("instances", instances)
}

func (o *outside) Visible(_ context.Context, instances []string) (map[string]Instance, error) {
	time.Sleep(o.slowRead)
	return visible(o.states), o.call("states", instances)
}

func (o *outside) FreeAddresses(_ context.Context, subnets []string) (map[string]int, error) {
	return o.free, o.call("free", subnets)
}

func (o *outside) Subnets(_ context.Context, groups []string) ([]string, error) {
	return o.subnets, o.call("groups", groups)
}

func (o *outside) Delete(ctx context.Context, id string, limiter Limiter) (string, error) {
	if err := limiter.Wait(ctx); err != nil {
		return "", err
	}
	time.Sleep(o.slow)
	o.deleted = append(o.deleted, id)
	if o.first != nil && len(o.deleted) == 1 {
		return "", *o.first
	}
	if err, scripted := o.answers[id]; scripted {
		return "", err
	}
	return "request-" + id, o.answers[""]
}

func (o *outside) releaser(log io.Writer) *Releaser {
	seed := rand.Uint64()
	rule := rule
	rule.VPCs = o.vpcs
	return &Releaser{
		Interfaces: o, Instances: o, Subnets: o, Groups: o, Deleter: o,
		Rule: rule, DeletesPerMinute: 60, NewLimiter: newLimiter,
		Log:     slog.New(slog.NewJSONHandler(log, nil)).With("seed", seed),
		Shuffle: rand.New(rand.NewPCG(seed, 0)).Shuffle,
	}
}

// leaks are interfaces of a terminated owner, 10 addresses each.
func leaks(count int) *outside {
	o := &outside{states: map[string]State{dead: Terminated}, free: map[string]int{"subnet-12345678": 3}, answers: map[string]error{}}
	for n := range count {
		i := leaked()
		i.ID = fmt.Sprintf("eni-%d", n)
		o.interfaces = append(o.interfaces, i)
	}
	return o
}

// run runs a job in virtual time with a minute until the deadline.
func run(t *testing.T, o *outside, job Job) (report Report, log string, err error) {
	t.Helper()
	var lines bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		report, err = o.releaser(&lines).Run(ctx, job)
	})
	return report, lines.String(), err
}

var sweep = Job{Trigger: Manual, Scope: Scope{Sweep: true}}

func TestRunReports(t *testing.T) {
	o := leaks(3)
	o.interfaces[1].Managed = true
	o.interfaces[2].Addresses = 32
	report, log, err := run(t, o, sweep)
	if err != nil {
		t.Fatal(err)
	}
	if report.Found != 3 || report.Released != 2 || report.AddressesReleased != 42 || report.Kept[Managed] != 1 || report.FreeAddresses["subnet-12345678"] != 3 {
		t.Errorf("%+v", report)
	}
	for _, id := range o.deleted {
		if !strings.Contains(log, `"msg":"released","seed"`) || !strings.Contains(log, `"interface":"`+id+`"`) || !strings.Contains(log, `"ec2RequestId":"request-`+id) {
			t.Errorf("no audit line of %s in:\n%s", id, log)
		}
	}
}

// A dry run tells all that would be released, at once and without a write.
func TestDryRunWritesNothing(t *testing.T) {
	o := leaks(500)
	report, log, err := run(t, o, Job{Trigger: Manual, DryRun: true, Scope: Scope{Sweep: true}})
	if err != nil || len(o.deleted) != 0 || report.Released != 500 || !report.DryRun {
		t.Errorf("%v, %d deleted, %d would be released", err, len(o.deleted), report.Released)
	}
	if log != "" {
		t.Errorf("audit lines of releases that were none:\n%.500s", log)
	}
}

// Each step of evidence that fails fails the run before any write; what is no
// evidence costs only itself.
func TestUnreadableEvidenceReleasesNothing(t *testing.T) {
	named := Job{Trigger: Event, Scope: Scope{Sweep: true, Instances: []string{dead}, Groups: []string{"asg"}, VPCs: []string{"vpc-12345678"}}}
	for port, evidence := range map[string]bool{
		"all": true, "instances": true, "subnets": true, "vpcs": true, "states": true,
		"groups": false, "free": false,
	} {
		o := leaks(3)
		o.subnets, o.fail = []string{"subnet-12345678"}, port
		report, log, err := run(t, o, named)
		if evidence && (!errors.Is(err, errPort) || !errors.Is(err, ErrEvidenceUnread) || len(o.deleted) != 0) {
			t.Errorf("%s fails: %v, %d deleted", port, err, len(o.deleted))
		}
		if !evidence && (err != nil || report.Released != 3 || !strings.Contains(log, `"level":"WARN"`)) {
			t.Errorf("%s fails: %v, %d released, want a warning only", port, err, report.Released)
		}
	}
}

func TestScope(t *testing.T) {
	for _, c := range []struct {
		name  string
		scope Scope
		vpcs  []string // of the rule
		want  []string
	}{
		{"sweep", Scope{Sweep: true}, nil, []string{"all"}},
		{"sweep of the rule's VPCs", Scope{Sweep: true}, []string{"vpc-1", "vpc-2"}, []string{"vpcs vpc-1,vpc-2"}},
		{"nothing", Scope{}, nil, nil},
		{"empty names", Scope{Instances: []string{""}, Groups: []string{""}, Subnets: []string{""}, VPCs: []string{""}}, nil, nil},
		{"a union, each once", Scope{Instances: []string{"i-2", "i-1", "i-2"}, Groups: []string{"g", "g"}, Subnets: []string{"subnet-9", "subnet-1"}, VPCs: []string{"vpc-1"}}, nil,
			[]string{"groups g", "instances i-1,i-2", "subnets subnet-1,subnet-9", "vpcs vpc-1"}},
	} {
		o := &outside{subnets: []string{"subnet-1"}, vpcs: c.vpcs}
		if _, _, err := run(t, o, Job{Scope: c.scope}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(o.called, c.want) {
			t.Errorf("%s called for %q, want %q", c.name, o.called, c.want)
		}
	}
}

// Of an interface that is listed twice, in one search or in two, the latest word counts.
func TestTheLatestWordCounts(t *testing.T) {
	first := leaks(1).interfaces[0]
	later := first
	later.Attached = true
	for name, lists := range map[string][2][]Interface{
		"in one search":     {{first, later}, {}},
		"in two":            {{first}, {later}},
		"in the two's last": {{first}, {first, later}},
	} {
		o := leaks(0)
		o.interfaces, o.inSubnets = lists[0], lists[1]
		report, _, err := run(t, o, Job{Trigger: Event, Scope: Scope{Instances: []string{dead}, Subnets: []string{"subnet-12345678"}}})
		if err != nil || report.Found != 1 || report.Kept[Attached] != 1 || len(o.deleted) != 0 {
			t.Errorf("%s: %v, %+v, deleted %v", name, err, report, o.deleted)
		}
	}
}

// Only owners of interfaces that no guard keeps are called for, and only ids.
func TestOnlyInstanceIDsAreAskedFor(t *testing.T) {
	o := leaks(3)
	o.interfaces[0].Tags[tagInstance] = "i-*"
	o.interfaces[1].Tags[tagInstance] = other
	o.interfaces[2].Status = "in-use"
	_, _, _ = run(t, o, sweep)
	if !slices.Contains(o.called, "states "+dead+","+other) {
		t.Errorf("called %q", o.called)
	}
}

// Each class of EC2's answers, one of ten deletes.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		answer   error
		outcome  Outcome
		reason   Reason
		released int // of the nine others
	}{
		{fmt.Errorf("wire: %w", ErrGone), Gone, OwnerTerminated, 9},
		{ErrInUse, Kept, Attached, 9},
		{ErrNotPermitted, Kept, NotPermitted, 9},
		{ErrUnauthorized, Failed, OwnerTerminated, 9},
		{errors.New("anything else"), Failed, OwnerTerminated, 9},
		{context.DeadlineExceeded, Failed, OwnerTerminated, 9},
		{ErrThrottled, Deferred, OwnerTerminated, -1},
		{ErrBudgetSpent, Deferred, OwnerTerminated, -1},
	} {
		o := leaks(10)
		o.answers["eni-4"] = c.answer
		report, _, err := run(t, o, sweep)
		if err != nil {
			t.Errorf("%v fails the run: %v", c.answer, err)
		}
		at := slices.Index(o.deleted, "eni-4")
		if c.released < 0 {
			c.released = at // those before; the others are deferred
		}
		line := report.Interfaces[slices.IndexFunc(report.Interfaces, func(l Line) bool { return l.ID == "eni-4" })]
		if line.Outcome != c.outcome || line.Reason != c.reason || report.Released != c.released {
			t.Errorf("%v: %s %s and %d released, want %s %s and %d", c.answer, line.Outcome, line.Reason, report.Released, c.outcome, c.reason, c.released)
		}
		if c.outcome == Deferred && len(o.deleted) != at+1 {
			t.Errorf("%v: %d more deletes", c.answer, len(o.deleted)-at-1)
		}
	}
}

func TestAMissingPermissionFailsTheRun(t *testing.T) {
	for leaked, want := range map[int]int{1: 1, 9: 9, 10: 10, 30: 10} {
		o := leaks(leaked)
		o.answers[""] = ErrUnauthorized
		report, log, err := run(t, o, sweep)
		if !errors.Is(err, ErrPermissionMissing) || len(o.deleted) != want || report.Failed != want || report.Deferred != leaked-want {
			t.Errorf("%d leaks: %v after %d deletes, %+v", leaked, err, len(o.deleted), report)
		}
		if !strings.Contains(log, "ec2:DeleteNetworkInterface") {
			t.Error("the log does not name the permission")
		}
	}
	for _, first := range []error{nil, ErrGone, ErrInUse} { // the first answer shows that the permission is there
		o := leaks(30)
		o.answers[""] = ErrUnauthorized
		o.first = &first
		if report, _, err := run(t, o, sweep); err != nil || report.Failed != 29 || len(o.deleted) != 30 {
			t.Errorf("%v, %+v", err, report)
		}
	}
	o := leaks(5) // a throttle is no refusal: not all were unauthorized
	o.answers[""] = ErrThrottled
	o.first = &ErrUnauthorized
	if report, _, err := run(t, o, sweep); err != nil || report.Failed != 1 || report.Deferred != 4 {
		t.Errorf("%v, %+v", err, report)
	}
}

// The deadline: a slow EC2 leaves time to report, and what was not tried is deferred.
func TestTheDeadlineLeavesTimeToReport(t *testing.T) {
	o := leaks(30)
	o.slow = 7 * time.Second
	report, _, err := run(t, o, sweep)
	if err != nil || report.Released != 8 || report.Deferred != 22 {
		t.Errorf("%v, %+v", err, report) // starts at 0, 7, ..., 49; none at 56
	}
}

// A run whose reading leaves no time to delete says so: it would go on like that. One whose
// first delete started, and was throttled until no turn was left for a retry, had the time.
func TestNoTimeToDeleteIsLogged(t *testing.T) {
	for _, c := range []struct {
		read     time.Duration
		first    error
		released int
		said     bool
	}{{54 * time.Second, nil, 16, false}, {57 * time.Second, nil, 0, true}, {time.Second, ErrBudgetSpent, 0, false}} {
		o := leaks(30)
		o.slowRead = c.read
		if c.first != nil {
			o.first = &c.first
		}
		report, log, err := run(t, o, sweep)
		said := strings.Contains(log, `"level":"WARN","msg":"no time left to delete`)
		if err != nil || report.Released != c.released || report.Deferred != 30-c.released || said != c.said {
			t.Errorf("after %s: %v, %d released, %d deferred, said: %v", c.read, err, report.Released, report.Deferred, said)
		}
	}
}

func TestAReportFitsLambdasAnswer(t *testing.T) {
	v := Verdict{Interface: leaked(), Reason: AgeUnreadable, Instance: dead, State: "shutting-down", created: created{readable: true, age: 1<<63 - 1}}
	v.Subnet, v.Addresses = "subnet-0123456789abcdef0", 9999
	results := slices.Repeat([]Result{{v, Deferred}}, maxLines+5)
	report := newReport(Job{Trigger: Manual}, results, nil)
	text, err := json.Marshal(report)
	if err != nil || len(text) > 6*1000*1000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if report.Found != maxLines+5 || report.InterfacesOmitted != 5 || len(report.Interfaces) != maxLines {
		t.Errorf("found %d, listed %d, omitted %d", report.Found, len(report.Interfaces), report.InterfacesOmitted)
	}
	if text, _ := json.Marshal(newReport(Job{Trigger: Schedule}, results, nil)); bytes.Contains(text, []byte("interfaces")) {
		t.Errorf("a sweep's report has a list: %.200s", text)
	}
	if text, _ := json.Marshal(newReport(Job{Trigger: Manual}, nil, nil)); !bytes.Contains(text, []byte(`"interfaces":[]`)) {
		t.Errorf("a report without its empty list: %s", text)
	}
}
