package operations

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// prices are those of us-east-1 in USD, and what each account has free every month (the pricing
// pages of AWS Lambda, Amazon SQS, Amazon CloudWatch and Amazon EventBridge; November 2026); most
// is what a small and a large user may take.
var prices = []struct {
	line, unit string
	each, free float64 // USD a unit, units a month
	of         func(use) float64
	most       [2]float64 // units a month
}{
	{"Lambda, requests", "runs", 0.20e-6, 1e6, func(u use) float64 { return u.runs }, [2]float64{44e3, 45e3}},
	{"Lambda, 128 MB on arm64", "GB-s", 0.0000133334, 400e3, func(u use) float64 { return u.seconds * 0.125 }, [2]float64{650, 3e3}},
	{"EventBridge Scheduler", "invocations", 1e-6, 14e6, func(u use) float64 { return u.sweeps }, [2]float64{43200, 43200}},
	{"SQS, polls and messages", "requests", 0.40e-6, 1e6, func(u use) float64 { return u.requests }, [2]float64{700e3, 900e3}},
	{"CloudWatch Logs, written", "GB", 0.50, 5, func(u use) float64 { return u.bytes / 1e9 }, [2]float64{0.08, 0.1}},
	{"CloudWatch Logs, kept 30 days", "GB", 0.03, 5, func(u use) float64 { return u.bytes / 1e9 }, [2]float64{0.08, 0.1}},
	{"metrics", "metric-months", 0.30, 10, func(u use) float64 { return u.metrics }, [2]float64{1.5, 3.2}},
	{"alarms", "alarms", 0.10, 10, func(u use) float64 { return u.alarms }, [2]float64{6, 6}},
	{"dashboard", "dashboards", 3, 3, func(u use) float64 { return u.dashboards }, [2]float64{1, 1}},
	{"Logs Insights, the dashboard looked at 100 times", "GB", 0.005, 5, func(u use) float64 { return u.scanned / 1e9 }, [2]float64{8.5, 10}},
}

// use is what a month of 30 days takes; ofMetrics is the part of bytes that is lines of metrics.
type use struct{ runs, sweeps, seconds, requests, bytes, ofMetrics, metrics, alarms, dashboards, scanned float64 }

const (
	// pollsPerMinute: Lambda polls a quiet queue with five connections, 20 seconds each
	// (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").
	pollsPerMinute = 15
	// platformBytes is what Lambda itself logs of a run: start and report, as JSON (an estimate).
	platformBytes = 900
)

// namespace holds the metrics of all stacks.
const namespace = "NetworkInterfaceReleaser"

// measure plays a day with alarms and dashboard, and takes it 30 times.
func measure(t *testing.T, prepare func(*stack)) (u use) {
	parameters := map[string]string{"AlarmTopicArn": topic, "Dashboard": "true"}
	harness.Bubble(t, func(t *testing.T) {
		begun := time.Now()
		s := live(t, parameters, day, func(s *stack) {
			s.Front.OnCall(func(api.Call) api.Fault { return api.Fault{Latency: harness.CallLatency} })
			prepare(s)
		})
		messages := map[string]bool{}
		for _, invocation := range s.Invocations() {
			u.seconds += 30 * invocation.End.Sub(invocation.Start).Seconds()
			var batch struct{ Records []struct{ MessageID string } }
			_ = json.Unmarshal(invocation.Payload, &batch) // a sweep has no records
			for _, record := range batch.Records {
				messages[record.MessageID] = true
			}
		}
		u.runs, u.sweeps = float64(30*len(s.Invocations())), 30*day.Minutes()
		u.requests = 30 * (pollsPerMinute*day.Minutes() + 2.1*float64(len(messages))) // sent, received ten at a time, deleted
		u.bytes = float64(30*len(s.Stdout.String())) + platformBytes*u.runs
		for line := range strings.Lines(s.Stdout.String()) {
			if strings.Contains(line, `"_aws"`) {
				u.ofMetrics += float64(30 * len(line))
			}
		}
		hours := map[string]bool{}
		for id, samples := range watch(s) {
			for _, each := range samples {
				if strings.HasPrefix(id, namespace) {
					hours[fmt.Sprint(id, each.At.Sub(begun)/time.Hour)] = true
				}
			}
		}
		u.metrics = float64(len(hours)) / 24
	})
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
	small := func(*stack) {}
	large := func(s *stack) {
		s.Every(time.Hour, func() { s.leaks(40, time.Hour) })
		s.Every(time.Hour, func() { // 100,000 nodes a month
			for range 139 {
				s.Bus.Emit([]byte(strings.ReplaceAll(s.Sample("terminate"), events.Instance, fmt.Sprintf("i-%017x", s.Random.Uint64N(1<<60)))))
			}
		})
	}
	watched := [2]use{measure(t, small), measure(t, large)}
	for _, price := range prices {
		for n, u := range watched {
			if used := price.of(u); used > price.most[n] {
				t.Errorf("%s: %v %s in column %d, more than %v", price.line, used, price.unit, n+1, price.most[n])
			}
		}
	}
	table, total := bill([]use{watched[0], watched[1], watched[0].unwatched(), watched[1].unwatched()})
	for n, most := range []float64{5, 5, 1, 1} {
		if total[n] >= most {
			t.Errorf("column %d costs %.2f USD, want less than %.0f", n+1, total[n], most)
		}
	}
	harness.Publish(t, "docs/operations.md", "cost", table, false)
}

// bill returns the table of what columns cost, and their sums in USD.
func bill(columns []use) (table string, total []float64) {
	total = make([]float64, len(columns))
	together, paid := "| **together**", "| **with the free tier**"
	table = "| | small | large | small, no alarms or dashboard | large, no alarms or dashboard |\n|---|---|---|---|---|\n"
	for _, price := range prices {
		table += "| " + price.line
		for n, u := range columns {
			used := price.of(u)
			total[n] += used * price.each
			table += fmt.Sprintf(" | %.2f (%v %s)", used*price.each, math.Round(used*100)/100, price.unit)
		}
		table += " |\n"
	}
	for n, u := range columns {
		owed := 0.0
		for _, price := range prices {
			owed += max(0, price.of(u)-price.free) * price.each
		}
		together += fmt.Sprintf(" | **%.2f**", total[n])
		paid += fmt.Sprintf(" | **%.2f**", owed)
	}
	return table + together + " |\n" + paid + " |\n", total
}
