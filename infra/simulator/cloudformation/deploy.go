package cloudformation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Resources are the deployed resources by logical ID.
type Resources map[string]any

// A stack is a template that is being deployed.
type stack struct {
	parameters, conditions, resources map[string]any
	values                            map[string]string // of parameters and pseudo parameters
}

// pseudo are the pseudo parameters where none are given. The account is that of AWS's own examples.
var pseudo = map[string]string{
	"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012",
	"AWS::StackName": "releaser", "AWS::URLSuffix": "amazonaws.com",
}

// Deploy returns the resources that a template makes with these parameters and pseudo
// parameters. One that others can refer to holds its made-up name as PhysicalResourceId.
func (t Template) Deploy(given map[string]string) (resources Resources, err error) {
	defer failed("deploying the template", &err)
	s := stack{t.section("Parameters"), t.section("Conditions"), t.section("Resources"), maps.Clone(pseudo)}
	for name := range given {
		if s.parameters[name] == nil && pseudo[name] == "" {
			fail("there is no parameter %s", name)
		}
	}
	maps.Copy(s.values, given)
	for name, declared := range s.parameters {
		s.setParameter(name, fields(declared))
	}
	resources = Resources{}
	for id, resource := range s.resources {
		if !s.isMade(id) {
			continue
		}
		made := fields(s.evaluate(resource))
		if _, ok := kinds[fmt.Sprint(made["Type"])]; ok {
			made["PhysicalResourceId"] = s.reference(id)
		}
		resources[id] = made
	}
	s.evaluate(t.section("Outputs")) // for what they refer to
	return resources, nil
}

func (t Template) section(name string) map[string]any {
	return fields(cmp.Or(t[name], any(map[string]any{})))
}

// setParameter takes a parameter's default where no value is given, and checks the value.
func (s stack) setParameter(name string, declared map[string]any) {
	value, given := s.values[name]
	if !given {
		if declared["Default"] == nil {
			fail("parameter %s has no default, and no value is given", name)
		}
		value = fmt.Sprint(declared["Default"])
		s.values[name] = value
	}
	for attribute, limit := range declared {
		fits := true
		switch attribute {
		case "Default", "Description", "ConstraintDescription":
		case "Type":
			fits = limit == "String" || limit == "Number" && number(value) > math.Inf(-1)
		case "AllowedValues":
			fits = slices.ContainsFunc(elements(limit), func(allowed any) bool { return text(allowed) == value })
		case "AllowedPattern":
			matches, err := regexp.MatchString("^(?:"+text(limit)+")$", value)
			fits = matches && err == nil
		case "MinValue":
			fits = number(value) >= number(limit)
		case "MaxValue":
			fits = number(value) <= number(limit)
		default:
			fail("%s of parameter %s is not supported", attribute, name)
		}
		if !fits {
			fail("parameter %s: %q does not fit %s %v", name, value, attribute, limit)
		}
	}
}

// isMade reports whether a resource has no condition, or one that holds.
func (s stack) isMade(id string) bool {
	if s.resources[id] == nil {
		fail("there is no %s", id)
	}
	condition, conditional := fields(s.resources[id])["Condition"]
	return !conditional || s.holds(condition)
}

// holds decides a condition, by its name or written out.
func (s stack) holds(condition any) bool {
	if name, ok := condition.(string); ok {
		if s.conditions[name] == nil {
			fail("there is no condition %s", name)
		}
		return s.holds(s.conditions[name])
	}
	for function, argument := range fields(condition) {
		switch {
		case len(fields(condition)) > 1:
		case function == "Condition":
			return s.holds(text(argument))
		case function == "Fn::Not":
			return !s.holds(arguments(argument, 1)[0])
		case function == "Fn::And":
			return !slices.ContainsFunc(elements(argument), func(each any) bool { return !s.holds(each) })
		case function == "Fn::Or":
			return slices.ContainsFunc(elements(argument), s.holds)
		case function == "Fn::Equals":
			pair := arguments(s.evaluate(argument), 2)
			return text(pair[0]) == text(pair[1])
		}
	}
	fail("condition %v is not supported", condition)
	return false
}

// noValue is AWS::NoValue: what has it is left out.
type noValue struct{}

// evaluate returns a part of the template with its functions evaluated.
func (s stack) evaluate(part any) any {
	switch part := part.(type) {
	case map[string]any:
		evaluated := map[string]any{}
		for key, each := range part {
			if key == "Ref" || strings.HasPrefix(key, "Fn::") {
				if len(part) > 1 {
					fail("%s has fields beside it", key)
				}
				return s.call(key, each)
			}
			if value := s.evaluate(each); value != any(noValue{}) {
				evaluated[key] = value
			}
		}
		return evaluated
	case []any:
		evaluated := []any{}
		for _, each := range part {
			if value := s.evaluate(each); value != any(noValue{}) {
				evaluated = append(evaluated, value)
			}
		}
		return evaluated
	}
	return part
}

// arguments are a function's, which takes so many.
func arguments(list any, count int) []any {
	if len(elements(list)) != count {
		fail("%v are not %d arguments", list, count)
	}
	return elements(list)
}

// text is a scalar's.
func text(value any) string {
	switch value.(type) {
	case string, int, float64, bool:
		return fmt.Sprint(value)
	}
	fail("%v is not a text", value)
	return ""
}

func number(value any) float64 {
	n, err := strconv.ParseFloat(text(value), 64)
	if err != nil {
		fail("%v is not a number", value)
	}
	return n
}
