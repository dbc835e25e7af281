package handler

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// invalidMessage is a message of a batch that fails alone.
type invalidMessage struct {
	id  string
	err error
}

// decodeBatch decodes SQS messages, each a terminate event, into one request for all of their
// instances. Any other message fails alone.
func decodeBatch(records json.RawMessage) (request, []invalidMessage, error) {
	var batch []events.SQSMessage
	if err := json.Unmarshal(records, &batch); err != nil {
		return request{}, nil, fmt.Errorf("the batch of records cannot be read: %w", err)
	}
	if len(batch) == 0 {
		return request{}, nil, errors.New("the batch holds no record")
	}
	all := request{trigger: eni.Event}
	var invalid []invalidMessage
	for _, message := range batch {
		if message.EventSource != "aws:sqs" {
			return request{}, nil, fmt.Errorf("the batch holds a record of %.80q; %s", message.EventSource, supported)
		}
		one, err := decodeMessage(message.Body)
		if err != nil {
			invalid = append(invalid, invalidMessage{message.MessageId, err})
			continue
		}
		all.scope.Instances = append(all.scope.Instances, one.scope.Instances...)
		all.scope.Groups = append(all.scope.Groups, one.scope.Groups...)
		all.scope.Subnets = append(all.scope.Subnets, one.scope.Subnets...)
	}
	return all, invalid, nil
}

func decodeMessage(body string) (request, error) {
	fields, err := object([]byte(body))
	if err != nil {
		return request{}, err
	}
	one, err := decode(fields)
	if err == nil && one.trigger != eni.Event {
		return request{}, fmt.Errorf("an input of the trigger %q, where the queue is for terminate events only", one.trigger)
	}
	return one, err
}
