package handler

import (
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
	"terminate":              {trigger: eni.Event, scope: eni.Scope{Instances: []string{events.Instance}, Groups: []string{events.Group}, Subnets: []string{events.Subnet}}},
	"terminate-by-alarm":     {trigger: eni.Event, scope: eni.Scope{Instances: []string{events.Instance}, Groups: []string{events.Group}}},
	"terminate-to-warm-pool": {trigger: eni.Event},
	"schedule":               {trigger: eni.Schedule, scope: eni.Scope{Sweep: true}},
	"schedule-rule":          {trigger: eni.Schedule, scope: eni.Scope{Sweep: true}},
	"batch": {trigger: eni.Event, scope: eni.Scope{
		Instances: []string{events.Instance, events.OtherInstance}, Groups: []string{events.Group, events.Group}, Subnets: []string{events.Subnet, events.Subnet}}},
	"batch-with-bad-message": {trigger: eni.Event, scope: eni.Scope{Instances: []string{events.Instance}, Groups: []string{events.Group}, Subnets: []string{events.Subnet}}},
	"manual":                 {trigger: eni.Manual, dryRun: true, scope: eni.Scope{Sweep: true}},
	"manual-dry":             {trigger: eni.Manual, dryRun: true, scope: eni.Scope{Subnets: []string{events.Subnet}}},
	"manual-release": {trigger: eni.Manual, scope: eni.Scope{
		Instances: []string{events.Instance}, Subnets: []string{events.Subnet}, VPCs: []string{events.VPC}}},
}

// decodeAny decodes as the handler does.
func decodeAny(payload []byte) (request, []string, error) {
	fields, err := object(payload)
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
			if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(failures, sample.Failures) {
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

// invalidInputs are refused with an error that contains this.
var invalidInputs = map[string]string{
	``:                                       "not a JSON object (it ends too soon)",
	`{`:                                      "it ends too soon",
	`{"dryRun":`:                             "it ends too soon",
	`null`:                                   "it is null",
	`[]`:                                     "it is an array",
	`"{}"`:                                   "it is a string",
	`7`:                                      "it is a number",
	`true`:                                   "it is a boolean",
	`{} {}`:                                  "something follows",
	`not JSON`:                               "invalid character",
	`{"dryRun":true,"dryRun":false}`:         `"dryRun" twice`,
	`{"DryRun":false}`:                       `"DryRun" is not known`,
	`{"dryRun":"false"}`:                     `"dryRun" cannot be read`,
	`{"dryRun":null}`:                        `"dryRun" is null`,
	`{"dryRun":0}`:                           `"dryRun" cannot be read`,
	`{"instanceIds":null}`:                   `"instanceIds" is null`,
	`{"instanceIds":[]}`:                     `"instanceIds" is empty`,
	`{"subnetIds":[]}`:                       `"subnetIds" is empty`,
	`{"vpcIds":[]}`:                          `"vpcIds" is empty`,
	`{"instanceIds":"i-01234567"}`:           `"instanceIds" cannot be read`,
	`{"instanceIds":["*"]}`:                  `"instanceIds" holds "*"`,
	`{"instanceIds":[""]}`:                   `"instanceIds" holds ""`,
	`{"instanceIds":[null]}`:                 `"instanceIds" holds ""`,
	`{"subnetIds":["vpc-12345678"]}`:         `"subnetIds" holds "vpc-12345678"`,
	`{"vpcIds":["vpc-12345678 "]}`:           `"vpcIds" holds "vpc-12345678 "`,
	`{"Records":[]}`:                         "holds no record",
	`{"Records":null}`:                       "holds no record",
	`{"Records":{}}`:                         "cannot be read",
	`{"Records":[{"eventSource":"aws:s3"}]}`: `a record of "aws:s3"`,
	`{"detail-type":7}`:                      "EventBridge event cannot be read",
	`{"detail-type":"Scheduled Event"}`:      `"Scheduled Event" of ""; supported`,
	`{"detail-type":"Scheduled Event","SOURCE":"aws.events","detail":{}}`:   `"Scheduled Event" of ""; supported`,
	`{"detail-type":"Scheduled Event","source":["aws.events"],"detail":{}}`: "EventBridge event cannot be read: its source",
	event("aws.autoscaling", "EC2 Instance Launch Successful", `{}`):        `"EC2 Instance Launch Successful" of "aws.autoscaling"; supported`,
	event("my.app", "EC2 Instance Terminate Successful", `{}`):              `of "my.app"; supported`,
	event("aws.scheduler", "Scheduled Event", `{"dryRun":true}`):            `detail holds "dryRun"`,
	event("aws.events", "Scheduled Event", `"{\"subnetIds\":[]}"`):          `detail holds "subnetIds"`,
	terminate(`{}`):                               `EC2InstanceId "" is not an instance ID`,
	terminate(`{"EC2InstanceId":"i-*"}`):          `EC2InstanceId "i-*" is not an instance ID`,
	terminate(`{"EC2InstanceId":["i-01234567"]}`): "its detail cannot be read",
	terminate(`"text"`):                           "its detail cannot be read",
	terminate(`{"EC2InstanceId":"i-01234567","Details":{"Subnet ID":"*"}}`): `Subnet ID "*" is not a subnet ID`,
	terminate(`{"EC2InstanceId":"i-01234567","Details":[]}`):                "its detail cannot be read",
}

func event(source, kind, detail string) string {
	return `{"source":"` + source + `","detail-type":"` + kind + `","detail":` + detail + `}`
}

func terminate(detail string) string {
	return event("aws.autoscaling", "EC2 Instance Terminate Successful", detail)
}

func TestInvalidInputsAreRefusedByName(t *testing.T) {
	for payload, want := range invalidInputs {
		got, failures, err := decodeAny([]byte(payload))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngives %+v, %q, error %v\nwant an error with: %s", payload, got, failures, err, want)
		}
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
