package cloudformation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Resources are the deployed resources by logical ID.
type Resources = map[string]any

// A stack is a template that is being deployed.
type stack struct {
	conditions, resources mapping
	values                map[string]string // of parameters and pseudo parameters
}

// pseudo are the pseudo parameters where none are given. The account is that of AWS's own examples.
var pseudo = map[string]string{
	"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012",
	"AWS::StackName": "releaser", "AWS::URLSuffix": "amazonaws.com",
}

// Deploy returns the resources that a template makes with these parameters and pseudo
// parameters, whose values it does not check.
func (t Template) Deploy(given map[string]string) (resources Resources, err error) {
	defer recoverError(&err)
	s := stack{t["Conditions"].(mapping), t["Resources"].(mapping), maps.Clone(pseudo)}
	for name, declared := range t["Parameters"].(mapping) {
		s.values[name] = text(declared.(mapping)["Default"])
	}
	for name, value := range given {
		if _, ok := s.values[name]; !ok {
			fail("parameter %s, which is not there", name)
		}
		s.values[name] = value
	}
	resources = Resources{}
	for id, resource := range s.resources {
		if s.holds(resource.(mapping)["Condition"]) {
			resources[id] = s.evaluate(resource)
		}
	}
	s.evaluate(t["Outputs"]) // for what they refer to
	return resources, nil
}

// holds decides a condition by its name; what has none is always made.
func (s stack) holds(name any) bool {
	if name == nil {
		return true
	}
	if s.conditions[text(name)] == nil {
		fail("condition %s, which is not there", name)
	}
	return s.evaluate(s.conditions[text(name)]).(bool)
}

// evaluate returns a part of the template with its functions evaluated; nil for AWS::NoValue, which is left out.
func (s stack) evaluate(part any) any {
	switch part := part.(type) {
	case mapping:
		evaluated := mapping{}
		for key, each := range part {
			if len(part) == 1 && (key == "Ref" || key == "Condition" || strings.HasPrefix(key, "Fn::")) {
				return s.call(key, each)
			}
			if value := s.evaluate(each); value != nil {
				evaluated[key] = value
			}
		}
		return evaluated
	case []any:
		evaluated := []any{}
		for _, each := range part {
			if value := s.evaluate(each); value != nil {
				evaluated = append(evaluated, value)
			}
		}
		return evaluated
	}
	return part
}

// call evaluates an intrinsic function, known by its name and its number of arguments.
func (s stack) call(function string, argument any) any {
	arguments, ok := argument.([]any)
	if !ok {
		arguments = []any{argument}
	}
	value := func(n int) any { return s.evaluate(arguments[n]) }
	truth := func(condition any) bool { return s.evaluate(condition).(bool) }
	switch fmt.Sprintf("%s/%d", function, len(arguments)) {
	case "Condition/1":
		return s.holds(argument)
	case "Ref/1", "Fn::GetAtt/1":
		if argument == "AWS::NoValue" {
			return nil
		}
		return s.reference(text(argument))
	case "Fn::If/3":
		if s.holds(arguments[0]) {
			return value(1)
		}
		return value(2)
	case "Fn::Sub/1":
		return s.substitute(text(argument), nil)
	case "Fn::Sub/2":
		return s.substitute(text(value(0)), value(1).(mapping))
	case "Fn::Join/2":
		var words []string
		for _, word := range value(1).([]any) {
			words = append(words, text(word))
		}
		return strings.Join(words, text(value(0)))
	case "Fn::Split/2":
		var words []any
		for word := range strings.SplitSeq(text(value(1)), text(value(0))) {
			words = append(words, word)
		}
		return words
	case "Fn::Equals/2":
		return text(value(0)) == text(value(1))
	case "Fn::Not/1":
		return !truth(arguments[0])
	case "Fn::And/2":
		return truth(arguments[0]) && truth(arguments[1])
	case "Fn::Or/2", "Fn::Or/4":
		return slices.ContainsFunc(arguments, truth)
	}
	fail("%s with %d arguments", function, len(arguments))
	return nil
}

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// substitute fills the placeholders of a text, by the variables first.
func (s stack) substitute(pattern string, variables mapping) string {
	filled := placeholder.ReplaceAllStringFunc(pattern, func(match string) string {
		name := placeholder.FindStringSubmatch(match)[1]
		if variable, ok := variables[name]; ok {
			return text(variable)
		}
		return s.reference(name)
	})
	return strings.ReplaceAll(filled, "${!", "${")
}

// kinds are the types that others can refer to: the property that names a resource, and the form of its ARN.
var kinds = map[string]struct{ named, arn string }{
	"AWS::SQS::Queue":           {"QueueName", "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Name}"},
	"AWS::Logs::LogGroup":       {"LogGroupName", "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${Name}:*"},
	"AWS::IAM::Role":            {"RoleName", "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Name}"},
	"AWS::Events::Rule":         {"Name", "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/${Name}"},
	"AWS::Serverless::Function": {"FunctionName", "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${Name}"},
}

// reference is a parameter's value, or a resource's name or attribute ("ID.Attribute").
// A resource without a name of its own has one of stack and ID, which CloudFormation
// gives a random end. A queue's name also stands for its URL.
func (s stack) reference(path string) string {
	if value, ok := s.values[path]; ok {
		return value
	}
	id, attribute, _ := strings.Cut(path, ".")
	resource, _ := s.resources[id].(mapping)
	kind, ok := kinds[fmt.Sprint(resource["Type"])]
	if !ok || !s.holds(resource["Condition"]) {
		fail("a reference to %s", path)
	}
	name := s.values["AWS::StackName"] + "-" + id
	if properties, _ := resource["Properties"].(mapping); properties[kind.named] != nil {
		name = text(s.evaluate(properties[kind.named]))
	}
	switch attribute {
	case "", kind.named:
		return name
	case "Arn":
		return s.substitute(kind.arn, mapping{"Name": name})
	}
	fail("attribute %s", path)
	return ""
}
