// Package cloudwatch is CloudWatch as far as the alarms of template.yaml need it: the
// lines of a function's log that Lambda keeps, the metrics in them, and alarms as
// deployed. What it does not support is an error that names it. It imports nothing of
// this module. Start at [Metrics] and [Alarm.FirstIn].
package cloudwatch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Metrics are the samples of each metric, by [MetricID].
type Metrics map[string][]Sample

// A Sample is one value of a metric.
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
		if err := json.Unmarshal([]byte(line), &embedded); err != nil {
			return fmt.Errorf("reading the metrics of %s: %w", line, err)
		}
		for _, d := range embedded.AWS.CloudWatchMetrics {
			if err := m.add(time.UnixMilli(embedded.AWS.Timestamp), d, fields); err != nil {
				return fmt.Errorf("reading the metrics of %s: %w", line, err)
			}
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
