package main

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
)

// calls are what one run asks of AWS, every attempt counted: those that EC2 counts
// against the rate that the account's CNIs need, too. A run makes them one by one.
type calls struct {
	made      map[string]int // by API action
	throttled int
}

type callsKey struct{}

// countCalls starts to count what is called with the context.
func countCalls(ctx context.Context) (context.Context, *calls) {
	count := &calls{made: map[string]int{}}
	return context.WithValue(ctx, callsKey{}, count), count
}

// counting has the clients of config count their calls.
func counting(config aws.Config) aws.Config {
	count := middleware.FinalizeMiddlewareFunc("CountCalls", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleFinalize(ctx, in)
		if count, counted := ctx.Value(callsKey{}).(*calls); counted {
			count.made[awsmiddleware.GetOperationName(ctx)]++
			if ec2.Throttled(err) {
				count.throttled++
			}
		}
		return out, metadata, err
	})
	config.APIOptions = append(slices.Clip(config.APIOptions), func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(count, "Retry", middleware.After) // inside the retries
	})
	return config
}
