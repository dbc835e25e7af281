package operations

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

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
	lines := flattened(t, log+dry)
	for _, name := range slices.Sorted(maps.Keys(queries)) {
		checkQuery(t, name, queries[name], lines)
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

// flattened are a log's lines as Logs Insights sees them: fields of objects by their
// path, numbers and texts as texts.
func flattened(t *testing.T, log string) (lines []map[string]string) {
	for line := range strings.Lines(log) {
		var object map[string]any
		harness.OK(t, json.Unmarshal([]byte(line), &object))
		fields := map[string]string{"@timestamp": "", "@message": line}
		flatten("", object, fields)
		lines = append(lines, fields)
	}
	return lines
}

func flatten(path string, value any, fields map[string]string) {
	switch value := value.(type) {
	case map[string]any:
		for name, each := range value {
			flatten(strings.TrimPrefix(path+"."+name, "."), each, fields)
		}
	case nil:
	default:
		fields[path] = fmt.Sprint(value)
	}
}

var (
	equality = regexp.MustCompile(`([\w.]+) = '([^']*)'`)
	likeness = regexp.MustCompile(`@message like '([^']*)'`)
	quoted   = regexp.MustCompile("'[^']*'")
	field    = regexp.MustCompile("`([^`]+)`|(@?[A-Za-z_][\\w.]*)(\\()?")
	duration = regexp.MustCompile(`^\d*[hmd]$`)
	// words of the language, and its functions' arguments (CloudWatch Logs User Guide,
	// "CloudWatch Logs Insights language query syntax").
	words = strings.Fields("and or not like in as by asc desc fields filter stats sort limit display dedup")
)

// checkQuery holds a query's fields against a log. Those that it filters by equality
// choose the lines; each field must then be in one of these, and at least one line must
// be left. What a reader fills in, such as eni-x, stands for any value.
func checkQuery(t *testing.T, name, query string, lines []map[string]string) {
	equalities, likenesses := equality.FindAllStringSubmatch(query, -1), likeness.FindAllStringSubmatch(query, -1)
	chosen := slices.DeleteFunc(slices.Clone(lines), func(line map[string]string) bool {
		return slices.ContainsFunc(equalities, func(wanted []string) bool {
			value := line[wanted[1]]
			return value == "" || value != wanted[2] && !strings.HasSuffix(wanted[2], "-x")
		}) || slices.ContainsFunc(likenesses, func(wanted []string) bool { return !strings.Contains(line["@message"], wanted[1]) })
	})
	if len(chosen) == 0 {
		t.Errorf("%s finds nothing: %s", name, query)
		return
	}
	has := func(field string) bool {
		return slices.ContainsFunc(chosen, func(line map[string]string) bool { _, there := line[field]; return there })
	}
	known := append(firstGroups(` as (\w+)`, query), words...)
	for _, match := range field.FindAllStringSubmatch(quoted.ReplaceAllString(query, ""), -1) {
		requested := match[1] + match[2]
		if match[3] != "" || slices.Contains(known, requested) || duration.MatchString(requested) {
			continue
		}
		// A reason that the day did not have is known by its prefix.
		if !has(requested) && !(strings.HasPrefix(requested, "kept.") && has("kept.owner-alive")) {
			t.Errorf("%s asks for %s, which no line has that it finds", name, requested)
		}
	}
}
