package cloudwatch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func TestLogLevelsKeepLines(t *testing.T) {
	log := strings.Join([]string{
		`{"level":"DEBUG","timestamp":"2026-11-01T00:00:00Z"}`, `{"level":"warn","timestamp":"2026-11-01T00:00:00.5Z"}`,
		`{"level":"ERROR"}`, `{"timestamp":"2026-11-01T00:00:00Z"}`, `panic: plain`, `{"level":"FATAL","timestamp":"2026-11-01T00:00:00Z"}`,
	}, "\n")
	for least, want := range map[string]int{"TRACE": 6, "DEBUG": 6, "INFO": 5, "WARN": 2, "ERROR": 1, "FATAL": 1} {
		if lines, err := Kept(log, least); err != nil || len(lines) != want {
			t.Errorf("at %s %q are kept (%v), want %d", least, lines, err, want)
		}
	}
	if _, err := Kept(log, "LOUD"); err == nil || !strings.Contains(err.Error(), "LOUD") {
		t.Errorf("an unknown level: %v", err)
	}
}

const line = `{"_aws":{"Timestamp":1000,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["F"]],"Metrics":[{"Name":"A"},{"Name":"B","Unit":"Count"}]}]},"F":"f","A":1,"B":2.5}`

func TestMetricsComeFromLines(t *testing.T) {
	m := Metrics{}
	if err := m.Extract([]string{"plain", `{"A": 1}`, line, line}); err != nil {
		t.Fatal(err)
	}
	a, b := MetricID("N", "A", map[string]string{"F": "f"}), MetricID("N", "B", map[string]string{"F": "f"})
	if got := slices.Sorted(maps.Keys(m)); !slices.Equal(got, []string{a, b}) {
		t.Errorf("the lines hold %q", got)
	}
	if want := []Sample{{time.UnixMilli(1000), 2.5}, {time.UnixMilli(1000), 2.5}}; !slices.Equal(m[b], want) {
		t.Errorf("%s has %v, want %v", b, m[b], want)
	}
	for part, named := range map[string]string{`"F":"f",`: "dimension F", `"A":1,`: "metric A", `1000`: "_aws"} {
		if err := m.Extract([]string{strings.Replace(line, part, map[string]string{"1000": `"now"`}[part], 1)}); err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("with a broken %s: %v, want an error that names %s", part, err, named)
		}
	}
}

// resource is an alarm as the template writes it; changes replace properties.
func resource(changes map[string]any) map[string]any {
	properties := map[string]any{
		"Namespace": "N", "MetricName": "A", "Dimensions": []any{map[string]any{"Name": "F", "Value": "f"}}, "Statistic": "Sum", "Period": 60,
		"EvaluationPeriods": 3, "Threshold": "2", "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
	}
	maps.Copy(properties, changes)
	return map[string]any{"Type": "AWS::CloudWatch::Alarm", "Properties": properties}
}

// Samples are one a minute, from the first; -1: none.
func TestAlarmsEvaluateMOfN(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes map[string]any
		values  []float64
		minute  int // of the first ALARM; 0: never
	}{
		{"three of three", nil, []float64{0, 3, 3, 3, 0}, 4},
		{"at the threshold", nil, []float64{2, 2, 2, 2}, 0},
		{"two of three do not suffice", nil, []float64{3, 3, 0, 3, 3}, 0},
		{"two of three suffice", map[string]any{"DatapointsToAlarm": 2}, []float64{0, 3, 0, 3, 0}, 4},
		{"missing is good", nil, []float64{3, 3, -1, 3, 3}, 0},
		{"missing breaches", map[string]any{"TreatMissingData": "breaching"}, []float64{0, -1, -1, -1}, 4},
		{"too few samples", map[string]any{"Statistic": "SampleCount", "Threshold": 1, "ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching"}, []float64{5, 5, 5, -1, -1, -1}, 6},
		{"maximum", map[string]any{"Statistic": "Maximum", "EvaluationPeriods": 1, "Period": 120}, []float64{0, 0, 0, 3, 0, 0}, 4},
		{"sum", map[string]any{"EvaluationPeriods": 1, "Period": 120}, []float64{2, 0, 2, 1, 0, 0}, 4},
	} {
		alarms, err := Alarms(map[string]any{"Alarm": resource(c.changes), "Queue": map[string]any{"Type": "AWS::SQS::Queue"}})
		if err != nil || len(alarms) != 1 {
			t.Fatalf("%s: %d alarms, %v", c.name, len(alarms), err)
		}
		m, a := Metrics{}, alarms["Alarm"]
		for minute, value := range c.values {
			if value >= 0 {
				m[a.Metric()] = append(m[a.Metric()], Sample{start.Add(time.Duration(minute) * time.Minute), value})
			}
		}
		at, in := a.FirstIn(m, start, start.Add(time.Duration(len(c.values))*time.Minute))
		if want := start.Add(time.Duration(c.minute) * time.Minute); in != (c.minute > 0) || in && !at.Equal(want) {
			t.Errorf("%s: ALARM %v at %v, want minute %d", c.name, in, at, c.minute)
		}
	}
}

func TestAnAlarmThatIsNotSupportedIsAnError(t *testing.T) {
	for name, value := range map[string]any{
		"Statistic": "Average", "ComparisonOperator": "LessThanOrEqualToThreshold", "TreatMissingData": "ignore", "ExtendedStatistic": "p99", "Threshold": "many",
		"Period": 0, "EvaluationPeriods": 0, "DatapointsToAlarm": 4,
	} {
		if _, err := Alarms(map[string]any{"Alarm": resource(map[string]any{name: value})}); err == nil || !strings.Contains(err.Error(), fmt.Sprint(value)) && !strings.Contains(err.Error(), name) {
			t.Errorf("%s %v: %v", name, value, err)
		}
	}
}
