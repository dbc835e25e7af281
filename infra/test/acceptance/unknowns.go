package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
)

// A finding is a line of the record: what AWS answers to a question that no documentation does.
type finding struct {
	At       time.Time `json:"at"`
	Region   string    `json:"region"`
	Emulated bool      `json:"emulated"`
	Question string    `json:"question"`
	Answer   string    `json:"answer"`
}

// found adds a finding to the record at once: what follows may fail.
func (a *acceptance) found(question, answer string) {
	line, err := json.Marshal(finding{time.Now().UTC().Truncate(time.Second), a.region, a.emulated(), question, answer})
	must(err)
	file, err := os.OpenFile(a.record, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(err)
	_, err = file.Write(append(line, '\n'))
	must(errors.Join(err, file.Close()))
	a.log("%s: %s", question, answer)
}

// unknowns.yaml has RELEASE where the function's own statement belongs.
//
//go:embed unknowns.yaml
var unknownsTemplate string

// beginUnknowns makes what the open questions need, and begins with the one that takes longest.
func (a *acceptance) beginUnknowns() {
	a.statements = map[string]string{}
	for _, each := range ask[[][2]string](a.sandbox, "PolicyDocument.Statement[].[Sid, to_string(@)]", "iam", "get_role_policy",
		arguments{"RoleName": a.stack.resource("ReleaseFunctionRole"), "PolicyName": "release"}) {
		a.statements[each[0]] = each[1]
	}
	a.needs = stack{sandbox: a.sandbox, name: a.stack.name + "-unknowns"}
	a.call("cloudformation", "create_stack", arguments{
		"StackName": a.needs.name, "TemplateBody": strings.Replace(unknownsTemplate, "RELEASE", a.statements["ReleaseInterfaces"], 1), "Capabilities": []string{"CAPABILITY_IAM"},
		"Parameters": []arguments{{"ParameterKey": "Subnet", "ParameterValue": a.nets[1].id}, {"ParameterKey": "Group", "ParameterValue": a.group}},
		"Tags":       []arguments{{"Key": tagRun, "Value": a.id}},
		"OnFailure":  "DELETE", // so that the next call fails
	})
	a.until("the stack "+a.needs.name+" is made", 10*time.Minute, func() bool {
		return ask[string](a.sandbox, "Stacks[0].StackStatus", "cloudformation", "describe_stacks", arguments{"StackName": a.needs.name}) == "CREATE_COMPLETE"
	})
	a.needs.outputs = a.needs.readOutputs()
	if a.emulated() {
		a.missing("Auto Scaling's and EC2's own delivery of events, and when it comes", "nothing but AWS")
	}
	a.beside((*acceptance).askSecondDelete)
}

// beside asks questions while the steps go on, by a client of its own, because a client makes one
// call after the other. An answer is never a failure; a question that cannot be asked is.
func (a *acceptance) beside(questions ...func(*acceptance)) {
	client, err := boto3.Start(".", a.environment)
	must(err)
	own, other := *a.sandbox, *a
	own.aws = client
	other.sandbox, other.stack.sandbox = &own, &own
	end := make(chan error, 1)
	a.asked = append(a.asked, end)
	go func() {
		defer close(end)
		defer client.Close()
		var failures []error
		for _, question := range questions {
			failures = append(failures, attempt(func() { question(&other) }))
		}
		end <- errors.Join(failures...)
	}()
}

// awaitUnknowns returns when all questions are asked.
func (a *acceptance) awaitUnknowns() {
	var failures []error
	for _, end := range a.asked {
		failures = append(failures, <-end)
	}
	must(errors.Join(failures...))
}

// assume returns a client with the questions' role, and a policy that narrows it.
func (a *acceptance) assume(policy string) *boto3.Client {
	with := arguments{"RoleArn": a.needs.outputs["Role"], "RoleSessionName": "acceptance"}
	if policy != "" {
		with["Policy"] = policy
	}
	var got struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	a.until("the role can be assumed", 2*time.Minute, func() bool {
		return a.aws.Call("sts", "assume_role", with, "Credentials", &got) == nil
	})
	client, err := boto3.Start(".", append(slices.Clip(a.environment), "AWS_ACCESS_KEY_ID="+got.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY="+got.SecretAccessKey, "AWS_SESSION_TOKEN="+got.SessionToken))
	must(err)
	return client
}
