package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// handler is the Lambda handler: decode, run, answer.
type handler struct {
	settings settings
	releaser *eni.Releaser
	log      *slog.Logger
	metrics  metrics
}

// noDeadline bounds a run whose caller sets no deadline; Lambda always does.
const noDeadline = time.Minute

// Invoke answers a run by hand with its whole report, a batch with its failures,
// and any other run with its totals. An error says that nothing was understood,
// or that the run failed; of a batch all messages come back then.
func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
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

func (h handler) invoke(ctx context.Context, payload []byte) (any, error) {
	fields, err := object(payload)
	if err != nil {
		return nil, h.refuse(ctx, err)
	}
	if records, is := fields["Records"]; is {
		batch, failures, err := decodeBatch(records)
		if err != nil {
			return nil, h.refuse(ctx, err)
		}
		return h.runBatch(ctx, batch, failures)
	}
	one, err := decode(payload, fields)
	if err != nil {
		return nil, h.refuse(ctx, err)
	}
	return h.run(ctx, one)
}

// runBatch makes one run for all messages of a batch that could be understood.
func (h handler) runBatch(ctx context.Context, batch request, failures []misunderstood) (events.SQSEventResponse, error) {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, failure := range failures {
		h.log.ErrorContext(ctx, "a message of the queue cannot be used: it goes to the dead-letter queue", slog.String("messageId", failure.id), slog.Any("error", failure.err))
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: failure.id})
	}
	_, err := h.run(ctx, batch)
	return response, err
}

func (h handler) run(ctx context.Context, r request) (eni.Report, error) {
	counted, asked := countCalls(ctx)
	report, err := h.releaser.Run(counted, eni.Job{Trigger: r.trigger, DryRun: r.dryRun || h.settings.DryRun, Scope: r.scope})
	h.tell(ctx, report, asked, err)
	if err != nil {
		return report, RunError{err}
	}
	return report, nil
}

func (h handler) refuse(ctx context.Context, err error) error {
	err = InputError{fmt.Errorf("nothing was done: %w", err)}
	h.log.ErrorContext(ctx, "the input cannot be used", slog.Any("error", err))
	return err
}

// Lambda shows the type of an error as its errorType.
type (
	// InputError says that the input is none that is understood; nothing was done.
	InputError struct{ error }
	// RunError says that the run failed.
	RunError struct{ error }
)
