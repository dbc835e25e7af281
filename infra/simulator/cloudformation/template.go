// Package cloudformation deploys a SAM template as far as template.yaml needs it:
// parameters are checked, conditions decided, intrinsic functions evaluated. What it
// does not support is an error that names it, so each number that it returns is one
// that AWS gets, too. It imports nothing of this module. Start at [Template.Deploy].
package cloudformation

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Template is a template with its short forms written out: !Ref X is {Ref: X},
// !GetAtt A.B is {Fn::GetAtt: A.B}.
type Template map[string]any

// sections are those that Deploy reads or may skip. Globals, Mappings and Rules would
// change what is deployed.
var sections = []string{"AWSTemplateFormatVersion", "Transform", "Description", "Metadata", "Parameters", "Conditions", "Resources", "Outputs"}

// Read reads a template. SAM's transform is accepted and not applied: a function keeps its events.
func Read(text []byte) (template Template, err error) {
	defer failed("reading the template", &err)
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		fail("%w", err)
	}
	if len(document.Content) == 0 {
		fail("it is empty")
	}
	template = fields(plain(document.Content[0]))
	for section := range template {
		if !slices.Contains(sections, section) {
			fail("section %s is not supported", section)
		}
	}
	if used := template["Transform"]; used != nil && used != "AWS::Serverless-2016-10-31" {
		fail("transform %v is not supported", used)
	}
	return template, nil
}

// plain is a node's value, its short forms written out.
func plain(node *yaml.Node) (value any) {
	short := strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!")
	switch node.Kind {
	case yaml.MappingNode:
		mapping := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			key := node.Content[i]
			if _, twice := mapping[key.Value]; twice || key.Kind != yaml.ScalarNode {
				fail("line %d: key %q is there twice, or is not a name", key.Line, key.Value)
			}
			mapping[key.Value] = plain(node.Content[i+1])
		}
		value = mapping
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, each := range node.Content {
			list[i] = plain(each)
		}
		value = list
	case yaml.ScalarNode:
		scalar := *node
		if short {
			scalar.Tag = "!!str"
		}
		if err := scalar.Decode(&value); err != nil {
			fail("line %d: %w", node.Line, err)
		}
	default:
		fail("line %d: aliases are not supported", node.Line)
	}
	switch function := strings.TrimPrefix(node.Tag, "!"); {
	case !short:
		return value
	case function == "Ref" || function == "Condition":
		return map[string]any{function: value}
	default:
		return map[string]any{"Fn::" + function: value}
	}
}

// At follows a path of names and indices into a document.
func At(document any, path ...any) (value any, err error) {
	defer failed("looking into a document", &err)
	for i, step := range path {
		var next any
		switch step := step.(type) {
		case string:
			next = fields(document)[step]
		case int:
			if list := elements(document); step < len(list) {
				next = list[step]
			}
		}
		if next == nil {
			fail("there is nothing at %v", path[:i+1])
		}
		document = next
	}
	return document, nil
}

func fields(value any) map[string]any {
	switch value := value.(type) {
	case map[string]any:
		return value
	case Template:
		return value
	case Resources:
		return value
	}
	fail("%v is not a mapping", value)
	return nil
}

func elements(value any) []any {
	list, ok := value.([]any)
	if !ok {
		fail("%v is not a list", value)
	}
	return list
}

// A failure ends the reading of a document from deep inside; failed returns it as an error.
type failure struct{ error }

func fail(format string, values ...any) { panic(failure{fmt.Errorf(format, values...)}) }

func failed(doing string, err *error) {
	switch cause := recover().(type) {
	case nil:
	case failure:
		*err = fmt.Errorf("%s: %w", doing, cause.error)
	default:
		panic(cause)
	}
}
