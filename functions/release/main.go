// Command release is the Lambda function network-interface-releaser: it deletes the network
// interfaces that terminated EKS nodes leaked.
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
	"github.com/caarlos0/env/v11"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/handler"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
)

// gcPercent collects garbage twice as often as the default: pages are garbage once they are read,
// so a sweep of 10,000 interfaces takes a fifth less memory (docs/performance.md).
const gcPercent = 50

func main() {
	debug.SetGCPercent(gcPercent)
	if limit := lambdacontext.MemoryLimitInMB; limit > 0 { // Lambda ends a process that exceeds it; the binary itself has 12
		debug.SetMemoryLimit(int64(limit) << 20 * 3 / 4)
	}
	log := lambdacontext.NewLogger()
	h, err := newHandler(context.Background(), log)
	if err != nil {
		log.Error("the function cannot start", slog.Any("error", err))
		os.Exit(1)
	}
	lambda.Start(h)
}

func newHandler(ctx context.Context, log *slog.Logger) (*handler.Handler, error) {
	aws, err := awsconfig.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	return handler.New(handler.Config{
		Environment: env.ToMap(os.Environ()), AWS: aws, Log: log, Metrics: os.Stdout, Shuffle: rand.Shuffle,
	})
}
