package operations

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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
	t.Helper()
	body := harness.At(t, harness.Deployed(t, map[string]string{"Dashboard": "true"}), "LeaksDashboard", "Properties", "DashboardBody").(string)
	if err := json.Unmarshal([]byte(body), &d); err != nil || len(d.Widgets) == 0 {
		t.Fatalf("%v in %s", err, body)
	}
	return d
}

// aMorning is the log of six hours with leaks and failures.
func aMorning(t *testing.T, parameters map[string]string) (log string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { log = troubledMorning(t, parameters).Stdout.String() })
	return log
}

// troubledMorning plays them: leaks, one of which cannot be deleted for three hours, a
// scale-in, and a minute without EC2.
func troubledMorning(t *testing.T, parameters map[string]string) *stack {
	t.Helper()
	all := map[string]string{"Dashboard": "true"}
	maps.Copy(all, parameters)
	return live(t, all, 6*time.Hour, func(s *stack) {
		s.Loop.After(time.Hour, func() { s.Shrink("undrained", 15) })
		s.stick(s.leaked(40*time.Hour), "InternalError")
		s.leaks(100, time.Hour)
		s.Loop.After(3*time.Hour, func() { s.fail(time.Minute, api.Fault{Code: "Unavailable", Status: 503}, "Describe") })
	})
}

// Each metric of the dashboard, with its dimensions, is one that the function, Lambda or SQS publishes.
func TestTheDashboardsMetricsExist(t *testing.T) {
	var m cloudwatch.Metrics
	synctest.Test(t, func(t *testing.T) { m = watch(troubledMorning(t, nil)) })
	for _, widget := range deployedDashboard(t).Widgets {
		if widget.Properties.Region != harness.StackRegion || widget.Type == "metric" && len(widget.Properties.Metrics) == 0 {
			t.Errorf("%s is of %q, with %d metrics", widget.Properties.Title, widget.Properties.Region, len(widget.Properties.Metrics))
		}
		for _, row := range widget.Properties.Metrics {
			var words []string
			for _, word := range row {
				if text, is := word.(string); is {
					words = append(words, text)
				}
			}
			if id := cloudwatch.MetricID(words[0], words[1], map[string]string{words[2]: words[3]}); len(m[id]) == 0 {
				t.Errorf("%s shows %s, which nobody tells", widget.Properties.Title, id)
			}
		}
	}
}

// Each query of the dashboard and of the documentation finds lines in a real log, and
// names fields that these have.
func TestTheQueriesFindWhatTheyAskFor(t *testing.T) {
	t.Parallel()
	log := aMorning(t, nil) + aMorning(t, map[string]string{"DryRun": "true"})
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
		for n, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(harness.Read(t, "docs/"+page+".md")), -1) {
			queries[page+", query "+string(rune('1'+n))] = strings.ReplaceAll(block[1], "\n", " ")
		}
	}
	if len(queries) < 12 {
		t.Errorf("only %d queries were found", len(queries))
	}
	lines := flattened(t, log)
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
	var shown []string
	for _, match := range regexp.MustCompile("max\\(`?kept\\.([a-z-]+)`?\\)").FindAllStringSubmatch(query, -1) {
		shown = append(shown, match[1])
	}
	rule := string(harness.Read(t, "docs/rule.md"))
	var guardsListed []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(rule, -1) {
		guardsListed = append(guardsListed, match[1])
	}
	for _, reason := range shown {
		if !strings.Contains(rule, "`"+reason+"`") {
			t.Errorf("the dashboard shows %q, which docs/rule.md does not know", reason)
		}
	}
	for _, reason := range append(guardsListed, "owner-alive", "young", "age-unreadable", "not-permitted") {
		if !slices.Contains(shown, reason) {
			t.Errorf("the dashboard does not show %q", reason)
		}
	}
}

// flattened are a log's lines as Logs Insights sees them: fields of objects by their
// path, numbers and texts as texts.
func flattened(t *testing.T, log string) (lines []map[string]string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var object map[string]any
		if json.Unmarshal([]byte(line), &object) != nil {
			continue
		}
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
	case string:
		fields[path] = value
	default:
		text, _ := json.Marshal(value)
		fields[path] = string(text)
	}
}

var (
	equality = regexp.MustCompile(`([\w.]+) = '([^']*)'`)
	likeness = regexp.MustCompile(`@message like '([^']*)'`)
	quoted   = regexp.MustCompile("'[^']*'")
	field    = regexp.MustCompile("`([^`]+)`|(@?[A-Za-z_][\\w.]*)(\\()?")
	duration = regexp.MustCompile(`^\d*[hmd]$`)
	alias    = regexp.MustCompile(` as (\w+)`)
	// words of the language, and its functions' arguments (CloudWatch Logs User Guide,
	// "CloudWatch Logs Insights language query syntax").
	words = strings.Fields("and or not like in as by asc desc fields filter stats sort limit display dedup")
)

// checkQuery holds a query's fields against a log. Those that it filters by equality
// choose the lines; each field must then be in one of these, and at least one line must
// be left. What a reader fills in, such as eni-x, stands for any value.
func checkQuery(t *testing.T, name, query string, lines []map[string]string) {
	t.Helper()
	equalities, likenesses := equality.FindAllStringSubmatch(query, -1), likeness.FindAllStringSubmatch(query, -1)
	chosen := slices.DeleteFunc(slices.Clone(lines), func(line map[string]string) bool {
		for _, condition := range equalities {
			if strings.HasSuffix(condition[2], "-x") {
				if line[condition[1]] == "" {
					return true
				}
			} else if line[condition[1]] != condition[2] {
				return true
			}
		}
		for _, condition := range likenesses {
			if !strings.Contains(line["@message"], condition[1]) {
				return true
			}
		}
		return false
	})
	if len(chosen) == 0 {
		t.Errorf("%s finds nothing: %s", name, query)
		return
	}
	made := map[string]bool{}
	for _, match := range alias.FindAllStringSubmatch(query, -1) {
		made[match[1]] = true
	}
	for _, match := range field.FindAllStringSubmatch(quoted.ReplaceAllString(query, ""), -1) {
		requested := match[1] + match[2]
		if match[3] != "" || made[requested] || slices.Contains(words, requested) || duration.MatchString(requested) {
			continue
		}
		there := func(line map[string]string) bool { _, there := line[requested]; return there }
		// A reason that the day did not have is known by its prefix.
		known := strings.HasPrefix(requested, "kept.") && slices.ContainsFunc(chosen, func(line map[string]string) bool { _, there := line["kept.owner-alive"]; return there })
		if !known && !slices.ContainsFunc(chosen, there) {
			t.Errorf("%s asks for %s, which no line has that it finds", name, requested)
		}
	}
}
