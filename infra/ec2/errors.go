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

// classes sorts EC2's error codes (EC2 API Reference, "Error codes") into what
// the run tells apart. The first row that applies; a code in none is any other failure.
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

// classified wraps an error in its class, if it has one.
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

// currentlyInUse is the usual answer for an attached interface. EC2 gives it a
// code that says no more than "some parameter is wrong", so that only the text
// tells; where it does not, the answer is a failure, and nothing worse follows.
func currentlyInUse(a answer) bool {
	return a.code == "InvalidParameterValue" && strings.Contains(a.message, "currently in use")
}

// badCredentials tells the AuthFailure of a caller (401) from that of a resource (400).
func badCredentials(a answer) bool {
	return a.status == http.StatusUnauthorized
}

func throttled(a answer) bool { return awsconfig.ThrottleCode(a.code) }

// missing is the error for a success that lacks a required element. The SDK decodes an
// empty body, or a proxy's page, as an empty list, which must not be read as "nothing found".
func missing(what string) error {
	return fmt.Errorf("EC2 answered without %s; nothing can be concluded from that, so look for a proxy or an endpoint that is not EC2's", what)
}
