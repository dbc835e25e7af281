package awsconfig

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// Calls counts one run's attempts, retries included: each counts against the API quota that the
// account's CNIs share. A run makes them one by one.
type Calls struct {
	Made      map[string]int // by API action
	Throttled int
}

type callsKey struct{}

// CountCalls returns a context in which calls are counted, and their count.
func CountCalls(ctx context.Context) (context.Context, *Calls) {
	calls := &Calls{Made: map[string]int{}}
	return context.WithValue(ctx, callsKey{}, calls), calls
}

// Counting returns a configuration whose clients count their calls.
func Counting(config aws.Config) aws.Config {
	count := middleware.FinalizeMiddlewareFunc("CountCalls", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleFinalize(ctx, in)
		if calls, counted := ctx.Value(callsKey{}).(*Calls); counted {
			calls.Made[awsmiddleware.GetOperationName(ctx)]++
			if Throttled(err) {
				calls.Throttled++
			}
		}
		return out, metadata, err
	})
	config.APIOptions = append(slices.Clip(config.APIOptions), func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(count, "Retry", middleware.After) // inside the retries
	})
	return config
}
