package cloudformation

import (
	"fmt"
	"regexp"
	"strings"
)

// call evaluates an intrinsic function.
func (s stack) call(function string, argument any) any {
	switch function {
	case "Ref":
		if argument == "AWS::NoValue" {
			return noValue{}
		}
		return s.reference(text(argument))
	case "Fn::GetAtt":
		id, attribute, _ := strings.Cut(text(argument), ".")
		return s.attribute(id, attribute)
	case "Fn::If":
		branches := arguments(argument, 3)
		if s.holds(branches[0]) {
			return s.evaluate(branches[1])
		}
		return s.evaluate(branches[2])
	case "Fn::Sub":
		if pattern, ok := argument.(string); ok {
			return s.substitute(pattern, nil)
		}
		pair := arguments(argument, 2)
		return s.substitute(text(pair[0]), fields(pair[1]))
	case "Fn::Join":
		pair := arguments(s.evaluate(argument), 2)
		var words []string
		for _, word := range elements(pair[1]) {
			words = append(words, text(word))
		}
		return strings.Join(words, text(pair[0]))
	case "Fn::Split":
		pair := arguments(s.evaluate(argument), 2)
		var words []any
		for word := range strings.SplitSeq(text(pair[1]), text(pair[0])) {
			words = append(words, word)
		}
		return words
	}
	fail("%s is not supported", function)
	return nil
}

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// substitute fills the placeholders of a text, by the variables first.
func (s stack) substitute(pattern string, variables map[string]any) string {
	filled := placeholder.ReplaceAllStringFunc(pattern, func(match string) string {
		name := placeholder.FindStringSubmatch(match)[1]
		if variable, ok := variables[name]; ok {
			return text(s.evaluate(variable))
		}
		if id, attribute, ok := strings.Cut(name, "."); ok {
			return s.attribute(id, attribute)
		}
		return s.reference(name)
	})
	return strings.ReplaceAll(filled, "${!", "${")
}

// kinds are the types that others can refer to: the property that names a resource,
// and the form of its ARN, of partition, region, account and name.
var kinds = map[string]struct{ named, arn string }{
	"AWS::SQS::Queue":           {"QueueName", "arn:%[1]s:sqs:%[2]s:%[3]s:%[4]s"},
	"AWS::Logs::LogGroup":       {"LogGroupName", "arn:%[1]s:logs:%[2]s:%[3]s:log-group:%[4]s:*"},
	"AWS::IAM::Role":            {"RoleName", "arn:%[1]s:iam::%[3]s:role/%[4]s"},
	"AWS::Events::Rule":         {"Name", "arn:%[1]s:events:%[2]s:%[3]s:rule/%[4]s"},
	"AWS::Serverless::Function": {"FunctionName", "arn:%[1]s:lambda:%[2]s:%[3]s:function:%[4]s"},
}

// reference is a parameter's value or a resource's name: its own, or stack and logical
// ID, which CloudFormation gives a random end. A queue's name also stands for its URL.
func (s stack) reference(name string) string {
	if value, ok := s.values[name]; ok {
		return value
	}
	if !s.isMade(name) {
		fail("%s is referred to, but its condition does not hold", name)
	}
	resource := fields(s.resources[name])
	kind, ok := kinds[text(resource["Type"])]
	if !ok {
		fail("a reference to %s, an %s, is not supported", name, resource["Type"])
	}
	if properties := resource["Properties"]; properties != nil && fields(properties)[kind.named] != nil {
		return text(s.evaluate(fields(properties)[kind.named]))
	}
	return s.values["AWS::StackName"] + "-" + name
}

func (s stack) attribute(id, attribute string) string {
	name := s.reference(id)
	if s.resources[id] == nil {
		fail("there is no resource %s", id)
	}
	kind := kinds[text(fields(s.resources[id])["Type"])]
	switch {
	case attribute == "Arn":
		return fmt.Sprintf(kind.arn, s.values["AWS::Partition"], s.values["AWS::Region"], s.values["AWS::AccountId"], name)
	case attribute == "QueueName" && kind.named == attribute:
		return name
	}
	fail("attribute %s of %s is not supported", attribute, id)
	return ""
}
