package handler

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// form is the form of a line; Lambda's log level does not drop it.
var form = regexp.MustCompile(`"FunctionName":"function",.*"_aws":\{"CloudWatchMetrics":\[\{"Dimensions":\[\["FunctionName"\]\],"Metrics":\[.*\],"Namespace":"NetworkInterfaceReleaser"\}\],"Timestamp":\d{13}\},"level":"FATAL"`)

// A run writes no metric of what it did not read or do.
func TestWhatARunMeasures(t *testing.T) {
	full := eni.Report{Trigger: eni.Schedule, Released: 3, AddressesReleased: 30, Failed: 1, Leaked: 2, OldestLeaked: time.Hour}
	with := func(change func(*eni.Report)) eni.Report {
		r := full
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		report    eni.Report
		completed bool
		want      string
	}{
		"a sweep":                  {full, true, "AddressesReleased=30 Failed=1 Leaked=2 OldestLeaked=3600 Released=3"},
		"one that found nothing":   {eni.Report{Trigger: eni.Schedule}, true, "Leaked=0"},
		"one that failed":          {eni.Report{Trigger: eni.Schedule}, false, ""},
		"one without permission":   {with(func(r *eni.Report) { r.Released = 0 }), false, "Failed=1"},
		"a dry sweep":              {with(func(r *eni.Report) { r.DryRun, r.Failed = true, 0 }), true, "Leaked=2 OldestLeaked=3600"},
		"an event's run":           {with(func(r *eni.Report) { r.Trigger = eni.Event }), true, "AddressesReleased=30 Failed=1 Released=3"},
		"a dry manual run":         {with(func(r *eni.Report) { r.Trigger, r.DryRun, r.Failed = eni.Manual, true, 0 }), true, ""},
		"unknown ages":             {with(func(r *eni.Report) { r.OldestLeaked = 0 }), true, "AddressesReleased=30 Failed=1 Leaked=2 Released=3"},
		"an empty run of an event": {eni.Report{Trigger: eni.Event}, true, ""},
	} {
		var out strings.Builder
		if err := (metrics{&out, "function"}).write(c.report, c.completed); err != nil {
			t.Fatal(err)
		}
		var line map[string]any
		if out.Len() > 0 {
			if err := json.Unmarshal([]byte(out.String()), &line); err != nil || !strings.HasSuffix(out.String(), "}\n") {
				t.Fatalf("%s: %v", out.String(), err)
			}
		}
		var got []string
		if len(line) > 0 && !form.MatchString(out.String()) {
			t.Errorf("a line of another form: %s", out.String())
		}
		for _, metric := range measured {
			if value, written := line[metric.name]; written {
				got = append(got, fmt.Sprintf("%s=%v", metric.name, value))
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s writes %q, want %q", name, got, c.want)
		}
	}
}
