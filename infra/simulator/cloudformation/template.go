// Package cloudformation deploys a SAM template as far as template.yaml needs it:
// conditions decided, intrinsic functions evaluated. What it does not support is an
// error that names it, so each number that it returns is one that AWS gets, too. It
// imports nothing of this module. Start at [Template.Deploy].
package cloudformation

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

type mapping = map[string]any

// A Template is a template with its short forms written out: !Ref X is {Ref: X},
// !GetAtt A.B is {Fn::GetAtt: A.B}.
type Template mapping

// sections are those that Deploy reads or may skip. Globals, Mappings and Rules would
// change what is deployed.
var sections = []string{"AWSTemplateFormatVersion", "Transform", "Description", "Metadata", "Parameters", "Conditions", "Resources", "Outputs"}

// Read reads a template. SAM's transform is accepted and not applied: a function keeps its events.
func Read(text []byte) (template Template, err error) {
	if err := yaml.Unmarshal(text, &template); err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	for section, value := range template {
		if !slices.Contains(sections, section) || section == "Transform" && value != "AWS::Serverless-2016-10-31" {
			return nil, fmt.Errorf("the simulator does not support %s %v", section, value)
		}
	}
	return template, nil
}

// UnmarshalYAML is yaml's way to have the short forms written out.
func (t *Template) UnmarshalYAML(document *yaml.Node) error {
	expand(document)
	return document.Decode((*mapping)(t))
}

// expand writes the short forms in a node out.
func expand(node *yaml.Node) {
	for _, each := range node.Content {
		expand(each)
	}
	function, short := strings.CutPrefix(node.Tag, "!")
	if !short || strings.HasPrefix(function, "!") {
		return
	}
	if function != "Ref" && function != "Condition" {
		function = "Fn::" + function
	}
	argument := *node
	argument.Tag = ""
	*node = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: function}, &argument}}
}

// At follows a path of names and indices into a document.
func At(document any, path ...any) (value any, err error) {
	defer recoverError(&err)
	if template, ok := document.(Template); ok {
		document = mapping(template)
	}
	for i, step := range path {
		if index, ok := step.(int); ok {
			document = document.([]any)[index]
		} else {
			document = document.(mapping)[step.(string)]
		}
		if document == nil {
			fail("%v, which is not there", path[:i+1])
		}
	}
	return document, nil
}

// text is a scalar's.
func text(value any) string {
	switch value.(type) {
	case nil, mapping, []any:
		fail("%v, which is no text", value)
	}
	return fmt.Sprint(value)
}

func fail(format string, values ...any) { panic(fmt.Sprintf(format, values...)) }

// recoverError returns as an error what ended the reading of a document from deep inside:
// fail, or a part of another type or length than AWS takes.
func recoverError(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("the simulator does not support %v", cause)
	}
}
