package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

const topic = "arn:aws:sns:eu-west-1:123456789012:operators"

// troubles are what can go wrong in a region, and the alarms that must then ring, and
// no other: metric lines of real runs, judged by the template's own definitions. Each
// begins after two hours and lasts until the end.
var troubles = []struct {
	name       string
	begin      func(*region)
	parameters map[string]string
	alarms     []string
}{
	{"none", func(*region) {}, nil, nil},
	{"a minute of EC2's errors", func(r *region) {
		r.fail(time.Minute, simulator.Fault{Code: "InternalError", Status: 500}, "Describe", "Delete")
	}, nil, nil},
	{"EC2 does not answer", func(r *region) {
		r.shrink("undrained", 4)
		r.fail(day, simulator.Fault{Code: "Unavailable", Status: 503}, "Describe")
	}, nil, []string{"RunsFailAlarm", "SweepsMissingAlarm", "DeadLetterAlarm"}},
	{"the permission to delete is missing", func(r *region) {
		r.leaks(2, time.Hour)
		r.shrink("undrained", 4)
		r.fail(day, simulator.Fault{Code: "UnauthorizedOperation", Status: 403}, "Delete")
	}, nil, []string{"RunsFailAlarm", "SweepsMissingAlarm", "DeletesFailAlarm", "DeadLetterAlarm"}},
	{"the schedule was disabled", func(r *region) { r.paused = true }, nil, []string{"SweepsMissingAlarm"}},
	{"a message that nobody understands", func(r *region) { r.buffer.Send("who am I?") }, nil, []string{"DeadLetterAlarm"}},
	{"EC2 fails to delete one interface", func(r *region) { r.stick(r.abandoned(time.Hour), "InternalError") }, nil, []string{"DeletesFailAlarm"}},
	{"EC2 never lets one old interface be deleted", func(r *region) { r.stick(r.abandoned(40*time.Hour), "OperationNotPermitted") }, nil, []string{"OldLeaksAlarm"}},
	{"one fails, until it is old", func(r *region) { r.stick(r.abandoned(40*time.Hour), "InternalError") }, nil, []string{"DeletesFailAlarm", "OldLeaksAlarm"}},
	{"an interface whose owner stopped for two days, then ended", func(r *region) { r.abandoned(48 * time.Hour) }, nil, nil},
	{"a dry run beside an old leak", func(r *region) { r.abandoned(40 * time.Hour) }, map[string]string{"DryRun": "true"}, []string{"OldLeaksAlarm"}},
	{"a group loses its drain hook", func(r *region) { r.eachHourLeak(60) }, nil, []string{"LeaksAlarm"}},
	{"one hour of many leaks", func(r *region) { r.leaks(200, time.Hour) }, nil, nil},
	{"an old backlog that is worked off in minutes", func(r *region) { r.leaks(200, 40*time.Hour) }, nil, nil},
}

const day = 24 * time.Hour

// Each alarm rings in the troubles that it is for, and in no other; how soon, the log
// tells (go test -v).
func TestEachAlarmRingsInItsTroubleOnly(t *testing.T) {
	t.Parallel()
	rung := map[string]bool{}
	for _, trouble := range troubles {
		t.Run(trouble.name, func(t *testing.T) {
			parameters := map[string]string{"AlarmTopicArn": topic}
			maps.Copy(parameters, trouble.parameters)
			all := alarms(t, parameters)
			var got []string
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				r := live(t, parameters, 8*time.Hour, func(r *region) { r.world.After(2*time.Hour, func() { trouble.begin(r) }) })
				m := watch(r)
				for _, id := range slices.Sorted(maps.Keys(all)) {
					if at, rings := all[id].rings(t, m, begun, time.Now()); rings {
						got, rung[id] = append(got, id), true
						t.Logf("%s rings %v after the trouble began", id, at.Sub(begun.Add(2*time.Hour)))
						if at.Before(begun.Add(2 * time.Hour)) {
							t.Errorf("%s rang before anything was wrong", id)
						}
					}
				}
			})
			want := slices.Sorted(slices.Values(trouble.alarms))
			if !slices.Equal(got, want) {
				t.Errorf("%q ring, want %q", got, want)
			}
		})
	}
	for id := range alarms(t, map[string]string{"AlarmTopicArn": topic}) {
		if !rung[id] {
			t.Errorf("%s never rang", id)
		}
	}
}

// Alarms cost money: none without somebody to tell. A slow schedule is not missed for
// a quarter of an hour.
func TestAlarmsAreMadeForATopicOnly(t *testing.T) {
	for _, c := range []struct {
		parameters map[string]string
		count      int
	}{
		{nil, 0},
		{map[string]string{"AlarmTopicArn": topic}, 6},
		{map[string]string{"AlarmTopicArn": topic, "ScheduleExpression": "rate(5 minutes)"}, 6},
		{map[string]string{"AlarmTopicArn": topic, "ScheduleExpression": "rate(1 hour)"}, 5},
	} {
		if got := len(alarms(t, c.parameters)); got != c.count {
			t.Errorf("%v makes %d alarms, want %d", c.parameters, got, c.count)
		}
	}
}

// What an alarm says ends with the section that says what to do.
func TestEachAlarmLeadsToItsSection(t *testing.T) {
	headings := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(read(t, "docs/operations.md")), -1) {
		headings[strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")] = true
	}
	for id, a := range alarms(t, map[string]string{"AlarmTopicArn": topic}) {
		_, section, linked := strings.Cut(a.AlarmDescription, "/docs/operations.md#")
		if !linked || !headings[section] {
			t.Errorf("%s leads to the section %q of docs/operations.md, which is not there", id, section)
		}
	}
}

// fail has EC2's calls of some kinds fail for a while.
func (r *region) fail(length time.Duration, fault simulator.Fault, prefixes ...string) {
	end := time.Now().Add(length)
	r.world.OnCall(func(c simulator.Call) simulator.Fault {
		ofKind := slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(c.Action, prefix) })
		if c.Caller == functionKey && c.Service == "ec2" && ofKind && time.Now().Before(end) {
			return fault
		}
		return simulator.Fault{}
	})
}

// stick has EC2 refuse for ever to delete one interface.
func (r *region) stick(id, code string) {
	r.world.OnCall(func(c simulator.Call) simulator.Fault {
		if c.Action == "DeleteNetworkInterface" && c.Form.Get("NetworkInterfaceId") == id {
			return simulator.Fault{Code: code}
		}
		return simulator.Fault{}
	})
}

// abandoned seeds an interface of an age, whose owner is long gone.
func (r *region) abandoned(age time.Duration) string {
	return r.leakOfAge(r.subnets[0], fmt.Sprintf("i-%017x", r.rand.Uint64N(1<<60)), age)
}

func (r *region) leaks(count int, age time.Duration) {
	for range count {
		r.abandoned(age)
	}
}

func (r *region) eachHourLeak(count int) {
	r.each(time.Hour, func() { r.leaks(count, time.Hour) })
}
