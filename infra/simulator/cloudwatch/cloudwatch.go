// Package cloudwatch is CloudWatch as far as the alarms of template.yaml need it: the
// lines of a function's log that Lambda keeps, the metrics in them, and alarms as
// deployed. What it does not support is an error that names it. It imports nothing of
// this module. Start at [Metrics] and [Alarm.FirstIn].
package cloudwatch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Metrics are the samples of each metric, by [MetricID].
type Metrics map[string][]Sample

type Sample struct {
	At    time.Time
	Value float64
}

// MetricID names a metric by its namespace, name and dimensions.
func MetricID(namespace, name string, dimensions map[string]string) string {
	return fmt.Sprint(namespace, "/", name, dimensions)
}

// levels are the function's log levels, the least first (AWS Lambda Developer Guide, "Log-level filtering").
var levels = []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}

// Kept returns the lines of a log that Lambda keeps at a function's log level. A line
// without a level, or without a time, counts as INFO (AWS Lambda Developer Guide,
// "Log-level filtering").
func Kept(log, least string) (lines []string, err error) {
	threshold := slices.Index(levels, least)
	if threshold < 0 {
		return nil, fmt.Errorf("the simulator does not support the log level %q", least)
	}
	for line := range strings.Lines(log) {
		var fields struct{ Level, Timestamp string }
		unread := json.Unmarshal([]byte(line), &fields)
		level := slices.Index(levels, strings.ToUpper(fields.Level))
		if _, err := time.Parse(time.RFC3339, fields.Timestamp); unread != nil || err != nil || level < 0 {
			level = slices.Index(levels, "INFO")
		}
		if level >= threshold {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// Extract adds the metrics that the lines of a log hold in the embedded metric format, as CloudWatch Logs does
// (Amazon CloudWatch User Guide, "Specification: Embedded metric format"). Other lines are none of its.
func (m Metrics) Extract(lines []string) error {
	for _, line := range lines {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil || fields["_aws"] == nil {
			continue
		}
		var embedded struct {
			AWS struct {
				Timestamp         int64
				CloudWatchMetrics []directive
			} `json:"_aws"`
		}
		err := json.Unmarshal([]byte(line), &embedded)
		for _, d := range embedded.AWS.CloudWatchMetrics {
			err = errors.Join(err, m.add(time.UnixMilli(embedded.AWS.Timestamp), d, fields))
		}
		if err != nil {
			return fmt.Errorf("reading the metrics of %s: %w", line, err)
		}
	}
	return nil
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []struct{ Name string }
}

func (m Metrics) add(at time.Time, d directive, fields map[string]any) error {
	for _, names := range d.Dimensions {
		dimensions := map[string]string{}
		for _, name := range names {
			dimensions[name] = fmt.Sprint(fields[name])
		}
		for _, metric := range d.Metrics {
			value, ok := fields[metric.Name].(float64)
			if !ok || slices.ContainsFunc(names, func(name string) bool { return fields[name] == nil }) {
				return fmt.Errorf("metric %s or one of the dimensions %s is missing", metric.Name, names)
			}
			id := MetricID(d.Namespace, metric.Name, dimensions)
			m[id] = append(m[id], Sample{at, value})
		}
	}
	return nil
}

// An Alarm is an AWS::CloudWatch::Alarm as deployed.
type Alarm struct {
	Namespace, MetricName, AlarmDescription         string
	Dimensions                                      []struct{ Name, Value string }
	Statistic, ComparisonOperator, TreatMissingData string
	Period, EvaluationPeriods, DatapointsToAlarm    int
	Threshold                                       json.Number
	AlarmActions, OKActions                         []string
}

// Alarms are the alarms among deployed resources, by logical ID.
func Alarms(resources map[string]any) (map[string]Alarm, error) {
	alarms := map[string]Alarm{}
	for id, resource := range resources {
		fields, _ := resource.(map[string]any)
		if fields["Type"] != "AWS::CloudWatch::Alarm" {
			continue
		}
		raw, _ := json.Marshal(fields["Properties"]) // what is no JSON is no alarm either
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		var a Alarm
		if err := decoder.Decode(&a); err != nil || !a.supported() {
			return nil, errors.Join(fmt.Errorf("the simulator does not support alarm %s: %s", id, raw), err)
		}
		alarms[id] = a
	}
	return alarms, nil
}

func (a Alarm) supported() bool {
	return slices.Contains([]string{"SampleCount", "Maximum", "Sum"}, a.Statistic) && a.Threshold != "" &&
		slices.Contains([]string{"GreaterThanThreshold", "LessThanThreshold"}, a.ComparisonOperator) &&
		slices.Contains([]string{"breaching", "notBreaching"}, a.TreatMissingData) &&
		a.Period > 0 && a.EvaluationPeriods > 0 && a.DatapointsToAlarm <= a.EvaluationPeriods
}

// Metric is the ID of the metric that an alarm watches.
func (a Alarm) Metric() string {
	dimensions := map[string]string{}
	for _, d := range a.Dimensions {
		dimensions[d.Name] = d.Value
	}
	return MetricID(a.Namespace, a.MetricName, dimensions)
}

// FirstIn returns when an alarm first goes into ALARM between from and to, and whether
// it does. It evaluates at the end of each period: M of the last N periods must breach
// (Amazon CloudWatch User Guide, "Alarm evaluation").
func (a Alarm) FirstIn(m Metrics, from, to time.Time) (time.Time, bool) {
	period := time.Duration(a.Period) * time.Second
	values := map[int64][]float64{} // by the second in which the period begins
	for _, s := range m[a.Metric()] {
		begun := s.At.Truncate(period).Unix()
		values[begun] = append(values[begun], s.Value)
	}
	needed := cmp.Or(a.DatapointsToAlarm, a.EvaluationPeriods)
	for end := from.Truncate(period).Add(time.Duration(a.EvaluationPeriods) * period); !end.After(to); end = end.Add(period) {
		breaching := 0
		for n := range a.EvaluationPeriods {
			if a.breaches(values[end.Add(-time.Duration(n+1)*period).Unix()]) {
				breaching++
			}
		}
		if breaching >= needed {
			return end, true
		}
	}
	return time.Time{}, false
}

func (a Alarm) breaches(values []float64) bool {
	if len(values) == 0 {
		return a.TreatMissingData == "breaching"
	}
	value := float64(len(values))
	switch a.Statistic {
	case "Maximum":
		value = slices.Max(values)
	case "Sum":
		value = 0
		for _, each := range values {
			value += each
		}
	}
	threshold, _ := a.Threshold.Float64() // json has read it before
	return value > threshold && a.ComparisonOperator == "GreaterThanThreshold" || value < threshold && a.ComparisonOperator == "LessThanThreshold"
}
