package harness

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
)

// A deployedStack is what CloudFormation makes of template.yaml: conditions decided,
// intrinsic functions evaluated, resources that are not made left out.
type deployedStack struct {
	testing.TB
	template map[string]any
	values   map[string]string // parameters and pseudo parameters
}

// What the tests deploy, and who its function is.
const (
	StackName    = "releaser"
	StackRegion  = "eu-west-1"
	Account      = "123456789012"
	FunctionName = StackName + "-ReleaseFunction"
	AccessKey    = "AKIAFUNCTION00000000" // the function signs with it
)

// Deployed deploys the template with its defaults and these parameters (pseudo
// parameters, too), and returns its resources by their logical IDs.
func Deployed(t testing.TB, given map[string]string) map[string]any {
	t.Helper()
	s := deployedStack{TB: t, template: Template(t), values: map[string]string{
		"AWS::Partition": "aws", "AWS::Region": StackRegion, "AWS::AccountId": Account, "AWS::StackName": StackName, "AWS::URLSuffix": "amazonaws.com",
	}}
	for name, p := range s.template["Parameters"].(map[string]any) {
		s.values[name] = fmt.Sprint(p.(map[string]any)["Default"])
	}
	for name := range given {
		if _, known := s.values[name]; !known {
			t.Fatalf("the template has no parameter %s", name)
		}
	}
	maps.Copy(s.values, given)

	resources := map[string]any{}
	for id, r := range s.template["Resources"].(map[string]any) {
		resource := r.(map[string]any)
		if condition, conditional := resource["Condition"]; !conditional || s.holds(condition) {
			resources[id], _ = s.value(resource)
		}
	}
	return resources
}

// value evaluates a part of the template; false where it is AWS::NoValue.
func (s deployedStack) value(part any) (any, bool) {
	s.Helper()
	switch part := part.(type) {
	case map[string]any:
		if len(part) == 1 {
			for function, argument := range part {
				if function == "Ref" || strings.HasPrefix(function, "Fn::") {
					return s.call(function, argument)
				}
			}
		}
		evaluated := map[string]any{}
		for key, each := range part {
			if value, there := s.value(each); there {
				evaluated[key] = value
			}
		}
		return evaluated, true
	case []any:
		evaluated := []any{}
		for _, each := range part {
			if value, there := s.value(each); there {
				evaluated = append(evaluated, value)
			}
		}
		return evaluated, true
	}
	return part, true
}

func (s deployedStack) call(function string, argument any) (any, bool) {
	s.Helper()
	switch function {
	case "Ref":
		if argument == "AWS::NoValue" {
			return nil, false
		}
		return s.reference(argument.(string)), true
	case "Fn::GetAtt":
		id, attribute, _ := strings.Cut(argument.(string), ".")
		return s.attribute(id, attribute), true
	case "Fn::If":
		branches := argument.([]any)
		if s.holds(branches[0]) {
			return s.value(branches[1])
		}
		return s.value(branches[2])
	case "Fn::Sub":
		return s.substitute(argument), true
	}
	evaluated, _ := s.value(argument)
	arguments := evaluated.([]any)
	switch function {
	case "Fn::Join":
		var words []string
		for _, word := range arguments[1].([]any) {
			words = append(words, word.(string))
		}
		return strings.Join(words, arguments[0].(string)), true
	case "Fn::Split":
		var words []any
		for word := range strings.SplitSeq(arguments[1].(string), arguments[0].(string)) {
			words = append(words, word)
		}
		return words, true
	}
	s.Fatalf("the tests know no %s", function)
	return nil, false
}

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

func (s deployedStack) substitute(argument any) string {
	s.Helper()
	text, local := argument, map[string]any{}
	if pair, with := argument.([]any); with {
		text, local = pair[0], pair[1].(map[string]any)
	}
	filled := placeholder.ReplaceAllStringFunc(text.(string), func(match string) string {
		name := placeholder.FindStringSubmatch(match)[1]
		if own, is := local[name]; is {
			value, _ := s.value(own)
			return fmt.Sprint(value)
		}
		if id, attribute, is := strings.Cut(name, "."); is {
			return s.attribute(id, attribute)
		}
		return s.reference(name)
	})
	return strings.ReplaceAll(filled, "${!", "${")
}

// reference is a parameter's value, or a made-up name of a resource.
func (s deployedStack) reference(name string) string {
	s.Helper()
	if value, is := s.values[name]; is {
		return value
	}
	resource, is := s.template["Resources"].(map[string]any)[name].(map[string]any)
	if !is {
		s.Fatalf("the template refers to %s, which it does not have", name)
	}
	properties, _ := resource["Properties"].(map[string]any)
	if group, named := properties["LogGroupName"]; named {
		value, _ := s.value(group)
		return value.(string)
	}
	return StackName + "-" + name
}

// arns are those of the types whose ARN the template asks for.
var arns = map[string]string{
	"AWS::SQS::Queue":           "arn:%[1]s:sqs:%[2]s:%[3]s:%[4]s",
	"AWS::Logs::LogGroup":       "arn:%[1]s:logs:%[2]s:%[3]s:log-group:%[4]s:*",
	"AWS::IAM::Role":            "arn:%[1]s:iam::%[3]s:role/%[4]s",
	"AWS::Events::Rule":         "arn:%[1]s:events:%[2]s:%[3]s:rule/%[4]s",
	"AWS::Serverless::Function": "arn:%[1]s:lambda:%[2]s:%[3]s:function:%[4]s",
}

func (s deployedStack) attribute(id, attribute string) string {
	s.Helper()
	name := s.reference(id)
	switch attribute {
	case "Arn":
		kind := s.template["Resources"].(map[string]any)[id].(map[string]any)["Type"].(string)
		if arn, known := arns[kind]; known {
			return fmt.Sprintf(arn, s.values["AWS::Partition"], s.values["AWS::Region"], s.values["AWS::AccountId"], name)
		}
	case "QueueName":
		return name
	}
	s.Fatalf("the tests know no attribute %s of %s", attribute, id)
	return ""
}

// holds decides a condition, by its name or written out.
func (s deployedStack) holds(condition any) bool {
	s.Helper()
	if name, is := condition.(string); is {
		return s.holds(s.template["Conditions"].(map[string]any)[name])
	}
	for function, argument := range condition.(map[string]any) {
		switch function {
		case "Condition":
			return s.holds(argument)
		case "Fn::Not":
			return !s.holds(argument.([]any)[0])
		case "Fn::And":
			for _, each := range argument.([]any) {
				if !s.holds(each) {
					return false
				}
			}
			return true
		case "Fn::Or":
			for _, each := range argument.([]any) {
				if s.holds(each) {
					return true
				}
			}
			return false
		case "Fn::Equals":
			evaluated, _ := s.value(argument)
			return evaluated.([]any)[0] == evaluated.([]any)[1]
		}
	}
	s.Fatalf("the tests know no condition like %v", condition)
	return false
}
