// Package handler is the Lambda handler: it decodes an input, runs package eni, and answers.
// Start reading at Invoke; ../events has a sample of each input.
package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/time/rate"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
)

// Config holds the dependencies of a Handler.
type Config struct {
	Environment map[string]string // variables: those of Settings, and AWS_LAMBDA_FUNCTION_NAME
	AWS         aws.Config        // of awsconfig.Load, or a test's
	Log         *slog.Logger
	Metrics     io.Writer                        // receives the embedded metric format, a line a run
	Shuffle     func(n int, swap func(i, j int)) // math/rand/v2's Shuffle, or a seeded one's
}

// Handler serves all invocations of a process.
type Handler struct {
	settings Settings
	releaser *eni.Releaser
	log      *slog.Logger
	metrics  metrics
}

// New parses the settings and wires the adapters. Its error lists all invalid settings.
func New(c Config) (*Handler, error) {
	settings, err := ParseSettings(c.Environment)
	if err != nil {
		return nil, err
	}
	config := awsconfig.Bounded(awsconfig.Counting(c.AWS))
	ec2 := ec2.New(config)
	return &Handler{
		settings: settings,
		releaser: &eni.Releaser{
			Interfaces:       ec2,
			Instances:        ec2,
			Subnets:          ec2,
			Groups:           autoscaling.New(config),
			Deleter:          ec2,
			Rule:             settings.rule(),
			Region:           c.AWS.Region,
			DeletesPerMinute: int(settings.DeletesPerMinute),
			NewLimiter:       newLimiter,
			Log:              c.Log,
			Shuffle:          c.Shuffle,
		},
		log:     c.Log,
		metrics: metrics{out: c.Metrics, function: c.Environment["AWS_LAMBDA_FUNCTION_NAME"]},
	}, nil
}

func newLimiter(perSecond float64, burst int) eni.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), burst)
}

// noDeadline limits a run whose caller sets no deadline; Lambda always does.
const noDeadline = time.Minute

// Invoke returns a manual run's whole report, a batch's failures, any other run's totals. Where
// it fails (invalid input, failed run), all messages of a batch return to the queue.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, noDeadline)
		defer cancel()
	}
	answer, err := h.invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

func (h *Handler) invoke(ctx context.Context, payload []byte) (any, error) {
	fields, err := parseInput(payload)
	if err != nil {
		return nil, h.refuse(ctx, err)
	}
	if records, is := fields["Records"]; is {
		batch, invalid, err := decodeBatch(records)
		if err != nil {
			return nil, h.refuse(ctx, err)
		}
		return h.runBatch(ctx, batch, invalid)
	}
	one, err := decode(fields)
	if err != nil {
		return nil, h.refuse(ctx, err)
	}
	return h.run(ctx, one)
}

// parseInput parses an input, which must be one JSON object.
func parseInput(payload []byte) (object, error) {
	fields, err := parseObject(payload)
	if err != nil {
		return nil, fmt.Errorf("the input is not a JSON object (%w); %s", err, supported)
	}
	return fields, nil
}

// runBatch makes one run for all valid messages of a batch.
func (h *Handler) runBatch(ctx context.Context, batch request, invalid []invalidMessage) (events.SQSEventResponse, error) {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, message := range invalid {
		h.log.ErrorContext(ctx, "invalid message, returned to the queue", slog.String("messageId", message.id), slog.Any("error", message.err))
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.id})
	}
	_, err := h.run(ctx, batch)
	return response, err
}

func (h *Handler) run(ctx context.Context, r request) (eni.Report, error) {
	for _, lost := range r.lost {
		h.log.WarnContext(ctx, "field of the event unreadable, ignored", slog.Any("error", lost))
	}
	counted, calls := awsconfig.CountCalls(ctx)
	report, err := h.releaser.Run(counted, eni.Job{Trigger: r.trigger, DryRun: h.dry(r), Scope: r.scope})
	h.publish(ctx, report, calls, err)
	if err != nil {
		return report, RunError{err}
	}
	return report, nil
}

// dry reports whether a run deletes nothing. Under `sam local invoke` only a manual input may delete:
// a sample of an AWS event must not, from a laptop.
func (h *Handler) dry(r request) bool {
	return r.dryRun || h.settings.DryRun || h.settings.Local && r.trigger != eni.Manual
}

func (h *Handler) refuse(ctx context.Context, err error) error {
	err = InputError{fmt.Errorf("nothing was done: %w", err)}
	h.log.ErrorContext(ctx, "invalid input", slog.Any("error", err))
	return err
}

// Lambda reports the type of an error as its errorType.
type (
	// InputError is an invalid input; nothing was done.
	InputError struct{ error }
	// RunError is a failed run.
	RunError struct{ error }
)
