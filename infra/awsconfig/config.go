// Package awsconfig configures the SDK's clients: their settings and credentials, what is retried,
// what is a throttle. It also counts a run's calls and reads the pages of a listing.
package awsconfig

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"
)

// Load reads the environment that Lambda or the SAM CLI sets. It skips instance metadata, which
// neither has, so that missing credentials fail at once.
func Load(ctx context.Context) (aws.Config, error) {
	return config.LoadDefaultConfig(ctx,
		config.WithAppID("network-interface-releaser"), // names this function in CloudTrail's user agent
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
		config.WithRetryer(NewRetryer),
	)
}

// NewRetryer returns the SDK's standard retryer (3 attempts), extended by the throttle codes that it
// lacks and without its retry quota, which outlives the run that spends it and which reads share with
// deletes. The delete budget and the run's deadline bound the retries.
func NewRetryer() aws.Retryer {
	standard := retry.NewStandard(func(o *retry.StandardOptions) { o.RateLimiter = ratelimit.None })
	return retry.AddWithErrorCodes(standard, throttleCodes...)
}

// throttleCodes are those that the SDK lacks (aws/retry, v1.48).
var throttleCodes = []string{"RateExceeded"}

// ThrottleCode reports whether a service's error code is that of a throttle.
func ThrottleCode(code string) bool {
	_, known := retry.DefaultThrottleErrorCodes[code]
	return known || slices.Contains(throttleCodes, code)
}

// Throttled reports whether a service's error is a throttle.
func Throttled(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && ThrottleCode(api.ErrorCode())
}
