package ec2

import (
	"fmt"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
)

// An idKind is how one kind of resource is named.
type idKind struct {
	parameter string // of calls that name a resource by its ID
	prefix    string // of the ID
	code      string // how the codes about a wrong ID begin
	noun      string // in messages
}

// The kinds, with their codes of the EC2 API Reference, "Error codes".
var (
	interfaceID = idKind{"NetworkInterfaceId", "eni", "InvalidNetworkInterfaceID", "networkInterface"}
	instanceID  = idKind{"InstanceId", "i", "InvalidInstanceID", "instance"}
	subnetID    = idKind{"SubnetId", "subnet", "InvalidSubnetID", "subnet"}
)

// unknown refuses an ID that does not exist. One that has not the prefix and 8 or 17
// hex digits is malformed (EC2 User Guide, "Resource IDs").
func (k idKind) unknown(id string) *api.Error {
	digits, ok := strings.CutPrefix(id, k.prefix+"-")
	if !ok || len(digits) != 8 && len(digits) != 17 || strings.Trim(digits, "0123456789abcdef") != "" {
		return api.NewError(400, k.code+".Malformed", fmt.Sprintf("Invalid id: %q", id))
	}
	return api.NewError(400, k.code+".NotFound", fmt.Sprintf("The %s ID '%s' does not exist", k.noun, id))
}
