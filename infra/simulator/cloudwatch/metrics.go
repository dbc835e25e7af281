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
func Kept(log, least string) ([]string, error) {
	threshold := slices.Index(levels, least)
	if threshold < 0 {
		return nil, fmt.Errorf("log level %q is not one of %v", least, levels)
	}
	var lines []string
	for line := range strings.Lines(log) {
		var fields struct{ Level, Timestamp string }
		level := -1
		if json.Unmarshal([]byte(line), &fields) == nil {
			level = slices.Index(levels, strings.ToUpper(fields.Level))
		}
		if _, err := time.Parse(time.RFC3339, fields.Timestamp); err != nil || level < 0 {
			level = slices.Index(levels, "INFO")
		}
		if level >= threshold {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// A directive is the member _aws of a line in the embedded metric format (Amazon
// CloudWatch User Guide, "Specification: Embedded metric format").
type directive struct {
	Timestamp         int64
	CloudWatchMetrics []struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []struct{ Name, Unit string }
	}
}

// Extract adds the metrics that the lines of a log hold, as CloudWatch Logs does. Other lines are none of its.
func (m Metrics) Extract(lines []string) error {
	for _, line := range lines {
		var fields map[string]json.RawMessage
		if json.Unmarshal([]byte(line), &fields) != nil || fields["_aws"] == nil {
			continue
		}
		if err := m.extract(fields); err != nil {
			return fmt.Errorf("reading the metrics of %s: %w", strings.TrimSpace(line), err)
		}
	}
	return nil
}

func (m Metrics) extract(fields map[string]json.RawMessage) error {
	var d directive
	if err := json.Unmarshal(fields["_aws"], &d); err != nil {
		return fmt.Errorf("_aws: %w", err)
	}
	for _, of := range d.CloudWatchMetrics {
		for _, names := range of.Dimensions {
			dimensions := map[string]string{}
			for _, name := range names {
				var value string
				if err := json.Unmarshal(fields[name], &value); err != nil {
					return fmt.Errorf("dimension %s: %w", name, err)
				}
				dimensions[name] = value
			}
			for _, metric := range of.Metrics {
				var value float64
				if err := json.Unmarshal(fields[metric.Name], &value); err != nil {
					return fmt.Errorf("metric %s: %w", metric.Name, err)
				}
				id := MetricID(of.Namespace, metric.Name, dimensions)
				m[id] = append(m[id], Sample{time.UnixMilli(d.Timestamp), value})
			}
		}
	}
	return nil
}
