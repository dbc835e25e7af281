// Package operations holds what an operator sees of the deployed template against a simulated region
// at work: alarms, dashboard, queries, metrics, cost, the first week, the pictures. Start reading at
// alarms_test.go. It may import anything but other tests.
package operations

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

const topic = "arn:aws:sns:eu-west-1:123456789012:operators"

// troubles are what can go wrong in a region, and the alarms that they must raise, and
// no other: metric lines of real runs, judged by the template's own definitions. Each
// begins after two hours and lasts until the end.
var troubles = []struct {
	name       string
	begin      func(*stack)
	parameters map[string]string
	alarms     []string
}{
	{"none", func(*stack) {}, nil, nil},
	{"a minute of EC2's errors", func(s *stack) {
		s.fail(time.Minute, api.Fault{Code: "InternalError", Status: 500}, "Describe", "Delete")
	}, nil, nil},
	{"nine minutes of them", func(s *stack) {
		s.fail(9*time.Minute, api.Fault{Code: "InternalError", Status: 500}, "Describe", "Delete")
	}, nil, nil},
	{"a quarter of an hour of them", func(s *stack) {
		s.fail(15*time.Minute, api.Fault{Code: "InternalError", Status: 500}, "Describe", "Delete")
	}, nil, []string{"RunsFailAlarm", "SweepsMissingAlarm"}},
	{"EC2 does not answer", func(s *stack) {
		s.Shrink("undrained", 4)
		s.fail(day, api.Fault{Code: "Unavailable", Status: 503}, "Describe")
	}, nil, []string{"RunsFailAlarm", "SweepsMissingAlarm", "DeadLetterAlarm"}},
	{"the permission to delete is missing", func(s *stack) {
		s.leaks(12, time.Hour)
		s.Shrink("undrained", 4)
		s.fail(day, api.Fault{Code: "UnauthorizedOperation", Status: 403}, "Delete")
	}, nil, []string{"RunsFailAlarm", "SweepsMissingAlarm", "DeletesFailAlarm", "DeadLetterAlarm"}},
	{"the schedule was disabled", func(s *stack) { s.Deployed.Paused = true }, nil, []string{"SweepsMissingAlarm"}},
	{"a message that nobody understands", func(s *stack) { s.Deployed.Queue.Send("who am I?") }, nil, []string{"DeadLetterAlarm"}},
	{"a dead letter, deleted after six minutes", func(s *stack) {
		s.Deployed.DeadLetters.Send("who am I?")
		s.Loop.After(6*time.Minute, func() { s.Deployed.DeadLetters.Delete(s.Deployed.DeadLetters.Receive(1)[0]) })
	}, nil, []string{"DeadLetterAlarm"}},
	{"EC2 fails to delete one interface", func(s *stack) { s.stick(s.leaked(time.Hour), "InternalError") }, nil, []string{"DeletesFailAlarm"}},
	{"the same, once in five minutes", func(s *stack) { s.stick(s.leaked(time.Hour), "InternalError") }, map[string]string{"ScheduleExpression": "rate(5 minutes)"}, []string{"DeletesFailAlarm"}},
	{"the same, for nine minutes", func(s *stack) {
		s.leaked(time.Hour)
		s.fail(9*time.Minute, api.Fault{Code: "InternalError", Status: 500}, "Delete")
	}, nil, nil},
	{"a service control policy protects one interface", func(s *stack) { s.stick(s.leaked(time.Hour), "UnauthorizedOperation") }, nil, []string{"DeletesFailAlarm"}},
	{"the same, until it is old", func(s *stack) { s.stick(s.leaked(40*time.Hour), "UnauthorizedOperation") }, nil, []string{"DeletesFailAlarm", "OldLeaksAlarm"}},
	{"an interface is tagged keep in other letters", func(s *stack) {
		s.Front.Allow(harness.AccessKey, harness.Must(simulator.FunctionRole(harness.Deployed(s, nil)))(s))
		s.EC2.UpdateInterface(s.leaked(time.Hour), func(i *ec2.Interface) { i.Tags["Network-Interface-Releaser/KEEP"] = "" })
	}, nil, nil},
	{"EC2 never lets one old interface be deleted", func(s *stack) { s.stick(s.leaked(40*time.Hour), "OperationNotPermitted") }, nil, []string{"OldLeaksAlarm"}},
	{"the same, of one that is a day old", func(s *stack) { s.stick(s.leaked(25*time.Hour), "OperationNotPermitted") }, nil, nil},
	{"EC2 does not let an old interface be deleted for an hour", func(s *stack) {
		s.leaked(37 * time.Hour)
		s.fail(time.Hour, api.Fault{Code: "OperationNotPermitted"}, "Delete")
	}, nil, []string{"OldLeaksAlarm"}},
	{"the same, for 50 minutes", func(s *stack) {
		s.leaked(40 * time.Hour)
		s.fail(50*time.Minute, api.Fault{Code: "OperationNotPermitted"}, "Delete")
	}, nil, nil},
	{"one fails, until it is old", func(s *stack) { s.stick(s.leaked(40*time.Hour), "InternalError") }, nil, []string{"DeletesFailAlarm", "OldLeaksAlarm"}},
	{"an interface whose owner stopped for two days, then ended", func(s *stack) { s.leaked(48 * time.Hour) }, nil, nil},
	{"a dry run beside an old leak", func(s *stack) { s.leaked(40 * time.Hour) }, map[string]string{"DryRun": "true"}, []string{"OldLeaksAlarm"}},
	{"a group loses its drain hook", func(s *stack) { s.Every(30*time.Minute, func() { s.leaks(30, time.Hour) }) }, nil, []string{"LeaksAlarm"}},
	{"the same, where so many are usual", func(s *stack) { s.Every(time.Hour, func() { s.leaks(60, time.Hour) }) }, map[string]string{"LeaksPerHour": "100"}, nil},
	{"two hours of many leaks", func(s *stack) { s.leakAt(0, 1) }, nil, nil},
	{"three hours of many leaks among quiet ones", func(s *stack) { s.leakAt(0, 2, 4) }, nil, []string{"LeaksAlarm"}},
	{"one hour of many leaks", func(s *stack) { s.leaks(200, time.Hour) }, nil, nil},
	{"an old backlog that is worked off in minutes", func(s *stack) { s.leaks(200, 40*time.Hour) }, nil, nil},
}

// soonest is how soon each alarm is raised at best.
var soonest = map[string]time.Duration{
	"RunsFailAlarm": 15 * time.Minute, "SweepsMissingAlarm": 15 * time.Minute, "DeadLetterAlarm": 5 * time.Minute,
	"OldLeaksAlarm": time.Hour, "DeletesFailAlarm": 15 * time.Minute, "LeaksAlarm": 4 * time.Hour,
}

// Each alarm is raised by the troubles that it is for, and by no other; how soon, the log
// shows (go test -v).
func TestEachAlarmIsRaisedByItsTroubleOnly(t *testing.T) {
	t.Parallel()
	raised := map[string]time.Duration{}
	for _, trouble := range troubles {
		t.Run(trouble.name, func(t *testing.T) {
			parameters := map[string]string{"AlarmTopicArn": topic}
			maps.Copy(parameters, trouble.parameters)
			all := alarms(t, parameters)
			var got []string
			harness.Bubble(t, func(t *testing.T) {
				begun := time.Now()
				s := live(t, parameters, 8*time.Hour, func(s *stack) { s.Loop.After(2*time.Hour, func() { trouble.begin(s) }) })
				m := watch(s)
				for _, id := range slices.Sorted(maps.Keys(all)) {
					if at, is := all[id].FirstIn(m, begun, time.Now()); is {
						after := at.Sub(begun.Add(2 * time.Hour))
						if best, before := raised[id]; !before || after < best {
							raised[id] = after
						}
						got = append(got, id)
						t.Logf("%s goes into ALARM %v after the trouble began", id, after)
						if at.Before(begun.Add(2 * time.Hour)) {
							t.Errorf("%s goes into ALARM before anything is wrong", id)
						}
					}
				}
			})
			want := slices.Sorted(slices.Values(trouble.alarms))
			if !slices.Equal(got, want) {
				t.Errorf("%q go into ALARM, want %q", got, want)
			}
		})
	}
	for id := range alarms(t, map[string]string{"AlarmTopicArn": topic}) {
		if raised[id] != soonest[id] {
			t.Errorf("%s goes into ALARM after %v, 0 for never; want %v", id, raised[id], soonest[id])
		}
	}
}

// Alarms cost money: none without a topic to notify, which hears of their end, too. The one on missing sweeps is not created
// for a schedule that is slower than its periods.
func TestAlarmsAreMadeForATopicOnly(t *testing.T) {
	if got := alarms(t, nil); len(got) > 0 {
		t.Errorf("%d alarms without a topic", len(got))
	}
	all := alarms(t, map[string]string{"AlarmTopicArn": topic})
	for id, a := range all {
		if want := []string{topic}; !slices.Equal(a.AlarmActions, want) || !slices.Equal(a.OKActions, want) {
			t.Errorf("%s notifies %q, and %q of its end", id, a.AlarmActions, a.OKActions)
		}
	}
	for schedule, missing := range map[string]int{"rate(2 minutes)": 0, "rate(3 minutes)": 0, "rate(5 minutes)": 0, "rate(10 minutes)": 1, "rate(1 hour)": 1} {
		got := alarms(t, map[string]string{"AlarmTopicArn": topic, "ScheduleExpression": schedule})
		if _, sweeps := got["SweepsMissingAlarm"]; len(got) != len(all)-missing || sweeps != (missing == 0) {
			t.Errorf("%d of %d alarms with a sweep at %s", len(got), len(all), schedule)
		}
	}
}

// What an alarm says ends with the section that says what to do.
func TestEachAlarmLeadsToItsSection(t *testing.T) {
	headings := map[string]bool{}
	for _, heading := range firstGroups(`(?m)^#+ (.*)$`, string(harness.Read(t, "docs/operations.md"))) {
		headings[strings.ReplaceAll(strings.ToLower(heading), " ", "-")] = true
	}
	for id, a := range alarms(t, map[string]string{"AlarmTopicArn": topic}) {
		_, section, linked := strings.Cut(a.AlarmDescription, "/docs/operations.md#")
		if !linked || !headings[section] {
			t.Errorf("%s leads to the section %q of docs/operations.md, which is not there, or another alarm's", id, section)
		}
		headings[section] = false
	}
}
