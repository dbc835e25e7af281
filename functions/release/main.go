// Command release is the Lambda function network-interface-releaser: it releases
// the network interfaces that terminated EKS nodes left behind.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/caarlos0/env/v11"
	"golang.org/x/time/rate"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
)

// gcPercent: pages of interfaces are garbage as soon as they are read. Collected earlier
// than by the runtime's own 100, a sweep of 10,000 takes a fifth less (docs/performance.md).
const gcPercent = 50

func main() {
	debug.SetGCPercent(gcPercent)
	if limit := lambdacontext.MemoryLimitInMB; limit > 0 { // Lambda ends a process for more than it; the binary itself has 12
		debug.SetMemoryLimit(int64(limit) << 20 * 3 / 4)
	}
	log := lambdacontext.NewLogger()
	handler, err := newHandler(context.Background(), log)
	if err != nil {
		log.Error("the function cannot start", slog.Any("error", err))
		os.Exit(1)
	}
	lambda.Start(handler)
}

// newHandler reads the settings and wires everything, once for all invocations.
func newHandler(ctx context.Context, log *slog.Logger) (handler, error) {
	settings, err := parseSettings(env.ToMap(os.Environ()))
	if err != nil {
		return handler{}, err
	}
	config, err := awsConfig(ctx)
	if err != nil {
		return handler{}, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	return handler{
		settings: settings,
		releaser: newReleaser(settings, config, log),
		log:      log,
		metrics:  metrics{out: os.Stdout, function: lambdacontext.FunctionName},
	}, nil
}

func newReleaser(settings settings, config aws.Config, log *slog.Logger) *eni.Releaser {
	config = counting(config)
	ec2 := ec2.New(config)
	return &eni.Releaser{
		Interfaces:       ec2,
		Instances:        ec2,
		Subnets:          ec2,
		Groups:           autoscaling.New(config),
		Deleter:          ec2,
		Rule:             settings.rule(),
		NewLimiter:       func(perSecond float64, burst int) eni.Limiter { return rate.NewLimiter(rate.Limit(perSecond), burst) },
		DeletesPerMinute: int(settings.DeletesPerMinute),
		Log:              log,
		Shuffle:          rand.Shuffle,
	}
}

// awsConfig reads the environment that Lambda (or the SAM CLI) gives. There is no
// instance metadata there, so that missing credentials are said at once.
func awsConfig(ctx context.Context) (aws.Config, error) {
	return config.LoadDefaultConfig(ctx,
		config.WithAppID("network-interface-releaser"), // names this function in CloudTrail's user agent
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
		config.WithRetryer(newRetryer),
	)
}

// newRetryer is the SDK's standard one (3 attempts), which it would be without
// this, too, but for the throttle codes that it does not know.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		codes := map[string]struct{}{}
		for _, code := range ec2.ThrottleCodes {
			codes[code] = struct{}{}
		}
		o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: codes})
	})
}
