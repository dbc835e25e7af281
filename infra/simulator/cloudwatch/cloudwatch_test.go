package cloudwatch

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLogLevelsKeepLines(t *testing.T) {
	const log = `{"level":"DEBUG","timestamp":"2026-11-01T00:00:00Z"}
{"level":"warn","timestamp":"2026-11-01T00:00:00.5Z"}
{"level":"ERROR"}
{"timestamp":"2026-11-01T00:00:00Z"}
panic: plain
{"level":"FATAL","timestamp":"2026-11-01T00:00:00Z"}
`
	for least, want := range map[string]int{"TRACE": 6, "DEBUG": 6, "INFO": 5, "WARN": 2, "ERROR": 1, "FATAL": 1, "LOUD": 0} {
		if lines, err := Kept(log, least); len(lines) != want || (err != nil) != (least == "LOUD") {
			t.Errorf("at %s %q are kept (%v), want %d", least, lines, err, want)
		}
	}
}

const line = `{"_aws":{"Timestamp":1000,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["F"]],"Metrics":[{"Name":"A"},{"Name":"B","Unit":"Count"}]}]},"F":"f","A":1,"B":2.5}`

func TestMetricsComeFromLines(t *testing.T) {
	m := Metrics{}
	if err := m.Extract([]string{"plain", `{"A": 1}`, line, line}); err != nil {
		t.Fatal(err)
	}
	a, b := MetricID("N", "A", map[string]string{"F": "f"}), MetricID("N", "B", map[string]string{"F": "f"})
	at := time.UnixMilli(1000)
	if want := (Metrics{a: {{at, 1}, {at, 1}}, b: {{at, 2.5}, {at, 2.5}}}); !reflect.DeepEqual(m, want) {
		t.Errorf("the lines hold %v, want %v", m, want)
	}
	for _, part := range []string{`"F":"f",`, `"A":1,`, `"Timestamp":1000,`} {
		if broken := strings.Replace(line, part, `"Timestamp":"",`, 1); m.Extract([]string{broken}) == nil {
			t.Errorf("%s is read", broken)
		}
	}
}

// alarms reads an alarm as the template writes it; changes replace properties.
func alarms(changes map[string]any) (map[string]Alarm, error) {
	properties := map[string]any{
		"Namespace": "N", "MetricName": "A", "Dimensions": []any{map[string]any{"Name": "F", "Value": "f"}}, "Statistic": "Sum", "Period": 60,
		"EvaluationPeriods": 3, "Threshold": "2", "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
	}
	maps.Copy(properties, changes)
	alarm := map[string]any{"Type": "AWS::CloudWatch::Alarm", "Properties": properties}
	return Alarms(map[string]any{"Alarm": alarm, "Queue": map[string]any{"Type": "AWS::SQS::Queue"}})
}

func TestAlarmsEvaluateMOfN(t *testing.T) {
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		changes map[string]any
		values  []float64 // one a minute, from the first; -1: none
		minute  int       // of the first ALARM; 0: never
	}{
		{nil, []float64{0, 3, 3, 3, 0}, 4},
		{nil, []float64{2, 2, 2, 2}, 0},
		{nil, []float64{3, 3, 0, 3, 3}, 0},
		{map[string]any{"DatapointsToAlarm": 2}, []float64{0, 3, 0, 3, 0}, 4},
		{nil, []float64{3, 3, -1, 3, 3}, 0},
		{map[string]any{"TreatMissingData": "breaching"}, []float64{0, -1, -1, -1}, 4},
		{map[string]any{"Statistic": "SampleCount", "Threshold": 1, "ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching"}, []float64{5, 5, 5, -1, -1, -1}, 6},
		{map[string]any{"Statistic": "SampleCount", "Threshold": 1, "ComparisonOperator": "LessThanThreshold"}, []float64{5, 5, 5, 5}, 0},
		{map[string]any{"Statistic": "Maximum", "EvaluationPeriods": 1, "Period": 120}, []float64{0, 0, 0, 3, 0, 0}, 4},
		{map[string]any{"EvaluationPeriods": 1, "Period": 120}, []float64{2, 0, 2, 1, 0, 0}, 4},
	} {
		read, err := alarms(c.changes)
		if err != nil || len(read) != 1 {
			t.Fatalf("%v: %d alarms, %v", c.changes, len(read), err)
		}
		m, a := Metrics{}, read["Alarm"]
		for minute, value := range c.values {
			if value >= 0 {
				m[a.Metric()] = append(m[a.Metric()], Sample{start.Add(time.Duration(minute) * time.Minute), value})
			}
		}
		at, in := a.FirstIn(m, start, start.Add(time.Duration(len(c.values))*time.Minute))
		if want := start.Add(time.Duration(c.minute) * time.Minute); in != (c.minute > 0) || in && !at.Equal(want) {
			t.Errorf("%v of %v: ALARM %v at %v, want minute %d", c.changes, c.values, in, at, c.minute)
		}
	}
}

func TestAnAlarmThatIsNotSupportedIsAnError(t *testing.T) {
	for name, value := range map[string]any{
		"Statistic": "Average", "ComparisonOperator": "LessThanOrEqualToThreshold", "TreatMissingData": "ignore", "ExtendedStatistic": "p99", "Threshold": "many",
		"Period": 0, "EvaluationPeriods": 0, "DatapointsToAlarm": 4,
	} {
		if _, err := alarms(map[string]any{name: value}); err == nil {
			t.Errorf("%s %v is taken", name, value)
		}
	}
}
