package handler

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
)

// decoded holds the request of each accepted sample.
var decoded = map[string]request{
	"terminate":               {trigger: eni.Event, scope: eni.Scope{Instances: []string{events.Instance}, Groups: []string{events.Group}, Subnets: []string{events.Subnet}}},
	"terminate-by-alarm":      {trigger: eni.Event, scope: eni.Scope{Instances: []string{events.Instance}, Groups: []string{events.Group}}},
	"terminate-to-warm-pool":  {trigger: eni.Event},
	"terminate-as-documented": {trigger: eni.Event, scope: eni.Scope{Instances: []string{events.Instance}, Groups: []string{events.Group}, Subnets: []string{events.Subnet}}},
	"terminate-with-details-as-text": {trigger: eni.Event, scope: eni.Scope{Instances: []string{events.Instance}, Groups: []string{events.Group}},
		lost: []error{errors.New(`its "Details" cannot be read: it is a string`)}},
	"state-change":            {trigger: eni.Event, scope: eni.Scope{Instances: []string{events.Instance}}},
	"state-change-to-stopped": {trigger: eni.Event},
	"schedule":                {trigger: eni.Schedule, scope: eni.Scope{Sweep: true}},
	"schedule-rule":           {trigger: eni.Schedule, scope: eni.Scope{Sweep: true}},
	"batch": {trigger: eni.Event, scope: eni.Scope{
		Instances: []string{events.Instance, events.OtherInstance}, Groups: []string{events.Group, events.Group}, Subnets: []string{events.Subnet, events.Subnet}}},
	"batch-with-bad-message": {trigger: eni.Event, scope: eni.Scope{Instances: []string{events.Instance}, Groups: []string{events.Group}, Subnets: []string{events.Subnet}}},
	"manual":                 {trigger: eni.Manual, dryRun: true, scope: eni.Scope{Sweep: true}},
	"manual-dry":             {trigger: eni.Manual, dryRun: true, scope: eni.Scope{Subnets: []string{events.Subnet}}},
	"manual-cluster":         {trigger: eni.Manual, dryRun: true, scope: eni.Scope{Sweep: true, Clusters: []string{"blue"}}},
	"manual-release": {trigger: eni.Manual, scope: eni.Scope{
		Instances: []string{events.Instance}, Subnets: []string{events.Subnet}, VPCs: []string{events.VPC}}},
}

// decodeAny decodes as the handler does.
func decodeAny(payload []byte) (request, []string, error) {
	fields, err := parseInput(payload)
	if err != nil {
		return request{}, nil, err
	}
	records, isBatch := fields["Records"]
	if !isBatch {
		one, err := decode(fields)
		return one, nil, err
	}
	batch, invalid, err := decodeBatch(records)
	var ids []string
	for _, message := range invalid {
		ids = append(ids, message.id)
	}
	return batch, ids, err
}

// equal compares requests, and lost hints by their texts.
func equal(a, b request) bool {
	lost := fmt.Sprint(a.lost) == fmt.Sprint(b.lost)
	a.lost, b.lost = nil, nil
	return lost && reflect.DeepEqual(a, b)
}

func TestEachSampleDecodes(t *testing.T) {
	if files, err := filepath.Glob("../events/*.json"); err != nil || len(files) != len(events.Samples) {
		t.Errorf("%d rows of samples, files %q, %v", len(events.Samples), files, err)
	}
	for _, sample := range events.Samples {
		t.Run(sample.Name, func(t *testing.T) {
			want, accepted := decoded[sample.Name]
			if accepted == (sample.Refused != "") {
				t.Fatalf("refused by %q, decoded to %+v: one of the two", sample.Refused, want)
			}
			got, failures, err := decodeAny(sample.Payload())
			if !accepted {
				if err == nil || !strings.Contains(err.Error(), sample.Refused) {
					t.Fatalf("%v, want an error with %q", err, sample.Refused)
				}
				return
			}
			if err != nil || !equal(got, want) || !reflect.DeepEqual(failures, sample.Failures) {
				t.Errorf("got  %+v, failures %q (%v)\nwant %+v, failures %q", got, failures, err, want, sample.Failures)
			}
		})
	}
}

func TestEachKindHasItsSample(t *testing.T) {
	for _, kind := range eventKinds {
		if !slices.ContainsFunc(events.Samples, func(sample events.Sample) bool {
			event := string(sample.Payload())
			return strings.Contains(event, `"source": "`+kind.source+`"`) && strings.Contains(event, `"detail-type": "`+kind.detailType+`"`)
		}) {
			t.Errorf("no sample of %s %q", kind.source, kind.detailType)
		}
	}
}

// A hint that cannot be read costs only itself; one that is missing costs no warning.
func TestALostHintCostsOnlyItself(t *testing.T) {
	for detail, want := range map[string]struct{ groups, subnets, lost int }{
		`"AutoScalingGroupName":"g","Details":{"Subnet ID":"subnet-12345678"}`: {1, 1, 0},
		`"Destination":null`:                                        {0, 0, 0},
		`"AutoScalingGroupName":"","Details":{}`:                    {0, 0, 0},
		`"AutoScalingGroupName":["g"]`:                              {0, 0, 1},
		`"AutoScalingGroupName":null,"Details":null`:                {0, 0, 2},
		`"Details":"{}"`:                                            {0, 0, 1},
		`"Details":[]`:                                              {0, 0, 1},
		`"AutoScalingGroupName":"` + strings.Repeat("g", 256) + `"`: {0, 0, 1},
		`"AutoScalingGroupName":"` + strings.Repeat("g", 255) + `"`: {1, 0, 0},
		`"AutoScalingGroupName":"a\u0000b"`:                         {0, 0, 1},
		`"Details":{"Subnet ID":"*"}`:                               {0, 0, 1},
		`"Details":{"Subnet ID":"subnet-*"}`:                        {0, 0, 1},
		`"Details":{"Subnet ID":"subnet-1234567"}`:                  {0, 0, 1},
		`"Details":{"Subnet ID":"subnet-12345678,subnet-12345679"}`: {0, 0, 1},
		`"Details":{"Subnet ID":7}`:                                 {0, 0, 1},
		`"Details":{"subnet id":"subnet-12345678"}`:                 {0, 0, 0},
		`"Details":{"InvokingAlarms":[{"a":1}]}`:                    {0, 0, 0},
		`"Details":{"Subnet ID":"subnet-12345678","x":1,"x":2}`:     {0, 1, 0},
		`"Details":{},"Details":{}`:                                 {0, 0, 1},
	} {
		got, _, err := decodeAny([]byte(terminate(`{"EC2InstanceId":"i-01234567",` + detail + `}`)))
		if err != nil || len(got.scope.Instances) != 1 || len(got.scope.Groups) != want.groups || len(got.scope.Subnets) != want.subnets || len(got.lost) != want.lost {
			t.Errorf("%s: %+v, %v", detail, got, err)
		}
	}
}

// The key that Terraform adds to a manual payload changes nothing.
func TestTerraformsKeyIsIgnored(t *testing.T) {
	got, _, err := decodeAny([]byte(`{"dryRun":false,"tf":{"action":"create","prev_input":null}}`))
	if want := (request{trigger: eni.Manual, scope: eni.Scope{Sweep: true}}); err != nil || !equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

// AWS may add fields to its events.
func TestEventsMayGrow(t *testing.T) {
	for _, detail := range []string{"{}", `"{}"`, "{ }", "null", `""`, `{"new-field":1}`, `"{\"new-field\":1}"`} {
		schedule := `{"source":"aws.scheduler","detail-type":"Scheduled Event","detail":` + detail + `}`
		if got, _, err := decodeAny([]byte(schedule)); err != nil || !reflect.DeepEqual(got, decoded["schedule"]) {
			t.Errorf("%s: %+v, %v", schedule, got, err)
		}
	}
	grown := strings.Replace(string(events.Payload("terminate")), `"StatusCode"`, `"NewField": [{}], "StatusCode"`, 1)
	grown = strings.Replace(grown, `"version"`, `"new-field": {}, "version"`, 1)
	if got, _, err := decodeAny([]byte(grown)); err != nil || !reflect.DeepEqual(got, decoded["terminate"]) {
		t.Errorf("%+v, %v", got, err)
	}
}

// FuzzDecode: no input panics; an accepted one holds IDs only, and sweeps only by schedule or manually.
func FuzzDecode(f *testing.F) {
	for _, sample := range events.Samples {
		f.Add(sample.Payload())
	}
	reported, _ := filepath.Glob("testdata/field/*.json")
	if len(reported) == 0 {
		f.Fatal("no inputs in testdata/field")
	}
	for _, name := range reported {
		payload, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	for _, payload := range []string{`{}}`, `{"dryRun":false}]`} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, failures, err := decodeAny(payload)
		if err != nil {
			if len(failures) > 0 || !reflect.DeepEqual(got, request{}) {
				t.Fatalf("%v, and yet %+v, failures %q", err, got, failures)
			}
			return
		}
		if got.scope.Sweep && (got.trigger == eni.Event || len(got.scope.Instances)+len(got.scope.Subnets)+len(got.scope.VPCs) > 0) {
			t.Fatalf("%s sweeps: %+v", payload, got)
		}
		if got.trigger == eni.Manual && !got.dryRun && !strings.Contains(string(payload), "false") {
			t.Fatalf("%s is not a dry run", payload)
		}
		expectIDs(t, got.scope)
	})
}

func expectIDs(t *testing.T, scope eni.Scope) {
	t.Helper()
	for prefix, ids := range map[string][]string{"i-": scope.Instances, "subnet-": scope.Subnets, "vpc-": scope.VPCs} {
		for _, id := range ids {
			if !eni.ValidID(prefix, id) {
				t.Fatalf("%q is not an ID", id)
			}
		}
	}
}
