package ec2

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
)

// classes maps EC2's error codes (EC2 API Reference, "Error codes") to the classes of a run. The
// first row that applies decides; any other code has no class.
var classes = []struct {
	class error
	is    func(answer) bool
}{
	{eni.ErrGone, code("InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterface.NotFound")},
	{eni.ErrInUse, code("InvalidNetworkInterface.InUse")},
	{eni.ErrInUse, currentlyInUse},
	{eni.ErrUnauthorized, code("UnauthorizedOperation")},
	{eni.ErrUnauthorized, badCredentials},
	{eni.ErrNotPermitted, code("OperationNotPermitted", "AuthFailure")},
	{eni.ErrThrottled, throttled},
}

// answer is an error as it came over the wire.
type answer struct {
	code    string
	message string
	status  int
}

// classified wraps an error in its class, where it has one.
func classified(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	a := answer{code: api.ErrorCode(), message: api.ErrorMessage()}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		a.status = response.HTTPStatusCode()
	}
	for _, row := range classes {
		if row.is(a) {
			return fmt.Errorf("%w: %w", row.class, err)
		}
	}
	return err
}

func code(codes ...string) func(answer) bool {
	return func(a answer) bool { return slices.Contains(codes, a.code) }
}

// currentlyInUse reports whether the interface is attached. EC2's code for it is a general one, so
// the text decides; if EC2 changes the text, the delete counts as failed, and nothing worse follows.
func currentlyInUse(a answer) bool {
	return a.code == "InvalidParameterValue" && strings.Contains(a.message, "currently in use")
}

// badCredentials separates the AuthFailure of a caller (401) from that of a resource (400 or 403).
func badCredentials(a answer) bool {
	return a.status == http.StatusUnauthorized
}

func throttled(a answer) bool { return awsconfig.ThrottleCode(a.code) }

// missing is the error for a success that lacks a required element. The SDK decodes an
// empty body, or a proxy's page, as an empty list, which must not be read as "nothing found".
func missing(what string) error {
	return fmt.Errorf("EC2 answered without %s: it may not have been EC2 that answered, so check proxy and endpoint settings", what)
}
