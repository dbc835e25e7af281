package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// object returns the fields of an input, which must be one JSON object.
func object(payload []byte) (map[string]json.RawMessage, error) {
	fields, err := exactFields(payload)
	if err != nil {
		return nil, fmt.Errorf("the input is not a JSON object (%w); %s", err, supported)
	}
	return fields, nil
}

// exactFields matches names exactly, each once: package json would match "DRYRUN" to
// "dryRun", and keep the last of two equal names.
func exactFields(payload []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	if token, err := decoder.Token(); err != nil {
		return nil, readable(err)
	} else if token != json.Delim('{') {
		return nil, fmt.Errorf("it is %s", kindOf(token))
	}
	fields := map[string]json.RawMessage{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, readable(err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, readable(err)
		}
		if _, twice := fields[name.(string)]; twice {
			return nil, fmt.Errorf("it has the field %.80q twice", name)
		}
		fields[name.(string)] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, readable(err)
	}
	if decoder.More() {
		return nil, errors.New("something follows its closing brace")
	}
	return fields, nil
}

func kindOf(token json.Token) string {
	switch token.(type) {
	case json.Delim:
		return "an array"
	case string:
		return "a string"
	case nil:
		return "null"
	case bool:
		return "a boolean"
	}
	return "a number"
}

func readable(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too soon")
	}
	return err
}
