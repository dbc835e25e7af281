// Package template holds the contract of template.yaml: parameters and settings, roles and policies,
// names, constants; and of the module, which package imports which. Start reading at
// contract_test.go. It may import anything but other tests.
package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/handler"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

func parameters(t *testing.T) map[string]any {
	return harness.At(t, harness.Template(t), "Parameters").(map[string]any)
}

// The parameters that reach the function, and by which variable.
func TestEachSettingIsAParameter(t *testing.T) {
	got := harness.At(t, harness.Template(t), "Resources", "ReleaseFunction", "Properties", "Environment", "Variables")
	want := map[string]any{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[handler.Settings]()) {
		parameter := strings.NewReplacer("VPCIDs", "VpcIds", "AccountID", "AWS::AccountId").Replace(field.Name)
		name, _, required := strings.Cut(field.Tag.Get("env"), ",")
		if !required { // the SAM CLI sets it
			continue
		}
		want[name] = map[string]any{"Ref": parameter}
	}
	want["METRICS"] = map[string]any{"Fn::If": []any{"HasReaders", "true", "false"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the template sets  %v\nthe function reads %v", got, want)
	}
}

// The function takes exactly what the template allows, and its defaults.
func TestTheTemplatesLimitsAreTheSettings(t *testing.T) {
	given := func(variable, value string) error {
		environment := harness.Environment(t, nil)
		environment[variable] = value
		_, err := handler.ParseSettings(environment)
		return err
	}
	if err := given("AWS_LAMBDA_FUNCTION_NAME", harness.FunctionName); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for parameter, variable := range map[string]string{"GracePeriodMinutes": "GRACE_PERIOD_MINUTES", "DeletesPerMinute": "DELETES_PER_MINUTE"} {
		least, most := harness.At(t, parameters(t), parameter, "MinValue").(int), harness.At(t, parameters(t), parameter, "MaxValue").(int)
		for value, allowed := range map[int]bool{least - 1: false, least: true, most: true, most + 1: false} {
			if err := given(variable, fmt.Sprint(value)); (err == nil) != allowed {
				t.Errorf("the template allows %s from %d to %d, the function says of %d: %v", parameter, least, most, value, err)
			}
		}
	}
}

func TestEachParameterSaysWhatItTakes(t *testing.T) {
	for name, p := range parameters(t) {
		p := p.(map[string]any)
		_, pattern := p["AllowedPattern"]
		_, values := p["AllowedValues"]
		_, least := p["MinValue"]
		if p["Description"] == nil || p["ConstraintDescription"] == nil || !pattern && !values && !least {
			t.Errorf("%s lacks a description, a constraint or its sentence", name)
		}
	}
}

// README.md's table of parameters has each, with its default.
func TestTheReadmeListsTheParameters(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\| `?([^|`]*)`? \\|")
	listed := map[string]string{}
	_, section, _ := strings.Cut(string(harness.Read(t, "README.md")), "## Parameters")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, match := range row.FindAllStringSubmatch(section, -1) {
		listed[match[1]] = strings.TrimSpace(match[2])
	}
	want := map[string]string{}
	for name, p := range parameters(t) {
		want[name] = fmt.Sprint(p.(map[string]any)["Default"])
		if want[name] == "" {
			want[name] = "none"
		}
	}
	if !maps.Equal(listed, want) {
		t.Errorf("README.md lists   %v\nthe template has %v", listed, want)
	}
}

// No resource has a name of its own, or one without the stack's: two stacks of a
// region stand side by side.
func TestTwoStacksCanStandSideBySide(t *testing.T) {
	naming := regexp.MustCompile(`^(\w*Name|Name)$`)
	for id, r := range harness.At(t, harness.Template(t), "Resources").(map[string]any) {
		resource := r.(map[string]any)
		properties, _ := resource["Properties"].(map[string]any)
		for key, value := range properties {
			if naming.MatchString(key) && key != "MetricName" && !strings.Contains(fmt.Sprint(value), "${AWS::StackName}") {
				t.Errorf("%s has the fixed %s %v", id, key, value)
			}
		}
	}
	if harness.At(t, harness.Template(t), "Resources", "ReleaseFunction", "Properties", "Events", "Sweep", "Properties", "OmitName") != true {
		t.Error("SAM would name the schedule without the stack")
	}
}

// The template goes to China and GovCloud as it is: no ARN names a partition, but in
// what a parameter takes.
func TestNoPartitionIsFixed(t *testing.T) {
	for n, line := range strings.Split(string(harness.Read(t, "template.yaml")), "\n") {
		if strings.Contains(line, "arn:aws") && !strings.Contains(line, "AllowedPattern: ^(arn:aws[a-z-]*:") {
			t.Errorf("line %d names a partition: %s", n+1, line)
		}
	}
}

// The template's own patterns, on the samples, by the simulator's rules: no sample comes twice.
func TestTheRulesPatternsTakeTerminationsOnly(t *testing.T) {
	pattern := func(rule string) []byte {
		return harness.Must(json.Marshal(harness.At(t, harness.Deployed(t, nil), rule, "Properties", "EventPattern")))(t)
	}
	for _, sample := range events.Samples {
		taken := 0
		r := harness.NewRegion(t, 1, simulator.Options{})
		r.Do(func() {
			for _, rule := range []string{"TerminateEventsRule", "StateChangeEventsRule"} {
				harness.OK(t, r.Bus.AddRule(pattern(rule), func([]byte) { taken++ }))
			}
			r.Bus.Emit(sample.Payload())
		})
		r.Advance(time.Minute)
		if (taken == 1) != sample.ByRule || taken > 1 {
			t.Errorf("the patterns take %s %d times, want %t", sample.Name, taken, sample.ByRule)
		}
	}
}
