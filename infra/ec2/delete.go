package ec2

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go/middleware"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
)

// Delete deletes one interface. Its errors have the classes of errors.go.
func (c Client) Delete(ctx context.Context, id string, limiter eni.Limiter) (string, error) {
	out, err := c.api.DeleteNetworkInterface(ctx,
		&sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: aws.String(id)},
		sdk.WithAPIOptions(limited(limiter)))
	if err != nil {
		return "", classified(err)
	}
	requestID, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	return requestID, nil
}

// deleteTimeout bounds one attempt, normally well under a second. The last one starts 5 seconds
// before the deadline, which leaves one to report.
const deleteTimeout = 4 * time.Second

// limited makes every attempt wait for the limiter, inside the SDK's retry loop: a retry uses
// as much of the account's API quota as a first attempt.
func limited(limiter eni.Limiter) func(*middleware.Stack) error {
	wait := middleware.FinalizeMiddlewareFunc("Limit", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if err := limiter.Wait(ctx); err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
		return next.HandleFinalize(ctx, in)
	})
	return func(stack *middleware.Stack) error {
		if err := stack.Finalize.Insert(wait, "Retry", middleware.After); err != nil {
			return err
		}
		return awsconfig.BoundAttempts(stack, deleteTimeout, wait.ID())
	}
}
