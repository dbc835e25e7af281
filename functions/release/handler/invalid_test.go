package handler

import (
	"strings"
	"testing"
)

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
	`{}}`:                                    "something follows",
	`{"dryRun":false}]`:                      "something follows",
	`{"dryRun":true,"dryRun":false}`:         `"dryRun" stands twice`,
	`{"clusterNames":[]}`:                    `"clusterNames" is empty`,
	`{"clusterNames":null}`:                  `"clusterNames" is null`,
	`{"clusterNames":[""]}`:                  `"clusterNames" holds ""`,
	`{"clusterNames":["blue*"]}`:             `"clusterNames" holds "blue*"`,
	`{"clusterNames":["bl?e"]}`:              `"clusterNames" holds "bl?e"`,
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
	`{"Records":[null]}`:                     "a record of the batch cannot be read: it is null",
	`{"Records":[{"eventSource":"aws:sqs"}]}`:                               "has no messageId",
	`{"detail-type":7}`:                                                     "EventBridge event cannot be read",
	`{"detail-type":"Scheduled Event"}`:                                     `"Scheduled Event" of ""; supported`,
	`{"detail-type":"Scheduled Event","SOURCE":"aws.events","detail":{}}`:   `"Scheduled Event" of ""; supported`,
	`{"detail-type":"Scheduled Event","source":["aws.events"],"detail":{}}`: "EventBridge event cannot be read: its \"source\"",
	event("aws.autoscaling", "EC2 Instance Launch Successful", `{}`):        `"EC2 Instance Launch Successful" of "aws.autoscaling"; supported`,
	event("my.app", "EC2 Instance Terminate Successful", `{}`):              `of "my.app"; supported`,
	event("aws.scheduler", "Scheduled Event", `{"dryRun":true}`):            `detail holds "dryRun"`,
	event("aws.events", "Scheduled Event", `"{\"subnetIds\":[]}"`):          `detail holds "subnetIds"`,
	event("aws.events", "Scheduled Event", `{"DRYRUN":true}`):               `detail holds "DRYRUN"`,
	terminate(`{}`):                               `EC2InstanceId "" is not an instance ID`,
	terminate(`{"EC2InstanceId":"i-*"}`):          `EC2InstanceId "i-*" is not an instance ID`,
	terminate(`{"EC2InstanceId":null}`):           `EC2InstanceId "" is not an instance ID`,
	terminate(`{"ec2instanceid":"i-01234567"}`):   `EC2InstanceId "" is not an instance ID`,
	terminate(`{"EC2InstanceId":["i-01234567"]}`): `its "EC2InstanceId" cannot be read`,
	terminate(`"text"`):                           `its "detail" cannot be read: it is a string`,
	terminate(`null`):                             `EC2InstanceId "" is not an instance ID`,
	terminate(`{"EC2InstanceId":"i-01234567","EC2InstanceId":"i-89abcdef"}`): `its "EC2InstanceId" stands twice`,
	terminate(`{"EC2InstanceId":"i-01234567","Destination":7}`):              `its "Destination" cannot be read`,
	terminate(`{},"detail":{}`):                                              `its "detail" stands twice`,
	event("aws.events", "Scheduled Event", `{},"detail":{}`):                 `its "detail" stands twice`,
	change(`{"instance-id":"i-01234567"}`):                                   `its "state" is missing`,
	change(`{"instance-id":"i-01234567","state":null}`):                      `its "state" is missing`,
	change(`{"instance-id":"i-01234567","state":["terminated"]}`):            `its "state" cannot be read`,
	change(`{"instance-id":"*","state":"terminated"}`):                       `instance-id "*" is not an instance ID`,
	change(`{"state":"terminated"}`):                                         `instance-id "" is not an instance ID`,
}

func event(source, kind, detail string) string {
	return `{"source":"` + source + `","detail-type":"` + kind + `","detail":` + detail + `}`
}

func terminate(detail string) string {
	return event("aws.autoscaling", "EC2 Instance Terminate Successful", detail)
}

func change(detail string) string {
	return event("aws.ec2", "EC2 Instance State-change Notification", detail)
}

func TestInvalidInputsAreRefusedByName(t *testing.T) {
	for payload, want := range invalidInputs {
		got, failures, err := decodeAny([]byte(payload))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngives %+v, %q, error %v\nwant an error with: %s", payload, got, failures, err, want)
		}
	}
}
