package handler

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
)

// publish logs the freed addresses of each subnet and the run's totals, and writes its metrics.
// Without evidence the totals have no counts: these would read as "no leaks".
func (h *Handler) publish(ctx context.Context, report eni.Report, calls *awsconfig.Calls, err error) {
	for _, subnet := range slices.Sorted(maps.Keys(report.Freed)) {
		freed := report.Freed[subnet]
		attrs := []slog.Attr{slog.String("subnet", subnet), slog.Int("interfaces", freed.Interfaces), slog.Int("addresses", freed.Addresses)}
		if free, known := report.FreeAddresses[subnet]; known {
			attrs = append(attrs, slog.Int("free", free))
		}
		h.log.LogAttrs(ctx, slog.LevelInfo, "addresses freed", attrs...)
	}
	level, message := slog.LevelInfo, "run completed"
	totals := []slog.Attr{
		slog.String("trigger", string(report.Trigger)), slog.Bool("dryRun", report.DryRun),
		slog.Any("calls", calls.Made), slog.Int("throttles", calls.Throttled),
	}
	if err != nil {
		level, message = slog.LevelError, "run failed"
		totals = append(totals, slog.Any("error", err))
	}
	if !errors.Is(err, eni.ErrEvidenceUnread) {
		totals = append(totals, report.Attrs()...)
	}
	h.log.LogAttrs(ctx, level, message, totals...)
	if !h.settings.Metrics {
		return
	}
	if err := h.metrics.write(report, err == nil); err != nil {
		h.log.WarnContext(ctx, "writing metrics failed", slog.Any("error", err))
	}
}
