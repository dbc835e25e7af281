package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

const (
	sampleInstance = "i-0123456789abcdef0"
	sampleSubnet   = "subnet-12345678"
)

// samples are all files of events/ and what they decode to.
var samples = map[string]struct {
	want     request
	failures []string // message ids of a batch
	refused  string   // part of the error
}{
	"terminate": {want: request{trigger: eni.Event, scope: eni.Scope{
		Instances: []string{sampleInstance}, Groups: []string{"my-asg"}, Subnets: []string{sampleSubnet}}}},
	"terminate-by-alarm": {want: request{trigger: eni.Event, scope: eni.Scope{
		Instances: []string{sampleInstance}, Groups: []string{"my-asg"}}}},
	"terminate-to-warm-pool": {want: request{trigger: eni.Event}},
	"schedule":               {want: request{trigger: eni.Schedule, scope: eni.Scope{Sweep: true}}},
	"schedule-rule":          {want: request{trigger: eni.Schedule, scope: eni.Scope{Sweep: true}}},
	"batch": {want: request{trigger: eni.Event, scope: eni.Scope{
		Instances: []string{sampleInstance, "i-0fedcba9876543210"}, Groups: []string{"my-asg", "my-asg"}, Subnets: []string{sampleSubnet, sampleSubnet}}}},
	"batch-with-bad-message": {
		want: request{trigger: eni.Event, scope: eni.Scope{
			Instances: []string{sampleInstance}, Groups: []string{"my-asg"}, Subnets: []string{sampleSubnet}}},
		failures: []string{"00000002-1234-1234-1234-123456789012", "00000003-1234-1234-1234-123456789012"}},
	"hand":     {want: request{trigger: eni.Hand, dryRun: true, scope: eni.Scope{Sweep: true}}},
	"hand-dry": {want: request{trigger: eni.Hand, dryRun: true, scope: eni.Scope{Subnets: []string{sampleSubnet}}}},
	"hand-release": {want: request{trigger: eni.Hand, scope: eni.Scope{
		Instances: []string{sampleInstance}, Subnets: []string{sampleSubnet}, VPCs: []string{"vpc-12345678"}}}},
	"not-understood-state-change": {refused: `"EC2 Instance State-change Notification" of "aws.ec2" came; understood are`},
	"not-understood-field":        {refused: `"dryrun" is not known; understood are`},
	"not-understood-empty-list":   {refused: `"instanceIds" is empty`},
}

// decodeAny decodes as the handler does.
func decodeAny(payload []byte) (request, []string, error) {
	fields, err := object(payload)
	if err != nil {
		return request{}, nil, err
	}
	records, isBatch := fields["Records"]
	if !isBatch {
		one, err := decode(payload, fields)
		return one, nil, err
	}
	batch, failures, err := decodeBatch(records)
	var ids []string
	for _, failure := range failures {
		ids = append(ids, failure.id)
	}
	return batch, ids, err
}

func readSample(t testing.TB, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func sampleNames(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("events/*.json")
	if err != nil || len(files) != len(samples) {
		t.Fatalf("%d samples in events/, %d in the table (%v)", len(files), len(samples), err)
	}
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	return names
}

func TestEachSampleDecodes(t *testing.T) {
	for _, name := range sampleNames(t) {
		t.Run(name, func(t *testing.T) {
			sample := samples[name]
			got, failures, err := decodeAny(readSample(t, name))
			if sample.refused != "" {
				if err == nil || !strings.Contains(err.Error(), sample.refused) {
					t.Fatalf("%v, want an error with %q", err, sample.refused)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, sample.want) || !reflect.DeepEqual(failures, sample.failures) {
				t.Errorf("got  %+v, failures %q (%v)\nwant %+v, failures %q", got, failures, err, sample.want, sample.failures)
			}
		})
	}
}

func TestEachKindHasItsSample(t *testing.T) {
	for _, kind := range kinds {
		found := false
		for _, name := range sampleNames(t) {
			var event struct {
				Source     string `json:"source"`
				DetailType string `json:"detail-type"`
			}
			_ = json.Unmarshal(readSample(t, name), &event)
			found = found || event.Source == kind.source && event.DetailType == kind.detailType
		}
		if !found {
			t.Errorf("no sample of %s %q", kind.source, kind.detailType)
		}
	}
}

// termination events that are bent, and what is said of them.
func TestWrongInputsAreRefusedByName(t *testing.T) {
	event := func(source, kind, detail string) string {
		return `{"source":"` + source + `","detail-type":"` + kind + `","detail":` + detail + `}`
	}
	terminate := func(detail string) string {
		return event("aws.autoscaling", "EC2 Instance Terminate Successful", detail)
	}
	for payload, want := range map[string]string{
		``:                                       "no JSON object (it ends too soon)",
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
		`{"detail-type":"Scheduled Event"}`:      `"Scheduled Event" of "" came`,
		event("aws.autoscaling", "EC2 Instance Launch Successful", `{}`): `"EC2 Instance Launch Successful" of "aws.autoscaling" came`,
		event("my.app", "EC2 Instance Terminate Successful", `{}`):       `of "my.app" came`,
		event("aws.scheduler", "Scheduled Event", `{"dryRun":true}`):     `detail holds "dryRun"`,
		event("aws.events", "Scheduled Event", `"{\"subnetIds\":[]}"`):   `detail holds "subnetIds"`,
		terminate(`{}`):                               `EC2InstanceId "" is no instance id`,
		terminate(`{"EC2InstanceId":"i-*"}`):          `EC2InstanceId "i-*" is no instance id`,
		terminate(`{"EC2InstanceId":["i-01234567"]}`): "its detail cannot be read",
		terminate(`"text"`):                           "its detail cannot be read",
		terminate(`{"EC2InstanceId":"i-01234567","Details":{"Subnet ID":"*"}}`): `Subnet ID "*" is no subnet id`,
		terminate(`{"EC2InstanceId":"i-01234567","Details":[]}`):                "its detail cannot be read",
	} {
		got, failures, err := decodeAny([]byte(payload))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngives %+v, %q, error %v\nwant an error with: %s", payload, got, failures, err, want)
		}
	}
}

// EventBridge's own events may grow.
func TestEventsMayGrow(t *testing.T) {
	for _, detail := range []string{"{}", `"{}"`, "{ }", "null", `""`, `{"new-field":1}`, `"{\"new-field\":1}"`} {
		schedule := `{"source":"aws.scheduler","detail-type":"Scheduled Event","detail":` + detail + `}`
		if got, _, err := decodeAny([]byte(schedule)); err != nil || !reflect.DeepEqual(got, samples["schedule"].want) {
			t.Errorf("%s: %+v, %v", schedule, got, err)
		}
	}
	grown := strings.Replace(string(readSample(t, "terminate")), `"StatusCode"`, `"NewField": [{}], "StatusCode"`, 1)
	grown = strings.Replace(grown, `"version"`, `"new-field": {}, "version"`, 1)
	if got, _, err := decodeAny([]byte(grown)); err != nil || !reflect.DeepEqual(got, samples["terminate"].want) {
		t.Errorf("%+v, %v", got, err)
	}
}

// FuzzDecode: no input panics, and none that is understood names anything but
// ids, or sweeps without being a schedule or by hand.
func FuzzDecode(f *testing.F) {
	for _, name := range sampleNames(f) {
		f.Add(readSample(f, name))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, _, err := decodeAny(payload)
		if err != nil {
			return
		}
		if got.scope.Sweep && (got.trigger == eni.Event || len(got.scope.Instances)+len(got.scope.Subnets)+len(got.scope.VPCs) > 0) {
			t.Fatalf("%s sweeps: %+v", payload, got)
		}
		if got.trigger == eni.Hand && !got.dryRun && !strings.Contains(string(payload), "false") {
			t.Fatalf("%s is no dry run", payload)
		}
		for prefix, ids := range map[string][]string{"i-": got.scope.Instances, "subnet-": got.scope.Subnets, "vpc-": got.scope.VPCs} {
			for _, id := range ids {
				if !eni.ValidID(prefix, id) {
					t.Fatalf("%s names %q", payload, id)
				}
			}
		}
	})
}
