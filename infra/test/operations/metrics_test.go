package operations

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudwatch"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// maxEvent is the most that CloudWatch Logs takes as one event (CloudWatch Logs quotas).
const maxEvent = 1 << 20

// Every line of metrics of six hours with all that can happen is in the embedded metric
// format, small enough, and kept at every log level of the template.
func TestMetricLinesAreValidAtEveryLogLevel(t *testing.T) {
	schema := emfSchema(t)
	all, published := aMorning(t, "false")
	levels := append([]any{"FATAL"}, harness.At(t, harness.Template(t), "Parameters", "LogLevel", "AllowedValues").([]any)...)
	for _, level := range levels {
		lines := 0
		for _, line := range harness.Must(cloudwatch.Kept(all, level.(string)))(t) {
			if len(line) > maxEvent {
				t.Errorf("a line of %d bytes: %.80s", len(line), line)
			}
			if !strings.Contains(line, `"_aws"`) {
				continue
			}
			lines++
			if err := schema.Validate(harness.Must(jsonschema.UnmarshalJSON(strings.NewReader(line)))(t)); err != nil {
				t.Errorf("%s is no embedded metric: %v", line, err)
			}
		}
		if want := strings.Count(all, `"_aws"`); lines != want || lines < 350 {
			t.Errorf("at %s, %d of %d lines of metrics are kept", level, lines, want)
		}
	}
	listed := map[string]bool{}
	_, table, _ := strings.Cut(string(harness.Read(t, "docs/operations.md")), "\n| metric |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, name := range firstGroups("(?m)^\\| `([A-Z]\\w+)` \\|", table) {
		listed[cloudwatch.MetricID(namespace, name, map[string]string{"FunctionName": harness.FunctionName})] = true
	}
	got := map[string]bool{}
	for id := range published {
		if strings.HasPrefix(id, namespace) {
			got[id] = true
		}
	}
	if !maps.Equal(got, listed) {
		t.Errorf("the morning has %v, docs/operations.md %v", got, listed)
	}
}

// emfSchema is testdata/emf.schema.json, and a check that it refuses something.
func emfSchema(t *testing.T) *jsonschema.Schema {
	schema := harness.Must(jsonschema.NewCompiler().Compile(filepath.Join("testdata", "emf.schema.json")))(t)
	for _, wrong := range []string{
		`{}`, `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[]},"FunctionName":"f"}`,
		`{"_aws":{"Timestamp":"now","CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"Released","Unit":"Count"}]}]}}`,
		`{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["FunctionName"]],"Metrics":[{"Name":"Released","Unit":"Pieces"}]}]}}`,
	} {
		if schema.Validate(harness.Must(jsonschema.UnmarshalJSON(strings.NewReader(wrong)))(t)) == nil {
			t.Errorf("the schema takes %s", wrong)
		}
	}
	return schema
}

// Nobody reads them: nothing is written.
func TestNoMetricsWithoutAReader(t *testing.T) {
	harness.Bubble(t, func(t *testing.T) {
		if s := live(t, nil, 2*time.Hour, func(s *stack) { s.leaks(3, time.Hour) }); strings.Contains(s.Stdout.String(), "_aws") {
			t.Error("metrics are written without alarms or dashboard")
		}
	})
}

// A sweep that cannot list says so, and neither its totals nor its metrics read as "no leaks".
func TestAFailedSweepIsNoZero(t *testing.T) {
	harness.Bubble(t, func(t *testing.T) {
		s := live(t, map[string]string{"Dashboard": "true"}, 10*time.Minute, func(s *stack) {
			s.fail(day, api.Fault{Code: "UnauthorizedOperation", Status: 403}, "DescribeNetworkInterfaces")
		})
		if log := s.Stdout.String(); strings.Contains(log, "_aws") || strings.Contains(log, `"found"`) || strings.Count(log, "run failed") < 9 || !strings.Contains(log, `"calls":{"DescribeNetworkInterfaces":1}`) {
			t.Errorf("%.2000s", log)
		}
	})
}
