package handler

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// metrics writes a run's metrics as one line of JSON on the function's output (Amazon CloudWatch
// User Guide, "Specification: Embedded metric format").
type metrics struct {
	out      io.Writer
	function string // the one dimension: the function's name
}

// namespace holds the metrics of all stacks.
const namespace = "NetworkInterfaceReleaser"

// Each metric costs 0.30 USD a month (Amazon CloudWatch Pricing), so there are few, and zero
// values are omitted. Leaked is always written: its sample count is the number of completed sweeps.
var measured = []struct {
	name, unit string
	value      func(eni.Report) int
	written    func(report eni.Report, completed bool) bool
}{
	{"Released", "Count", func(r eni.Report) int { return r.Released }, forReal},
	{"AddressesReleased", "Count", func(r eni.Report) int { return r.AddressesReleased }, forReal},
	{"Failed", "Count", func(r eni.Report) int { return r.Failed }, func(r eni.Report, _ bool) bool { return r.Failed > 0 }},
	{"Leaked", "Count", func(r eni.Report) int { return r.Leaked }, ofSweep},
	{"OldestLeaked", "Seconds", func(r eni.Report) int { return int(r.OldestLeaked / time.Second) }, func(r eni.Report, completed bool) bool {
		return ofSweep(r, completed) && r.OldestLeaked > 0
	}},
}

func forReal(r eni.Report, _ bool) bool { return !r.DryRun && r.Released > 0 }

// ofSweep omits metrics of failed runs, and of runs over a part of the region.
func ofSweep(r eni.Report, completed bool) bool { return completed && r.Trigger == eni.Schedule }

// write writes the metrics of a run, or no line where it has none.
func (m metrics) write(report eni.Report, completed bool) error {
	type definition struct{ Name, Unit string }
	var definitions []definition
	now := time.Now()
	line := map[string]any{
		"FunctionName": m.function,
		// Lambda drops lines below the log level; one without level and time counts as INFO
		// (AWS Lambda Developer Guide, "Log-level filtering").
		"level":     "FATAL",
		"timestamp": now.UTC().Format(time.RFC3339Nano),
		"message":   "metrics",
	}
	for _, metric := range measured {
		if metric.written(report, completed) {
			definitions = append(definitions, definition{metric.name, metric.unit})
			line[metric.name] = metric.value(report)
		}
	}
	if len(definitions) == 0 {
		return nil
	}
	line["_aws"] = map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": namespace, "Dimensions": [][]string{{"FunctionName"}}, "Metrics": definitions,
		}},
	}
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(m.out, "%s\n", text); err != nil {
		return fmt.Errorf("the metrics could not be written: %w", err)
	}
	return nil
}
