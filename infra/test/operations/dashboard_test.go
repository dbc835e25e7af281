package operations

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudwatch"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// A dashboard is the template's, as deployed.
type dashboard struct {
	Widgets []struct {
		Type       string
		Properties struct {
			Title, Region, Query string
			Metrics              [][]any
		}
	}
}

func deployedDashboard(t *testing.T) (d dashboard) {
	body := harness.At(t, harness.Deployed(t, map[string]string{"Dashboard": "true"}), "LeaksDashboard", "Properties", "DashboardBody").(string)
	if err := json.Unmarshal([]byte(body), &d); err != nil || len(d.Widgets) == 0 {
		t.Fatalf("%v in %s", err, body)
	}
	return d
}

// aMorning plays six hours with a dashboard: leaks, one of which cannot be deleted for three hours,
// a scale-in, and a minute without EC2.
func aMorning(t *testing.T, dryRun string) (log string, metrics cloudwatch.Metrics) {
	harness.Bubble(t, func(t *testing.T) {
		s := live(t, map[string]string{"Dashboard": "true", "DryRun": dryRun}, 6*time.Hour, func(s *stack) {
			s.Loop.After(time.Hour, func() { s.Shrink("undrained", 15) })
			s.stick(s.leaked(40*time.Hour), "InternalError")
			s.leaks(100, time.Hour)
			s.Loop.After(3*time.Hour, func() { s.fail(time.Minute, api.Fault{Code: "Unavailable", Status: 503}, "Describe") })
		})
		log, metrics = s.Stdout.String(), watch(s)
	})
	return log, metrics
}

// Each metric of the dashboard, with its dimensions, is one that the function, Lambda or SQS publishes.
func TestTheDashboardsMetricsExist(t *testing.T) {
	_, published := aMorning(t, "false")
	for _, widget := range deployedDashboard(t).Widgets {
		if widget.Properties.Region != harness.StackRegion || widget.Type == "metric" && len(widget.Properties.Metrics) == 0 {
			t.Errorf("%s is of %q, with %d metrics", widget.Properties.Title, widget.Properties.Region, len(widget.Properties.Metrics))
		}
		for _, row := range widget.Properties.Metrics {
			dimension := map[string]string{row[2].(string): row[3].(string)}
			if id := cloudwatch.MetricID(row[0].(string), row[1].(string), dimension); len(published[id]) == 0 {
				t.Errorf("%s shows %s, which nobody publishes", widget.Properties.Title, id)
			}
		}
	}
}

// Each query of the dashboard and of the documentation finds lines in a real log, and
// names fields that these have.
func TestTheQueriesFindWhatTheyAskFor(t *testing.T) {
	t.Parallel()
	log, _ := aMorning(t, "false")
	dry, _ := aMorning(t, "true")
	queries := map[string]string{}
	for _, widget := range deployedDashboard(t).Widgets {
		if widget.Type == "log" {
			source, query, _ := strings.Cut(widget.Properties.Query, " | ")
			if source != "SOURCE '/aws/lambda/"+harness.StackName+"'" {
				t.Errorf("%s reads %s", widget.Properties.Title, source)
			}
			queries[widget.Properties.Title] = query
		}
	}
	for _, page := range []string{"operations", "adoption"} {
		for n, query := range firstGroups("(?s)```sql\n(.*?)```", string(harness.Read(t, "docs/"+page+".md"))) {
			queries[fmt.Sprintf("%s, query %d", page, n+1)] = strings.ReplaceAll(query, "\n", " ")
		}
	}
	if len(queries) < 12 {
		t.Errorf("only %d queries were found", len(queries))
	}
	for name, query := range queries {
		checkQuery(t, name, query, log+dry)
	}
}

// The reasons of the dashboard are those of the rule.
func TestTheDashboardShowsEachReason(t *testing.T) {
	var query string
	for _, widget := range deployedDashboard(t).Widgets {
		if strings.Contains(widget.Properties.Query, "kept.") {
			query = widget.Properties.Query
		}
	}
	shown, rule := firstGroups("max\\(`?kept\\.([a-z-]+)`?\\)", query), string(harness.Read(t, "docs/rule.md"))
	for _, reason := range shown {
		if !strings.Contains(rule, "`"+reason+"`") {
			t.Errorf("the dashboard shows %q, which docs/rule.md does not know", reason)
		}
	}
	for _, reason := range append(firstGroups("(?m)^\\| `([a-z-]+)` \\|", rule), "owner-alive", "young", "age-unreadable", "not-permitted") {
		if !slices.Contains(shown, reason) {
			t.Errorf("the dashboard does not show %q", reason)
		}
	}
}

var (
	equality = regexp.MustCompile(`(\w+) = '([^']*)'`)
	field    = regexp.MustCompile("'[^']*'|`([^`]+)`|\\b([A-Za-z_][\\w.]*)(\\()?")
	// words of the language (CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax").
	words = strings.Fields("and or not like in as by asc desc fields filter stats sort limit display dedup")
)

// checkQuery holds a query against a log: some lines are as its filter asks, and each field is in one
// of these. What a reader fills in, such as eni-x, stands for any value.
func checkQuery(t *testing.T, name, query, log string) {
	texts := firstGroups("@message like '([^']*)'", query) // that a line must have
	for _, wanted := range equality.FindAllStringSubmatch(query, -1) {
		texts = append(texts, strings.TrimSuffix(fmt.Sprintf("%q:%q", wanted[1], wanted[2]), `-x"`))
	}
	found := slices.DeleteFunc(strings.Split(log, "\n"), func(line string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
	})
	if len(found) == 0 {
		t.Errorf("%s finds nothing: %s", name, query)
	}
	known := append(firstGroups(` as (\w+)`, query), words...)
	for _, match := range field.FindAllStringSubmatch(query, -1) {
		requested := match[1] + match[2]
		if requested == "" || match[3] != "" || slices.Contains(known, requested) {
			continue // a text, a function, a word or a name that the query gives
		}
		parent, key, inside := strings.Cut(requested, ".")
		if !inside || parent == "kept" { // a reason that the day did not have
			key = parent
		}
		if !slices.ContainsFunc(found, func(line string) bool { return strings.Contains(line, `"`+key+`":`) }) {
			t.Errorf("%s uses %s, which no line has that it finds", name, requested)
		}
	}
}

// maxEvent is the most that CloudWatch Logs takes as one event (CloudWatch Logs quotas).
const maxEvent = 1 << 20

// Every line of metrics of six hours with all that can happen is in the embedded metric
// format, small enough, and kept at every log level of the template.
func TestMetricLinesAreValidAtEveryLogLevel(t *testing.T) {
	schema := harness.Must(jsonschema.NewCompiler().Compile(filepath.Join("testdata", "emf.schema.json")))(t)
	if schema.Validate(map[string]any{}) == nil {
		t.Error("the schema takes anything")
	}
	all, published := aMorning(t, "false")
	levels := append([]any{"FATAL"}, harness.At(t, harness.Template(t), "Parameters", "LogLevel", "AllowedValues").([]any)...)
	for _, level := range levels {
		lines := 0
		for _, line := range harness.Must(cloudwatch.Kept(all, level.(string)))(t) {
			if len(line) > maxEvent {
				t.Errorf("a line of %d bytes: %.80s", len(line), line)
			}
			if !strings.Contains(line, `"_aws"`) {
				continue
			}
			lines++
			if err := schema.Validate(harness.Must(jsonschema.UnmarshalJSON(strings.NewReader(line)))(t)); err != nil {
				t.Errorf("%s is no embedded metric: %v", line, err)
			}
		}
		if want := strings.Count(all, `"_aws"`); lines != want || lines < 350 {
			t.Errorf("at %s, %d of %d lines of metrics are kept", level, lines, want)
		}
	}
	listed := map[string]bool{}
	_, table, _ := strings.Cut(string(harness.Read(t, "docs/operations.md")), "\n| metric |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, name := range firstGroups("(?m)^\\| `([A-Z]\\w+)` \\|", table) {
		listed[cloudwatch.MetricID(namespace, name, map[string]string{"FunctionName": harness.FunctionName})] = true
	}
	got := map[string]bool{}
	for id := range published {
		if strings.HasPrefix(id, namespace) {
			got[id] = true
		}
	}
	if !maps.Equal(got, listed) {
		t.Errorf("the morning has %v, docs/operations.md %v", got, listed)
	}
}

// Nobody reads them: nothing is written. A dashboard, which costs money, is made on request only.
func TestNoMetricsWithoutAReader(t *testing.T) {
	if harness.Deployed(t, nil)["LeaksDashboard"] != nil {
		t.Error("a dashboard that nobody asked for")
	}
	asked := harness.Deployed(t, map[string]string{"Dashboard": "true"})
	if name := harness.At(t, asked, "LeaksDashboard", "Properties", "DashboardName"); name != "releaser-eu-west-1" { // an account's regions share one list
		t.Errorf("the dashboard is named %v", name)
	}
	harness.Bubble(t, func(t *testing.T) {
		if s := live(t, nil, 2*time.Hour, func(s *stack) { s.leaks(3, time.Hour) }); strings.Contains(s.Stdout.String(), "_aws") {
			t.Error("metrics are written without alarms or dashboard")
		}
	})
}

// A sweep that cannot list says so, and neither its totals nor its metrics read as "no leaks".
func TestAFailedSweepIsNoZero(t *testing.T) {
	harness.Bubble(t, func(t *testing.T) {
		s := live(t, map[string]string{"Dashboard": "true"}, 10*time.Minute, func(s *stack) {
			s.fail(day, api.Fault{Code: "UnauthorizedOperation", Status: 403}, "DescribeNetworkInterfaces")
		})
		if log := s.Stdout.String(); strings.Contains(log, "_aws") || strings.Contains(log, `"found"`) || strings.Count(log, "run failed") < 9 || !strings.Contains(log, `"calls":{"DescribeNetworkInterfaces":1}`) {
			t.Errorf("%.2000s", log)
		}
	})
}
