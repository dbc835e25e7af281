package handler

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
)

// FuzzBatch: each message of a batch is decoded alone, whatever the others hold: its names are in
// the request, or its ID is a failure.
func FuzzBatch(f *testing.F) {
	for _, sample := range events.Samples {
		f.Add(sample.Payload(), events.Payload("terminate"), "aws:sqs")
	}
	f.Fuzz(func(t *testing.T, first, second []byte, source string) {
		bodies := [][]byte{first, second, first}
		var records []map[string]any
		for n, body := range bodies {
			records = append(records, map[string]any{"messageId": fmt.Sprint(n), "eventSource": source, "body": string(body)})
		}
		raw, err := json.Marshal(records)
		if err != nil {
			t.Fatal(err)
		}
		got, failures, err := decodeBatch(raw)
		if (err == nil) != (source == "aws:sqs") {
			t.Fatalf("a batch of %q: %v", source, err)
		}
		if err != nil {
			return
		}
		want := request{trigger: eni.Event}
		var failed []string
		for n, record := range records {
			body, _ := json.Marshal(record["body"])
			one, err := decodeMessage(object{"body": body})
			if err != nil {
				failed = append(failed, fmt.Sprint(n))
				continue
			}
			want.scope.Instances = append(want.scope.Instances, one.scope.Instances...)
			want.scope.Groups = append(want.scope.Groups, one.scope.Groups...)
			want.scope.Subnets = append(want.scope.Subnets, one.scope.Subnets...)
			want.lost = append(want.lost, one.lost...)
		}
		if !equal(got, want) {
			t.Fatalf("%+v, want %+v of\n%s", got, want, raw)
		}
		if !slices.EqualFunc(failures, failed, func(f invalidMessage, id string) bool { return f.id == id && f.err != nil }) {
			t.Fatalf("failures %+v, want %q", failures, failed)
		}
		expectIDs(t, got.scope)
	})
}
