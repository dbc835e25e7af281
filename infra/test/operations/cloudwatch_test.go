package operations

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// A sample is one value of a metric.
type sample struct {
	at    time.Time
	value float64
}

// A monitor is CloudWatch: the samples of each metric.
type monitor map[string][]sample

// metricID names a metric: namespace, name, dimensions.
func metricID(namespace, name string, dimensions map[string]string) string {
	return fmt.Sprint(namespace, "/", name, dimensions)
}

// An embedded is a line in the embedded metric format.
type embedded struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
}

// kept are the lines of a log that Lambda keeps at a function's log level. A line
// without a level, or a time of its own, is INFO (AWS Lambda Developer Guide,
// "Log-level filtering").
func kept(log, least string) (lines []string) {
	levels := []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
	for line := range strings.Lines(log) {
		var said struct{ Level, Timestamp string }
		if json.Unmarshal([]byte(line), &said) != nil {
			continue
		}
		level := slices.Index(levels, strings.ToUpper(said.Level))
		if _, err := time.Parse(time.RFC3339, said.Timestamp); err != nil || level < 0 {
			level = slices.Index(levels, "INFO")
		}
		if level >= slices.Index(levels, least) {
			lines = append(lines, line)
		}
	}
	return lines
}

// take takes the metrics out of a log's lines, as CloudWatch Logs does.
func (m monitor) take(t testing.TB, lines []string) {
	t.Helper()
	for _, line := range lines {
		var e embedded
		var values map[string]any
		if json.Unmarshal([]byte(line), &e) != nil || json.Unmarshal([]byte(line), &values) != nil || len(e.AWS.CloudWatchMetrics) == 0 {
			continue
		}
		for _, directive := range e.AWS.CloudWatchMetrics {
			for _, names := range directive.Dimensions {
				dimensions := map[string]string{}
				for _, name := range names {
					dimensions[name] = values[name].(string)
				}
				for _, metric := range directive.Metrics {
					id := metricID(directive.Namespace, metric.Name, dimensions)
					m[id] = append(m[id], sample{time.UnixMilli(e.AWS.Timestamp), values[metric.Name].(float64)})
				}
			}
		}
	}
}

// watch is all that CloudWatch knows of a region in operation.
func watch(s *stack) monitor {
	m := monitor{}
	m.take(s, kept(s.Stdout.String(), "INFO"))
	m[metricID("AWS/Lambda", "Errors", map[string]string{"FunctionName": harness.FunctionName})] = s.errorSamples()
	m[metricID("AWS/SQS", "ApproximateNumberOfMessagesVisible", map[string]string{"QueueName": harness.StackName + "-DeadLetterQueue"})] = s.letters
	return m
}

// statistics are CloudWatch's, of the samples of one period; never of none.
var statistics = map[string]func([]float64) float64{
	"SampleCount": func(v []float64) float64 { return float64(len(v)) },
	"Maximum":     func(v []float64) float64 { return slices.Max(v) },
	"Sum": func(v []float64) (sum float64) {
		for _, value := range v {
			sum += value
		}
		return sum
	},
}

var comparisons = map[string]func(value, threshold float64) bool{
	"GreaterThanThreshold": func(value, threshold float64) bool { return value > threshold },
	"LessThanThreshold":    func(value, threshold float64) bool { return value < threshold },
}

// An alarm is one of the template's, as deployed.
type alarm struct {
	Namespace, MetricName, Statistic, ComparisonOperator, TreatMissingData, AlarmDescription string
	Dimensions                                                                               []struct{ Name, Value string }
	Period, EvaluationPeriods, DatapointsToAlarm                                             int
	Threshold                                                                                json.Number
}

// alarms are those that the template makes with these parameters, by their logical ids.
func alarms(t *testing.T, parameters map[string]string) map[string]alarm {
	t.Helper()
	all := map[string]alarm{}
	for id, resource := range harness.Deployed(t, parameters) {
		if harness.At(t, resource, "Type") != "AWS::CloudWatch::Alarm" {
			continue
		}
		text, err := json.Marshal(harness.At(t, resource, "Properties"))
		if err != nil {
			t.Fatal(err)
		}
		var a alarm
		if err := json.Unmarshal(text, &a); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		all[id] = a
	}
	return all
}

func (a alarm) metric() string {
	dimensions := map[string]string{}
	for _, d := range a.Dimensions {
		dimensions[d.Name] = d.Value
	}
	return metricID(a.Namespace, a.MetricName, dimensions)
}

// rings tells when an alarm first rings between from and to; never, if the second
// result is false. It judges at the end of each period, by M of the last N periods
// (Amazon CloudWatch User Guide, "Alarm evaluation").
func (a alarm) rings(t *testing.T, m monitor, from, to time.Time) (time.Time, bool) {
	t.Helper()
	statistic, compare := statistics[a.Statistic], comparisons[a.ComparisonOperator]
	threshold, err := a.Threshold.Float64()
	if statistic == nil || compare == nil || err != nil || a.TreatMissingData != "breaching" && a.TreatMissingData != "notBreaching" {
		t.Fatalf("the tests do not know an alarm like %+v", a)
	}
	period := time.Duration(a.Period) * time.Second
	values := map[int64][]float64{} // by the second in which the period begins
	for _, s := range m[a.metric()] {
		begun := s.at.Truncate(period).Unix()
		values[begun] = append(values[begun], s.value)
	}
	needed := a.DatapointsToAlarm
	if needed == 0 {
		needed = a.EvaluationPeriods
	}
	for end := from.Truncate(period).Add(time.Duration(a.EvaluationPeriods) * period); !end.After(to); end = end.Add(period) {
		breaching := 0
		for n := range a.EvaluationPeriods {
			some, there := values[end.Add(-time.Duration(n+1)*period).Unix()]
			if there && compare(statistic(some), threshold) || !there && a.TreatMissingData == "breaching" {
				breaching++
			}
		}
		if breaching >= needed {
			return end, true
		}
	}
	return time.Time{}, false
}

// emitted are the metrics that a log's lines hold, by their ids.
func emitted(t *testing.T, log string) []string {
	m := monitor{}
	m.take(t, kept(log, "INFO"))
	return slices.Sorted(maps.Keys(m))
}
