// Package events embeds samples of the function's inputs, with their expected results, for tests.
package events

import (
	"embed"
	"fmt"
)

//go:embed *.json
var files embed.FS

// IDs and names in the samples.
const (
	Instance      = "i-0123456789abcdef0"
	OtherInstance = "i-0fedcba9876543210"
	Group         = "my-asg"
	Subnet        = "subnet-12345678"
	VPC           = "vpc-12345678"
)

// Interfaces is a set of the leaked interfaces of harness.Region.AddScaleIn.
type Interfaces int

// Parts of that set.
const (
	Own    Interfaces = 1 << iota // of Instance
	Second                        // of OtherInstance, outside of Subnet
	Near                          // of another terminated instance, in Subnet
	Far                           // of the same instance, outside of Subnet
	All    = Own | Second | Near | Far
)

// Sample is an input, and its result in the region of harness.Region.AddScaleIn.
type Sample struct {
	Name     string
	Refused  string     // a part of the error; "" where the function accepts it
	Failures []string   // IDs of the messages of a batch that fail alone
	Deletes  Interfaces // those that are deleted
	Answer   string     // a part of the answer
	ByRule   bool       // a deployed rule's pattern matches it
}

// Samples has a row for each file.
var Samples = []Sample{
	{Name: "terminate", ByRule: true, Deletes: Own | Near, Answer: `"trigger":"event","dryRun":false,"found":4,"released":3`},
	{Name: "terminate-by-alarm", ByRule: true, Deletes: Own | Near, Answer: `"released":3`}, // the subnet is its group's
	{Name: "terminate-to-warm-pool", Answer: `"found":0`},
	{Name: "terminate-as-documented", ByRule: true, Deletes: Own | Near, Answer: `"released":3`},        // fields that decide nothing hold anything
	{Name: "terminate-with-details-as-text", ByRule: true, Deletes: Own | Near, Answer: `"released":3`}, // the subnet is its group's
	{Name: "state-change", ByRule: true, Deletes: Own, Answer: `"trigger":"event","dryRun":false,"found":2,"released":2`},
	{Name: "state-change-to-stopped", Answer: `"found":0`},
	{Name: "schedule", Deletes: All, Answer: `{"account":"123456789012","region":"eu-west-1","trigger":"schedule","dryRun":false,"found":6,"released":5,"gone":0,"deferred":0,"failed":0,"kept":{"owner-alive":1},"addressesReleased":50`},
	{Name: "schedule-rule", Deletes: All, Answer: `"released":5`},
	{Name: "batch", Deletes: Own | Second | Near, Answer: `{"batchItemFailures":[]}`},
	{Name: "batch-with-bad-message", Deletes: Own | Near,
		Failures: []string{"00000002-1234-1234-1234-123456789012", "00000003-1234-1234-1234-123456789012"},
		Answer:   `{"batchItemFailures":[{"itemIdentifier":"00000002-1234-1234-1234-123456789012"},{"itemIdentifier":"00000003-1234-1234-1234-123456789012"}]}`},
	{Name: "manual", Answer: `"trigger":"manual","dryRun":true,"found":6,"released":5`},
	{Name: "manual-dry", Answer: `"found":3,"released":2`},
	{Name: "manual-cluster", Answer: `"found":0`}, // no tag there names a cluster
	{Name: "manual-release", Deletes: All, Answer: `"trigger":"manual","dryRun":false,"found":6,"released":5`},
	{Name: "invalid-field", Refused: `"dryrun" is not known; supported are`},
	{Name: "invalid-empty-list", Refused: `"instanceIds" is empty`},
}

// Payload returns the input itself.
func (s Sample) Payload() []byte { return Payload(s.Name) }

// Payload returns the input in the file of this name, without .json.
func Payload(name string) []byte {
	payload, err := files.ReadFile(name + ".json")
	if err != nil {
		panic(fmt.Sprintf("no sample %s: %v", name, err))
	}
	return payload
}
