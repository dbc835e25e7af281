package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// A journal is the file to which the function's processes log.
type journal struct {
	path string
	file *os.File
	read int // bytes
}

// A line of the log, as far as the demo is interested.
type line struct {
	Message   string
	report           // of a line of totals
	Interface string // and the rest: of an audit line
	Addresses int
	Instance  string
	Reason    string
}

// The messages of the function's log.
const (
	totals = "the run is done"
	failed = "the run failed"
	audit  = "released"
)

// A report is what the function answers to a run by hand, and logs of every run.
type report struct {
	Trigger           string
	Found             int
	Released          int
	Deferred          int
	Failed            int
	Kept              map[string]int
	AddressesReleased int
	Interfaces        []struct{ ID, Instance, InstanceState, Decision, Reason string }
}

func newJournal() (*journal, error) {
	file, err := os.CreateTemp("", "network-interface-releaser-*.log")
	if err != nil {
		return nil, fmt.Errorf("making a file for the log: %w", err)
	}
	return &journal{path: file.Name(), file: file}, nil
}

// next returns the lines that came since the last call.
func (j *journal) next() ([]line, error) {
	text, err := os.ReadFile(j.path)
	if err != nil {
		return nil, fmt.Errorf("reading the function's log: %w", err)
	}
	text = text[j.read:]
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	j.read += len(text)
	return parse(text), nil
}

// all returns the whole log.
func (j *journal) all() ([]line, error) {
	j.read = 0
	return j.next()
}

// parse reads lines of JSON; others are a crash's and none of a run's.
func parse(text []byte) (lines []line) {
	for raw := range bytes.Lines(text) {
		var l line
		if json.Unmarshal(raw, &l) == nil {
			lines = append(lines, l)
		}
	}
	return lines
}
