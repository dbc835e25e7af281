package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// Prices of us-east-1 in USD, and what each account has free every month (the pricing
// pages of AWS Lambda, Amazon SQS, Amazon CloudWatch and Amazon EventBridge; November 2026).
var prices = []struct {
	line string
	unit string
	each float64 // USD a unit
	free float64 // units a month
	of   func(use) float64
}{
	{"Lambda, requests", "runs", 0.20e-6, 1e6, func(u use) float64 { return u.runs }},
	{"Lambda, 128 MB on arm64", "GB-s", 0.0000133334, 400e3, func(u use) float64 { return u.seconds * 0.125 }},
	{"EventBridge Scheduler", "invocations", 1e-6, 14e6, func(u use) float64 { return u.sweeps }},
	{"SQS, polls and messages", "requests", 0.40e-6, 1e6, func(u use) float64 { return u.requests }},
	{"CloudWatch Logs, written", "GB", 0.50, 5, func(u use) float64 { return u.bytes / 1e9 }},
	{"CloudWatch Logs, kept 30 days", "GB", 0.03, 5, func(u use) float64 { return u.bytes / 1e9 }},
	{"metrics", "metric-months", 0.30, 10, func(u use) float64 { return u.metrics }},
	{"alarms", "alarms", 0.10, 10, func(u use) float64 { return u.alarms }},
	{"dashboard", "dashboards", 3, 3, func(u use) float64 { return u.dashboards }},
	{"Logs Insights, the dashboard looked at 100 times", "GB", 0.005, 5, func(u use) float64 { return u.scanned / 1e9 }},
}

// use is what a month of 30 days takes; ofMetrics is the part of bytes that is lines of metrics.
type use struct{ runs, sweeps, seconds, requests, bytes, ofMetrics, metrics, alarms, dashboards, scanned float64 }

const (
	// pollsPerMinute: Lambda polls a quiet queue with five connections, 20 seconds each
	// (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").
	pollsPerMinute = 15
	// platformBytes is what Lambda itself logs of a run: start and report, as JSON (an estimate).
	platformBytes = 900
	// callLatency is how long a call of EC2's takes (an estimate).
	callLatency = 100 * time.Millisecond
)

// namespace holds the metrics of all stacks.
const namespace = "NetworkInterfaceReleaser"

// measure plays a day with alarms and dashboard, and takes it 30 times.
func measure(t *testing.T, prepare func(*region)) (u use) {
	t.Helper()
	parameters := map[string]string{"AlarmTopicArn": topic, "Dashboard": "true"}
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		r := live(t, parameters, day, func(r *region) {
			r.world.OnCall(func(simulator.Call) simulator.Fault { return simulator.Fault{Latency: callLatency} })
			prepare(r)
		})
		u.runs = float64(len(r.world.Invocations()))
		u.sweeps = day.Minutes()
		messages := map[string]bool{}
		for _, invocation := range r.world.Invocations() {
			u.seconds += invocation.End.Sub(invocation.Start).Seconds()
			var batch struct{ Records []struct{ MessageID string } }
			if json.Unmarshal(invocation.Payload, &batch) == nil {
				for _, record := range batch.Records {
					messages[record.MessageID] = true
				}
			}
		}
		u.requests = pollsPerMinute*day.Minutes() + 2.1*float64(len(messages)) // sent, received ten at a time, deleted
		u.bytes = float64(len(r.log.String())) + platformBytes*u.runs
		for line := range strings.Lines(r.log.String()) {
			if strings.Contains(line, `"_aws"`) {
				u.ofMetrics += float64(len(line))
			}
		}
		hours := map[string]bool{}
		for id, samples := range watch(r) {
			for _, s := range samples {
				if strings.HasPrefix(id, namespace) {
					hours[fmt.Sprint(id, s.at.Sub(begun)/time.Hour)] = true
				}
			}
		}
		u.metrics = float64(len(hours)) / 24
	})
	for _, f := range []*float64{&u.runs, &u.sweeps, &u.seconds, &u.requests, &u.bytes, &u.ofMetrics} {
		*f *= 30
	}
	u.alarms, u.dashboards = float64(len(alarms(t, parameters))), 1
	u.scanned = 100 * 5 * u.bytes * 7 / 30 // five queries of the last week
	return u
}

// unwatched is the same use without alarms and dashboard: the function writes no metrics then.
func (u use) unwatched() use {
	u.bytes -= u.ofMetrics
	u.metrics, u.alarms, u.dashboards, u.scanned = 0, 0, 0, 0
	return u
}

// A month's bill of a small and a large user, with all that can be watched and with
// none of it: under 5 USD and under 1, without any free tier.
func TestTheBill(t *testing.T) {
	t.Parallel()
	small := func(*region) {}
	large := func(r *region) {
		r.eachHourLeak(40)
		r.each(time.Hour, func() { // 100,000 nodes a month
			for range 139 {
				r.world.Emit([]byte(strings.ReplaceAll(r.sample("terminate"), events.Instance, fmt.Sprintf("i-%017x", r.rand.Uint64N(1<<60)))))
			}
		})
	}
	watchedSmall, watchedLarge := measure(t, small), measure(t, large)
	columns := []use{watchedSmall, watchedLarge, watchedSmall.unwatched(), watchedLarge.unwatched()}
	total, free := make([]float64, len(columns)), make([]float64, len(columns))
	table := "| | small | large | small, no alarms or dashboard | large, no alarms or dashboard |\n|---|---|---|---|---|\n"
	for _, price := range prices {
		table += "| " + price.line
		for n, u := range columns {
			used := price.of(u)
			total[n] += used * price.each
			free[n] += max(0, used-price.free) * price.each
			table += fmt.Sprintf(" | %.2f (%s %s)", used*price.each, amount(used), price.unit)
		}
		table += " |\n"
	}
	for _, sum := range []struct {
		name   string
		values []float64
	}{{"**together**", total}, {"**with the free tier**", free}} {
		table += "| " + sum.name
		for _, value := range sum.values {
			table += fmt.Sprintf(" | **%.2f**", value)
		}
		table += " |\n"
	}
	t.Logf("\n%s", table)
	for n, most := range []float64{5, 5, 1, 1} {
		if total[n] >= most {
			t.Errorf("column %d costs %.2f USD, want less than %.0f", n+1, total[n], most)
		}
	}
	page := string(read(t, "docs/operations.md"))
	if *update {
		page = regexp.MustCompile(`(?m)^\| \| small (.*\n)+`).ReplaceAllLiteralString(page, table)
		if err := os.WriteFile(filepath.Join(root, "docs", "operations.md"), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sums := regexp.MustCompile(`\*\*together\*\*.*`).FindString(page)
	for n, match := range regexp.MustCompile(`\d+\.\d+`).FindAllString(sums, -1) {
		if value, err := strconv.ParseFloat(match, 64); err != nil || math.Abs(value-total[n]) > 0.03 {
			t.Errorf("docs/operations.md says %s USD, not %.2f; go test ./functions/release -run TheBill -update writes its table anew", match, total[n])
		}
	}
	if strings.Count(sums, "|") != len(total)+1 {
		t.Errorf("docs/operations.md has no such table: %q", sums)
	}
}

func amount(value float64) string {
	switch {
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value == math.Trunc(value):
		return fmt.Sprint(value)
	}
	return fmt.Sprintf("%.2f", value)
}
