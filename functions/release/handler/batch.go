package handler

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// invalidMessage is a message of a batch that fails alone.
type invalidMessage struct {
	id  string
	err error
}

// decodeBatch decodes SQS messages, each an event about one instance, into one request for all of
// these. Any other message fails alone.
func decodeBatch(records json.RawMessage) (request, []invalidMessage, error) {
	var batch []json.RawMessage
	if err := json.Unmarshal(records, &batch); err != nil {
		return request{}, nil, fmt.Errorf("the batch of records cannot be read: %w", err)
	}
	if len(batch) == 0 {
		return request{}, nil, errors.New("the batch holds no record")
	}
	all := request{trigger: eni.Event}
	var invalid []invalidMessage
	for _, raw := range batch {
		record, id, err := decodeRecord(raw)
		if err != nil {
			return request{}, nil, err
		}
		one, err := decodeMessage(record)
		if err != nil {
			invalid = append(invalid, invalidMessage{id, err})
			continue
		}
		all.scope.Instances = append(all.scope.Instances, one.scope.Instances...)
		all.scope.Groups = append(all.scope.Groups, one.scope.Groups...)
		all.scope.Subnets = append(all.scope.Subnets, one.scope.Subnets...)
		all.lost = append(all.lost, one.lost...)
	}
	return all, invalid, nil
}

// decodeRecord reads a record's source and its message's ID, without which no failure can be reported.
func decodeRecord(raw json.RawMessage) (record object, messageID string, err error) {
	if record, err = parseObject(raw); err != nil {
		return nil, "", fmt.Errorf("a record of the batch cannot be read: %w", err)
	}
	source, err := record.text("eventSource")
	if err != nil || source != "aws:sqs" {
		return nil, "", fmt.Errorf("the batch holds a record of %.80q; %s", source, supported)
	}
	if messageID, err = record.text("messageId"); err != nil || messageID == "" {
		return nil, "", errors.New("a record of the batch has no messageId")
	}
	return record, messageID, nil
}

func decodeMessage(record object) (request, error) {
	body, err := record.text("body")
	if err != nil {
		return request{}, err
	}
	fields, err := parseInput([]byte(body))
	if err != nil {
		return request{}, err
	}
	one, err := decode(fields)
	if err == nil && one.trigger != eni.Event {
		return request{}, fmt.Errorf("an input of the trigger %q, where the queue is for events about instances only", one.trigger)
	}
	return one, err
}
