package operations

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

const topic = "arn:aws:sns:eu-west-1:123456789012:operators"

// troubles are what can go wrong in a region, and the alarms that must then ring, and
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
	{"EC2 fails to delete one interface", func(s *stack) { s.stick(s.leaked(time.Hour), "InternalError") }, nil, []string{"DeletesFailAlarm"}},
	{"a service control policy protects one interface", func(s *stack) { s.stick(s.leaked(time.Hour), "UnauthorizedOperation") }, nil, []string{"DeletesFailAlarm"}},
	{"the same, until it is old", func(s *stack) { s.stick(s.leaked(40*time.Hour), "UnauthorizedOperation") }, nil, []string{"DeletesFailAlarm", "OldLeaksAlarm"}},
	{"an interface is tagged keep in other letters", func(s *stack) {
		s.Front.Allow(harness.AccessKey, harness.Must(harness.Role(harness.Deployed(s, nil)))(s))
		s.EC2.UpdateInterface(s.leaked(time.Hour), func(i *ec2.Interface) { i.Tags["Network-Interface-Releaser/KEEP"] = "" })
	}, nil, nil},
	{"EC2 never lets one old interface be deleted", func(s *stack) { s.stick(s.leaked(40*time.Hour), "OperationNotPermitted") }, nil, []string{"OldLeaksAlarm"}},
	{"one fails, until it is old", func(s *stack) { s.stick(s.leaked(40*time.Hour), "InternalError") }, nil, []string{"DeletesFailAlarm", "OldLeaksAlarm"}},
	{"an interface whose owner stopped for two days, then ended", func(s *stack) { s.leaked(48 * time.Hour) }, nil, nil},
	{"a dry run beside an old leak", func(s *stack) { s.leaked(40 * time.Hour) }, map[string]string{"DryRun": "true"}, []string{"OldLeaksAlarm"}},
	{"a group loses its drain hook", func(s *stack) { s.Every(time.Hour, func() { s.leaks(60, time.Hour) }) }, nil, []string{"LeaksAlarm"}},
	{"one hour of many leaks", func(s *stack) { s.leaks(200, time.Hour) }, nil, nil},
	{"an old backlog that is worked off in minutes", func(s *stack) { s.leaks(200, 40*time.Hour) }, nil, nil},
}

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
			harness.Bubble(t, func(t *testing.T) {
				begun := time.Now()
				s := live(t, parameters, 8*time.Hour, func(s *stack) { s.Loop.After(2*time.Hour, func() { trouble.begin(s) }) })
				m := watch(s)
				for _, id := range slices.Sorted(maps.Keys(all)) {
					if at, rings := all[id].FirstIn(m, begun, time.Now()); rings {
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
	if got := alarms(t, nil); len(got) > 0 {
		t.Errorf("%d alarms without a topic", len(got))
	}
	for schedule, want := range map[string]int{"rate(1 minute)": 6, "rate(5 minutes)": 6, "rate(1 hour)": 5} {
		if got := alarms(t, map[string]string{"AlarmTopicArn": topic, "ScheduleExpression": schedule}); len(got) != want {
			t.Errorf("%d alarms with a sweep at %s, want %d", len(got), schedule, want)
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
			t.Errorf("%s leads to the section %q of docs/operations.md, which is not there", id, section)
		}
	}
}
