package simulator

import (
	"encoding/json"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
)

// FunctionRole returns what the role of the deployed function permits, for [api.Front.Allow].
func FunctionRole(resources cloudformation.Resources) (iam.Policy, error) {
	document, err := cloudformation.At(resources, "ReleaseFunctionRole", "Properties", "Policies", 0, "PolicyDocument")
	if err != nil {
		return iam.Policy{}, err
	}
	text, err := json.Marshal(document)
	if err != nil {
		return iam.Policy{}, err
	}
	return iam.ParsePolicy(text)
}
