package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// object holds the fields of a JSON object by their exact names: package json would match "DRYRUN" to
// "dryRun". A field that stands twice is nil, and reading it fails; one that is never read may hold
// anything.
type object map[string]json.RawMessage

// parseObject parses a text that must be one JSON object and nothing more.
func parseObject(text []byte) (object, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, err := decoder.Token(); err != nil {
		return nil, readable(err)
	} else if token != json.Delim('{') {
		return nil, fmt.Errorf("it is %s", kindOf(token))
	}
	fields := object{}
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
			value = nil
		}
		fields[name.(string)] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, readable(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows its closing brace")
	}
	return fields, nil
}

// absent reports whether a field is missing or null.
func (o object) absent(name string) bool {
	value, is := o[name]
	return !is || string(value) == "null"
}

// read decodes a field into a value of its type; null is of no type.
func (o object) read(name string, into any) error {
	value := o[name]
	switch {
	case value == nil:
		return errors.New("stands twice")
	case string(value) == "null":
		return errors.New("is null: set a value, or omit the field")
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	return nil
}

// text reads a field that is a string; "" where it is absent.
func (o object) text(name string) (value string, err error) {
	if o.absent(name) {
		return "", nil
	}
	if err := o.read(name, &value); err != nil {
		return "", fmt.Errorf("its %q %w", name, err)
	}
	return value, nil
}

// object reads a field that is an object; nil where it is absent.
func (o object) object(name string) (object, error) {
	if o.absent(name) {
		return nil, nil
	}
	if o[name] == nil {
		return nil, fmt.Errorf("its %q stands twice", name)
	}
	fields, err := parseObject(o[name])
	if err != nil {
		return nil, fmt.Errorf("its %q cannot be read: %w", name, err)
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
