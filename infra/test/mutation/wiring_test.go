package mutation

const (
	mainFile      = "functions/release/main.go"
	handlerFile   = "functions/release/handler/handler.go"
	settingsFile  = "functions/release/handler/settings.go"
	telemetryFile = "functions/release/handler/telemetry.go"
	metricsFile   = "functions/release/handler/metrics.go"
	eventFile     = "functions/release/handler/event.go"
	batchFile     = "functions/release/handler/batch.go"
	manualFile    = "functions/release/handler/manual.go"
	jsonFile      = "functions/release/handler/json.go"
	reportFile    = "functions/release/eni/report.go"
	callsFile     = "infra/awsconfig/calls.go"
	pagesFile     = "infra/awsconfig/pages.go"
	groupsFile    = "infra/autoscaling/groups.go"
)

// numbers are the run's numbers, log levels and texts.
var numbers = []mutant{
	{name: "no reserve for the report", file: runFile, old: "reportReserve = time.Second", new: "reportReserve = 0"},
	{name: "the reserve is added", file: runFile, old: "deadline.Add(-reportReserve)", new: "deadline.Add(reportReserve)"},
	{name: "a delete starts 4 seconds before the deadline", file: budgetFile, old: "lastDeleteBefore = 5 * time.Second", new: "lastDeleteBefore = 4 * time.Second"},
	{name: "a token waited for beyond the end", file: budgetFile, old: " || b.over() {", new: " {", equivalent: "the limiter refuses a context that has ended, and in virtual time none comes back late"},
	{name: "optional reads may take half a minute", file: scopeFile, old: "optionalTimeout = 8 * time.Second", new: "optionalTimeout = 30 * time.Second"},
	{name: "groups: unbounded", file: scopeFile, old: "ctx, cancel := context.WithTimeout(ctx, optionalTimeout)", new: "ctx, cancel := context.WithCancel(ctx)"},
	{name: "free addresses: unbounded", file: runFile, old: "ctx, cancel := context.WithTimeout(ctx, optionalTimeout)", new: "ctx, cancel := context.WithCancel(ctx)"},
	{name: "an unstable sort", file: scopeFile, old: "slices.SortStableFunc(found", new: "slices.SortFunc(found"},
	{name: "groups that fail cost all subnets", file: scopeFile, old: "slog.Int(\"groups\", len(groups)), slog.Any(\"error\", err))\n", new: "slog.Int(\"groups\", len(groups)), slog.Any(\"error\", err))\n		subnets = nil\n"},
	{name: "no time to delete is not logged", file: runFile, old: `r.Log.WarnContext(ctx, "no time left`, new: `r.Log.InfoContext(ctx, "no time left`},
	{name: "free addresses read within the burst", file: runFile, old: "len(plan) > budget.burst", new: "len(plan) > 0"},
	{name: "free addresses read at one more than the burst", file: runFile, old: "len(plan) > budget.burst", new: "len(plan) > budget.burst+1"},
	{name: "a dry run reads free addresses twice", file: runFile, old: "if !job.DryRun && len(plan)", new: "if len(plan)"},
	{name: "a dry run warns of no time", file: runFile, old: "if !job.DryRun && budget.over()", new: "if budget.over()"},
	{name: "evidence unread is another error", file: runFile, old: `fmt.Errorf("%w: %w", ErrEvidenceUnread, err)`, new: `fmt.Errorf("%v: %w", ErrEvidenceUnread, err)`},
	{name: "the cause of unread evidence is lost", file: runFile, old: `fmt.Errorf("%w: %w", ErrEvidenceUnread, err)`, new: `fmt.Errorf("%w: %v", ErrEvidenceUnread, err)`},
	{name: "gone is a warning", file: releaseFile, old: `{ErrGone, Gone, "", false, slog.LevelInfo,`, new: `{ErrGone, Gone, "", false, slog.LevelWarn,`},
	{name: "in use is a warning", file: releaseFile, old: "{ErrInUse, Kept, Attached, false, slog.LevelInfo,", new: "{ErrInUse, Kept, Attached, false, slog.LevelWarn,"},
	{name: "not permitted is no warning", file: releaseFile, old: "NotPermitted, false, slog.LevelWarn,", new: "NotPermitted, false, slog.LevelInfo,"},
	{name: "a spent budget is a warning", file: releaseFile, old: `{ErrBudgetSpent, Deferred, "", true, slog.LevelInfo,`, new: `{ErrBudgetSpent, Deferred, "", true, slog.LevelWarn,`},
	{name: "a throttle is a warning", file: releaseFile, old: `{ErrThrottled, Deferred, "", true, slog.LevelInfo,`, new: `{ErrThrottled, Deferred, "", true, slog.LevelWarn,`},
	{name: "a failed delete is no warning", file: releaseFile, old: `r.Log.WarnContext(ctx, "delete failed`, new: `r.Log.InfoContext(ctx, "delete failed`},
	{name: "a failed look-up is no warning", file: releaseFile, old: `r.Log.WarnContext(ctx, "deletes refused, and`, new: `r.Log.InfoContext(ctx, "deletes refused, and`},
	{name: "what was refused and is gone is a warning", file: releaseFile, old: `r.Log.InfoContext(ctx, "already deleted", id)`, new: `r.Log.WarnContext(ctx, "already deleted", id)`},
	{name: "a release is logged for debugging", file: releaseFile, old: `slog.LevelInfo, "released",`, new: `slog.LevelDebug, "released",`},
	{name: "a release without its reason", file: releaseFile, old: "		slog.String(\"reason\", string(line.Reason)),\n", new: ""},
	{name: "totals without what was deferred", file: reportFile, old: "		slog.Int(\"deferred\", r.Deferred),\n", new: ""},
	{name: "deletes after the context's end", file: releaseFile, old: "		if ctx.Err() != nil {\n			break\n		}\n", new: "", equivalent: "the delete budget ends four seconds before the context, and a dry run's deletes take no time"},
	{name: "subnets of one round in no order", file: orderFile, old: "cmp.Or(cmp.Compare(free[a], free[b]), cmp.Compare(a, b))", new: "cmp.Compare(free[a], free[b])"},
	{name: "an unreadable age is an age: of leaks", file: reportFile, old: "		if v.created.readable {\n			r.OldestLeaked", new: "		if true {\n			r.OldestLeaked", equivalent: "an unreadable age is 0"},
	{name: "an unreadable age is an age: of lines", file: reportFile, old: "	if v.created.readable {\n		seconds", new: "	if true {\n		seconds"},
	{name: "kept without an age", file: runFile, old: ", created: i.created(now)})", new: "})"},
	{name: "free addresses of what is released only", file: runFile, old: "r.freeAddresses(work, kept, plan)", new: "r.freeAddresses(work, plan)"},
	{name: "another word for a reason", file: ruleFile, old: `"owner-gone"`, new: `"ownergone"`},
	{name: "another key of a cluster's tag", file: interfaceFile, old: `"kubernetes.io/cluster/"`, new: `"kubernetes.io/clusters/"`},
	{name: "a cluster by a map's order", file: interfaceFile, old: "slices.Sorted(maps.Keys(i.Tags))", new: "slices.Collect(maps.Keys(i.Tags))"},
	{name: "a report in no order", file: reportFile, old: "	slices.SortFunc(report.Interfaces, func(a, b Line) int { return cmp.Compare(a.ID, b.ID) })\n", new: ""},
}

// wiring are main's, the handler's and the adapters'.
var wiring = []mutant{
	{name: "a Shuffle that does nothing", file: mainFile, old: "Shuffle: rand.Shuffle", new: "Shuffle: func(int, func(int, int)) {}"},
	{name: "no memory limit", file: mainFile, old: "limit > 0", new: "limit > 1<<20"},
	{name: "all memory", file: mainFile, old: "<< 20 * 3 / 4", new: "<< 20"},
	{name: "garbage by default", file: mainFile, old: "	debug.SetGCPercent(gcPercent)\n", new: "	_ = gcPercent\n"},
	{name: "metrics among the errors", file: mainFile, old: "Metrics: os.Stdout", new: "Metrics: os.Stderr"},
	{name: "a start that fails is no error", file: mainFile, old: "		os.Exit(1)\n", new: "		os.Exit(0)\n"},
	{name: "a start that fails is not logged", file: mainFile, old: `log.Error("the function`, new: `log.Debug("the function`},

	{name: "IMDS on", file: configFile, old: "		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),\n", new: ""},
	{name: "the SDK's own retryer", file: configFile, old: "		config.WithRetryer(NewRetryer),\n", new: ""},
	{name: "nameless in CloudTrail", file: configFile, old: `config.WithAppID("network-interface-releaser"),`, new: ""},
	{name: "only our throttles", file: configFile, old: "return known || slices.Contains(throttleCodes, code)", new: "return slices.Contains(throttleCodes, code) || known && false"},
	{name: "an attempt of half a minute", file: attemptFile, old: "attemptTimeout = 15 * time.Second", new: "attemptTimeout = 30 * time.Second"},
	{name: "one bound for all attempts", file: attemptFile, old: "Insert(bound, behind, middleware.After)", new: "Insert(bound, behind, middleware.Before)"},
	{name: "the run's end is a timeout to retry", file: attemptFile, old: " && ctx.Err() == nil {", new: " {", equivalent: "the run has ended: nothing is tried again, and only the text of the error differs"},
	{name: "any error is a timeout", file: attemptFile, old: "err != nil && errors.Is(attempt.Err(), context.DeadlineExceeded)", new: "err != nil"},
	{name: "calls counted without retries", file: callsFile, old: `count, "Retry", middleware.After)`, new: `count, "Retry", middleware.Before)`},
	{name: "throttles not counted", file: callsFile, old: "calls.Throttled++", new: "calls.Throttled += 0"},
	{name: "pages after an error", file: pagesFile, old: "if !yield(page, err) || err != nil {", new: "if !yield(page, err) {", equivalent: "each caller stops at an error"},

	{name: "reads unbounded", file: handlerFile, old: "awsconfig.Bounded(awsconfig.Counting(c.AWS))", new: "awsconfig.Counting(c.AWS)"},
	{name: "no region", file: handlerFile, old: "			Region:           c.AWS.Region,\n", new: ""},
	{name: "no deadline", file: handlerFile, old: "_, limited := ctx.Deadline(); !limited {", new: "_, limited := ctx.Deadline(); limited {"},
	{name: "an hour's deadline", file: handlerFile, old: "noDeadline = time.Minute", new: "noDeadline = time.Hour"},
	{name: "an invalid message is not logged", file: handlerFile, old: `h.log.ErrorContext(ctx, "invalid message`, new: `h.log.DebugContext(ctx, "invalid message`},
	{name: "a lost hint is no warning", file: handlerFile, old: `h.log.WarnContext(ctx, "field`, new: `h.log.InfoContext(ctx, "field`},
	{name: "a failed run has no type", file: handlerFile, old: "return report, RunError{err}", new: "return report, err"},
	{name: "a refusal has no type", file: handlerFile, old: `InputError{fmt.Errorf("nothing was done: %w", err)}`, new: `fmt.Errorf("nothing was done: %w", err)`},
	{name: "a refusal is no error", file: handlerFile, old: `h.log.ErrorContext(ctx, "invalid input"`, new: `h.log.WarnContext(ctx, "invalid input"`},
	{name: "DryRun ignored", file: handlerFile, old: "r.dryRun || h.settings.DryRun ||", new: "r.dryRun ||"},
	{name: "a laptop deletes", file: handlerFile, old: " || h.settings.Local && r.trigger != eni.Manual", new: ""},

	{name: "an account of 13 digits", file: settingsFile, old: "`^\\d{12}$`", new: "`^\\d{12}`"},
	{name: "settings: untagged not passed on", file: settingsFile, old: "		ReleaseUntagged: s.ReleaseUntagged,\n", new: ""},

	{name: "a failed run is logged as information", file: telemetryFile, old: `slog.LevelError, "run failed"`, new: `slog.LevelInfo, "run failed"`},
	{name: "counts of what was not read", file: telemetryFile, old: "!errors.Is(err, eni.ErrEvidenceUnread)", new: "true"},
	{name: "no counts of a failed run", file: telemetryFile, old: "!errors.Is(err, eni.ErrEvidenceUnread)", new: "err == nil"},
	{name: "free addresses that were not read are none", file: telemetryFile, old: "free, known := report.FreeAddresses[subnet]; known", new: "free := report.FreeAddresses[subnet]; true"},
	{name: "metrics whoever reads them", file: telemetryFile, old: "if !h.settings.Metrics {", new: "if false {"},
	{name: "a failed run completes a sweep", file: telemetryFile, old: "h.metrics.write(report, err == nil)", new: "h.metrics.write(report, true)"},
	{name: "metrics of a level", file: metricsFile, old: `"level":     "FATAL"`, new: `"level":     "INFO"`},
	{name: "another namespace", file: metricsFile, old: `namespace = "NetworkInterfaceReleaser"`, new: `namespace = "Releaser"`},
	{name: "another dimension", file: metricsFile, old: `[][]string{{"FunctionName"}}`, new: `[][]string{{}}`},
	{name: "metrics in nanoseconds", file: metricsFile, old: "now.UnixMilli()", new: "now.UnixNano()"},

	{name: "any source", file: eventFile, old: "source == kind.source && detailType", new: "detailType"},
	{name: "any state is an end", file: eventFile, old: "case state != string(eni.Terminated):", new: "case false:"},
	{name: "a schedule's names in these letters only", file: eventFile, old: "strings.EqualFold(name, known)", new: "name == known"},
	{name: "a sweep out of the queue", file: batchFile, old: "err == nil && one.trigger != eni.Event", new: "false"},
	{name: "a manual run for real", file: manualFile, old: "trigger: eni.Manual, dryRun: true", new: "trigger: eni.Manual"},
	{name: "an empty list is everything", file: manualFile, old: "if len(*into) == 0 {", new: "if false {"},
	{name: "a second closing brace", file: jsonFile, old: "!errors.Is(err, io.EOF) {\n		return nil, errors.New(\"something", new: "err != nil && false {\n		return nil, errors.New(\"something"},

	{name: "an interface's own association not checked", file: listingFile, old: "i.Association != nil || slices", new: "slices"},
	{name: "an age of any form that Go reads", file: evidenceFile, old: " || !rfc3339.MatchString(value)", new: ""},
	{name: "any name of a group", file: eventFile, old: "!groupName.MatchString(group)", new: "false"},
	{name: "a subnet that begins rightly", file: eventFile, old: "!eni.ValidID(\"subnet-\", subnet)", new: "!strings.HasPrefix(subnet, \"subnet-\")"},
	{name: "an instance without an ID", file: statesFile, old: "if aws.ToString(instance.InstanceId) == \"\" {", new: "if instance.InstanceId == nil {"},
	{name: "an owner for each interface", file: runFile, old: "distinct(claimed)", new: "claimed"},
	{name: "ages of the reading's end", file: runFile, old: "	plan = make([]Verdict, 0, len(open))", new: "	now, plan = time.Now(), make([]Verdict, 0, len(open))"},
	{name: "a listing's ID may be missing", file: listingFile, old: "if aws.ToString(each.NetworkInterfaceId) == \"\" {", new: "if false {"},
	{name: "the end of any state", file: statesFile, old: "if instance.State == eni.Terminated {", new: "if true {"},
	{name: "the group's tag not read", file: statesFile, old: ", Group: tags(i.Tags)[tagGroup]}", new: "}"},
	{name: "an error without its cause", file: errorsFile, old: `fmt.Errorf("%w: %w", row.class, err)`, new: `fmt.Errorf("%w: %v", row.class, err)`},
	{name: "an attempt of 5 seconds", file: deleteFile, old: "deleteTimeout = 4 * time.Second", new: "deleteTimeout = 5 * time.Second"},
	{name: "partially read groups are lost", file: groupsFile, old: "return subnets, errors.Join(failed...)", new: "if len(failed) > 0 {\n		subnets = nil\n	}\n	return subnets, errors.Join(failed...)"},
	{name: "subnets with blanks", file: groupsFile, old: "r == ',' || r == ' '", new: "r == ','"},
}
