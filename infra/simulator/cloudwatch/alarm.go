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

// Alarms are the alarms among deployed resources, by logical ID.
func Alarms(resources map[string]any) (map[string]Alarm, error) {
	alarms := map[string]Alarm{}
	for id, resource := range resources {
		fields, _ := resource.(map[string]any)
		if fields["Type"] != "AWS::CloudWatch::Alarm" {
			continue
		}
		raw, err := json.Marshal(fields["Properties"])
		if err != nil {
			return nil, fmt.Errorf("alarm %s: %w", id, err)
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		var a Alarm
		if err := decoder.Decode(&a); err != nil || !a.supported() {
			return nil, fmt.Errorf("the simulator does not support alarm %s: %v %s", id, err, raw)
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

// breaches judges the samples of one period.
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
