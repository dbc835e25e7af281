package cloudwatch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// An Alarm is an AWS::CloudWatch::Alarm as deployed.
type Alarm struct {
	Namespace, MetricName, AlarmDescription         string
	Dimensions                                      []struct{ Name, Value string }
	Statistic, ComparisonOperator, TreatMissingData string
	Period, EvaluationPeriods, DatapointsToAlarm    int
	Threshold                                       json.Number
	AlarmActions, OKActions                         []string
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

// Alarms are the alarms among deployed resources, by logical ID.
func Alarms(resources map[string]any) (map[string]Alarm, error) {
	alarms := map[string]Alarm{}
	for id, resource := range resources {
		raw, err := json.Marshal(resource)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		var of struct {
			Type       string
			Properties json.RawMessage
		}
		if err := json.Unmarshal(raw, &of); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		if of.Type != "AWS::CloudWatch::Alarm" {
			continue
		}
		if alarms[id], err = parse(of.Properties); err != nil {
			return nil, fmt.Errorf("alarm %s: %w", id, err)
		}
	}
	return alarms, nil
}

func parse(properties []byte) (a Alarm, err error) {
	decoder := json.NewDecoder(bytes.NewReader(properties))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		return a, fmt.Errorf("a property is not supported: %w", err)
	}
	_, err = a.Threshold.Float64()
	switch {
	case err != nil:
		return a, fmt.Errorf("threshold: %w", err)
	case statistics[a.Statistic] == nil:
		return a, fmt.Errorf("statistic %q is not supported", a.Statistic)
	case comparisons[a.ComparisonOperator] == nil:
		return a, fmt.Errorf("comparison %q is not supported", a.ComparisonOperator)
	case a.TreatMissingData != "breaching" && a.TreatMissingData != "notBreaching":
		return a, fmt.Errorf("missing data treated as %q is not supported", a.TreatMissingData)
	case a.Period <= 0 || a.EvaluationPeriods <= 0 || a.DatapointsToAlarm > a.EvaluationPeriods:
		return a, fmt.Errorf("%d of %d periods of %d s are not supported", a.DatapointsToAlarm, a.EvaluationPeriods, a.Period)
	}
	return a, nil
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

// breaches judges the samples of one period.
func (a Alarm) breaches(values []float64) bool {
	if len(values) == 0 {
		return a.TreatMissingData == "breaching"
	}
	threshold, _ := a.Threshold.Float64() // Alarms read it before
	return comparisons[a.ComparisonOperator](statistics[a.Statistic](values), threshold)
}
