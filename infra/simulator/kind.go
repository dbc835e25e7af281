package simulator

import (
	"fmt"
	"strings"
)

// A kind of resource, as EC2 calls it.
type kind struct {
	parameter string // of calls that name one by its ID
	prefix    string // of the ID
	code      string // how the codes about a wrong ID begin
	noun      string // in messages
}

// The kinds, with their codes of the EC2 API Reference, "Error codes".
var (
	interfaceKind = kind{"NetworkInterfaceId", "eni", "InvalidNetworkInterfaceID", "networkInterface"}
	instanceKind  = kind{"InstanceId", "i", "InvalidInstanceID", "instance"}
	subnetKind    = kind{"SubnetId", "subnet", "InvalidSubnetID", "subnet"}
)

// unknown is the answer to an ID that there is not: whether it could be one makes
// a difference. It has the prefix and 8 or 17 hex digits (EC2 User Guide, "Resource IDs").
func (k kind) unknown(id string) *Error {
	digits, ok := strings.CutPrefix(id, k.prefix+"-")
	if !ok || len(digits) != 8 && len(digits) != 17 || strings.Trim(digits, "0123456789abcdef") != "" {
		return &Error{400, k.code + ".Malformed", fmt.Sprintf("Invalid id: %q", id)}
	}
	return &Error{400, k.code + ".NotFound", fmt.Sprintf("The %s ID '%s' does not exist", k.noun, id)}
}
