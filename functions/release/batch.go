package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// misunderstood is a message of a batch that cannot be used.
type misunderstood struct {
	id  string
	err error
}

// decodeBatch reads a batch of SQS messages, each a terminate event, into one
// request for all of their instances. Messages that are anything else fail alone.
// The boolean is false where the payload is no batch at all.
func decodeBatch(payload []byte) (request, []misunderstood, bool, error) {
	fields, err := object(payload)
	if _, is := fields["Records"]; err != nil || !is {
		return request{}, nil, false, nil
	}
	var batch events.SQSEvent
	if err := json.Unmarshal(payload, &batch); err != nil {
		return request{}, nil, true, fmt.Errorf("the batch of records cannot be read: %w", err)
	}
	if len(batch.Records) == 0 {
		return request{}, nil, true, errors.New("the batch holds no record")
	}
	all := request{trigger: eni.Event}
	var failures []misunderstood
	for _, message := range batch.Records {
		if message.EventSource != "aws:sqs" {
			return request{}, nil, true, fmt.Errorf("the batch holds a record of %.80q; %s", message.EventSource, understood)
		}
		one, err := decodeMessage(message.Body)
		if err != nil {
			failures = append(failures, misunderstood{message.MessageId, err})
			continue
		}
		all.scope.Instances = append(all.scope.Instances, one.scope.Instances...)
		all.scope.Groups = append(all.scope.Groups, one.scope.Groups...)
		all.scope.Subnets = append(all.scope.Subnets, one.scope.Subnets...)
	}
	return all, failures, true, nil
}

func decodeMessage(body string) (request, error) {
	one, err := decode([]byte(body))
	if err == nil && one.trigger != eni.Event {
		return request{}, fmt.Errorf("an input of the trigger %q came through the queue, which is for terminate events only", one.trigger)
	}
	return one, err
}
