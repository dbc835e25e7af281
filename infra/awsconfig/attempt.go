package awsconfig

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
)

// attemptTimeout bounds one attempt of a call: one that hangs costs a retry, not the run. EC2 answers
// a page of 1,000 interfaces in some seconds (estimated), and three attempts fit into 60 s.
const attemptTimeout = 15 * time.Second

// Bounded returns a configuration whose clients bound each attempt of a call.
func Bounded(config aws.Config) aws.Config {
	config.APIOptions = append(slices.Clip(config.APIOptions), func(stack *middleware.Stack) error {
		return BoundAttempts(stack, attemptTimeout, "Retry")
	})
	return config
}

// BoundAttempts bounds each attempt of a call, from behind the middleware with that ID on.
func BoundAttempts(stack *middleware.Stack, limit time.Duration, behind string) error {
	bound := middleware.FinalizeMiddlewareFunc(fmt.Sprint("BoundAttempt ", limit), func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		attempt, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		out, metadata, err := next.HandleFinalize(attempt, in)
		if err != nil && errors.Is(attempt.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			err = timedOut(limit) // the SDK retries no error of a context
		}
		return out, metadata, err
	})
	return stack.Finalize.Insert(bound, behind, middleware.After)
}

// timedOut is the error of an attempt without an answer in time.
type timedOut time.Duration

func (t timedOut) Error() string { return fmt.Sprintf("no answer within %v", time.Duration(t)) }

// RetryableError makes the SDK's standard retryer retry it (aws/retry, RetryableError).
func (timedOut) RetryableError() bool { return true }
