package mutation

// A mutant is the product with one thing dropped or bent.
type mutant struct {
	name, file, old, new string
	equivalent           string // why it behaves like the product; "" where one must
	unseen               string // why the simulation cannot find it, though a test does
}

const (
	ruleFile      = "functions/release/eni/rule.go"
	evidenceFile  = "functions/release/eni/evidence.go"
	interfaceFile = "functions/release/eni/interface.go"
	runFile       = "functions/release/eni/run.go"
	releaseFile   = "functions/release/eni/release.go"
	budgetFile    = "functions/release/eni/budget.go"
	orderFile     = "functions/release/eni/order.go"
	scopeFile     = "functions/release/eni/scope.go"
	listingFile   = "infra/ec2/interfaces.go"
	statesFile    = "infra/ec2/instances.go"
	errorsFile    = "infra/ec2/errors.go"
	configFile    = "infra/awsconfig/config.go"
	clientFile    = "infra/ec2/client.go"
	deleteFile    = "infra/ec2/delete.go"
	subnetsFile   = "infra/ec2/subnets.go"
	attemptFile   = "infra/awsconfig/attempt.go"
)

// planted are defects that other cleaners have, or had.
var planted = []mutant{
	{name: "planted: deletes when createdAt cannot be parsed", file: ruleFile, old: "{notVisible, anyAge, false, AgeUnreadable}", new: "{notVisible, anyAge, true, AgeUnreadable}"},
	{name: "planted: not found is taken for dead", file: evidenceFile, old: "instance.State = NotVisible", new: "instance.State = Terminated"},
	{name: "planted: a listing's first page is taken for all", file: listingFile, old: "				all = append(all, toInterface(each))\n			}\n", new: "				all = append(all, toInterface(each))\n			}\n			break\n"},
	{name: "planted: the first page of instances is taken for all", file: statesFile, old: "toInstance(instance)\n				}\n			}\n", new: "toInstance(instance)\n				}\n			}\n			break\n"},
	{name: "planted: pushes on after a throttle", file: releaseFile, old: `{ErrThrottled, Deferred, "", true,`, new: `{ErrThrottled, Deferred, "", false,`},
	{name: "planted: remembers states from run to run", file: runFile, old: "visible, err := r.Instances.Visible(ctx, distinct(claimed))", new: "visible, err := remembered(ctx, r, distinct(claimed))"},
	{name: "planted: takes unreadable states for no states", file: runFile, old: `return nil, nil, fmt.Errorf("reading the states of the owning instances: %w", err)`, new: "visible = nil"},
}

// remembered goes with the mutant of that name.
const remembered = `
var memory = map[string]Instance{}

func remembered(ctx context.Context, r *Releaser, ids []string) (map[string]Instance, error) {
	var unknown []string
	for _, id := range ids {
		if _, known := memory[id]; !known {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return memory, nil
	}
	visible, err := r.Instances.Visible(ctx, unknown)
	for id, instance := range visible {
		memory[id] = instance
	}
	return memory, err
}
`

// bent are the rule's conditions, each part dropped or moved.
var bent = []mutant{
	{name: "status not checked", file: ruleFile, old: `i.Status != "available" || i.Attached`, new: "i.Attached", unseen: "all listings but an instance's own filter by status, and what is not available has an attachment but for moments"},
	{name: "attachment not checked", file: ruleFile, old: `i.Status != "available" || i.Attached`, new: `i.Status != "available"`},
	{name: "only branches are another type", file: ruleFile, old: `i.Type != "interface"`, new: `i.Type == "branch"`},
	{name: "no_manage not checked", file: ruleFile, old: `strings.EqualFold(key, tagNoManage) && value == "true"`, new: `value == "?"`},
	{name: "any no_manage opts out", file: ruleFile, old: `&& value == "true"`, new: `&& value != "?"`},
	{name: "keep not checked", file: ruleFile, old: "strings.EqualFold(key, tagKeep) || ", new: ""},
	{name: "keep checked for its value", file: ruleFile, old: "strings.EqualFold(key, tagKeep)", new: `strings.EqualFold(key, tagKeep) && value != ""`},
	{name: "keep in these letters only", file: ruleFile, old: "strings.EqualFold(key, tagKeep)", new: "key == tagKeep"},
	{name: "no_manage in these letters only", file: ruleFile, old: "strings.EqualFold(key, tagNoManage)", new: "key == tagNoManage"},
	{name: "VPCs not checked", file: ruleFile, old: "!r.coversVPC(i) || !r.coversCluster(i)", new: "!r.coversCluster(i)", unseen: "a sweep lists only these VPCs; an event's subnets of others need a group outside them, which no simulation has"},
	{name: "clusters not checked", file: ruleFile, old: "!r.coversVPC(i) || !r.coversCluster(i)", new: "!r.coversVPC(i)"},
	{name: "older cluster tag not known", file: interfaceFile, old: "i.Tags[tagCluster] == name || i.has(tagClusterPrefix+name)", new: "i.Tags[tagCluster] == name"},
	{name: "newer cluster tag not known", file: interfaceFile, old: "i.Tags[tagCluster] == name || i.has(tagClusterPrefix+name)", new: "i.has(tagClusterPrefix+name)"},
	{name: "an empty instance tag passes", file: ruleFile, old: `i.has(tagInstance) && !ValidID`, new: `i.Tags[tagInstance] != "" && !ValidID`},
	{name: "untagged: the instance not checked", file: ruleFile, old: "(!i.has(tagInstance) || !i.has(tagCreatedAt))", new: "!i.has(tagCreatedAt)"},
	{name: "untagged: the age not checked", file: ruleFile, old: "(!i.has(tagInstance) || !i.has(tagCreatedAt))", new: "!i.has(tagInstance)"},
	{name: "ReleaseUntagged ignored", file: ruleFile, old: "!r.ReleaseUntagged && (", new: "("},
	{name: "half a day is enough", file: ruleFile, old: "neverAttachedAfter = 24 * time.Hour", new: "neverAttachedAfter = 12 * time.Hour"},
	{name: "half the grace period awake is enough", file: evidenceFile, old: "now.Sub(i.StartedAt) < grace", new: "now.Sub(i.StartedAt) < grace/2"},
	{name: "a day awake is asked", file: evidenceFile, old: "now.Sub(i.StartedAt) < grace", new: "now.Sub(i.StartedAt) < neverAttachedAfter"},
	{name: "any year has an age", file: evidenceFile, old: " || at.Before(firstCreatedAt)", new: ""},
	{name: "no age before 2021", file: evidenceFile, old: "time.Date(2020,", new: "time.Date(2021,"},
	{name: "a clock may be off by an hour", file: ruleFile, old: "clockError = 15 * time.Minute", new: "clockError = 60 * time.Minute"},
	{name: "a clock is never ahead", file: ruleFile, old: "clockError = 15 * time.Minute", new: "clockError = 0"},
	{name: "a day must be over", file: evidenceFile, old: "c.age >= neverAttachedAfter", new: "c.age > neverAttachedAfter", unseen: "one instant of a day"},
	{name: "the grace period must be over", file: evidenceFile, old: "c.age >= r.GracePeriod", new: "c.age > r.GracePeriod", unseen: "one instant"},
	{name: "15 minutes ahead are too much", file: evidenceFile, old: "at.Sub(now) > clockError", new: "at.Sub(now) >= clockError", unseen: "one instant"},
	{name: "the grace period not checked", file: evidenceFile, old: "c.age >= r.GracePeriod", new: "c.age >= 0"},
	{name: "an unreadable age is a day", file: evidenceFile, old: "return c.readable && c.age >= neverAttachedAfter", new: "return !c.readable || c.age >= neverAttachedAfter"},
	{name: "a day: readable not checked", file: evidenceFile, old: "return c.readable && c.age >= neverAttachedAfter", new: "return c.age >= neverAttachedAfter", equivalent: "an unreadable age is 0"},
	{name: "grace: readable not checked", file: evidenceFile, old: "return c.readable && c.age >= r.GracePeriod", new: "return c.age >= r.GracePeriod", equivalent: "an unreadable age is 0, a grace period at least 22 minutes"},
	{name: "young: readable not checked", file: evidenceFile, old: "return c.readable && c.age < r.GracePeriod", new: "return c.age < r.GracePeriod"},
	{name: "the weakest objection counts", file: evidenceFile, old: "claimed.standing > strongest.standing", new: "claimed.standing < strongest.standing"},
	{name: "an unknown start was long ago", file: evidenceFile, old: "i.StartedAt.IsZero() || now.Sub", new: "now.Sub", unseen: "the simulator always has one"},
	{name: "only the description claims", file: interfaceFile, old: "return []string{described, tagged}", new: "return []string{described}"},
	{name: "only the tag claims", file: interfaceFile, old: "return []string{described, tagged}", new: "return []string{tagged}"},
	{name: "any length is an id", file: interfaceFile, old: "!found || len(digits) != 8 && len(digits) != 17", new: "!found"},
	{name: "capitals are digits", file: interfaceFile, old: `"0123456789abcdef"`, new: `"0123456789abcdefABCDEF"`},
	{name: "operator not checked", file: listingFile, old: "aws.ToBool(i.RequesterManaged) || i.Operator != nil && aws.ToBool(i.Operator.Managed)", new: "aws.ToBool(i.RequesterManaged)"},
	{name: "requester not checked", file: listingFile, old: "aws.ToBool(i.RequesterManaged) || i.Operator != nil", new: "i.Operator != nil"},
	{name: "associations of addresses not checked", file: listingFile, old: "		return a.Association != nil\n", new: "		return false\n"},
}

// rare is what 3,000 simulations need not have.
const rare = "it takes more leaks than one run can release, and the kind of scenario that has them is 4 in 10,000"

// others are the run's and the adapters'.
var others = []mutant{
	{name: "a prefix is one address", file: listingFile, old: "const prefixAddresses = 16", new: "const prefixAddresses = 1"},
	{name: "managed interfaces not requested", file: listingFile, old: "IncludeManagedResources: aws.Bool(true)", new: "IncludeManagedResources: aws.Bool(false)"},
	{name: "managed instances not requested", file: statesFile, old: "IncludeManagedResources: aws.Bool(true)", new: "IncludeManagedResources: aws.Bool(false)"},
	{name: "pages of no size", file: listingFile, old: "			MaxResults:              aws.Int32(pageSize),\n", new: ""},
	{name: "any status is listed", file: listingFile, old: `		filter("status", string(types.NetworkInterfaceStatusAvailable)),` + "\n", new: ""},
	{name: "any description is listed", file: listingFile, old: `		filter("description", eni.DescriptionPrefix+"i-*"),` + "\n", new: ""},
	{name: "201 values in a call", file: clientFile, old: "maxFilterValues = 200", new: "maxFilterValues = 250", unseen: "few simulations name so many"},
	{name: "half an answer counts: instances", file: statesFile, old: "if page.Reservations == nil {", new: "if false {", unseen: "the simulator's answers are whole"},
	{name: "half an answer counts: interfaces", file: listingFile, old: "if page.NetworkInterfaces == nil {", new: "if false {", unseen: "the simulator's answers are whole"},
	{name: "half an answer counts: a reservation", file: statesFile, old: "if len(reservation.Instances) == 0 {", new: "if false {", unseen: "the simulator's answers are whole"},
	{name: "half an answer counts: a subnet", file: subnetsFile, old: "aws.ToString(subnet.SubnetId) == \"\" || subnet.AvailableIpAddressCount == nil", new: "false", unseen: "the simulator's answers are whole"},
	{name: "not found is a failure", file: errorsFile, old: `{eni.ErrGone, code("InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterface.NotFound")},` + "\n", new: "", unseen: "it is a count of failures only"},
	{name: "in use, by code, is a failure", file: errorsFile, old: `{eni.ErrInUse, code("InvalidNetworkInterface.InUse")},` + "\n", new: "", unseen: "it is a count of failures only"},
	{name: "in use, by text, is a failure", file: errorsFile, old: "{eni.ErrInUse, currentlyInUse},\n", new: "", unseen: "it is a count of failures only"},
	{name: "unauthorized is a failure", file: errorsFile, old: `{eni.ErrUnauthorized, code("UnauthorizedOperation")},` + "\n", new: "", unseen: "the run does not fail then, which no check asks for"},
	{name: "bad credentials are the resource's", file: errorsFile, old: "{eni.ErrUnauthorized, badCredentials},\n", new: "", unseen: "the run does not fail then, which no check asks for"},
	{name: "not permitted is a failure", file: errorsFile, old: `{eni.ErrNotPermitted, code("OperationNotPermitted", "AuthFailure")},` + "\n", new: "", unseen: "it is a count of failures only"},
	{name: "a throttle is a failure", file: errorsFile, old: "{eni.ErrThrottled, throttled},\n", new: ""},
	{name: "RateExceeded is no throttle", file: configFile, old: `[]string{"RateExceeded"}`, new: "[]string{}"},
	{name: "no share of calls", file: budgetFile, old: "b.left == 0 || b.limiter", new: "b.limiter", unseen: rare},
	{name: "all calls at once", file: budgetFile, old: "max(1, r.DeletesPerMinute/4)", new: "max(1, r.DeletesPerMinute)"},
	{name: "twice as fast", file: budgetFile, old: "float64(r.DeletesPerMinute)/60", new: "float64(r.DeletesPerMinute)/30"},
	{name: "deletes up to the deadline", file: budgetFile, old: "lastDeleteBefore = 5 * time.Second", new: "lastDeleteBefore = 0", unseen: rare},
	{name: "retries are not paced", file: deleteFile, old: `stack.Finalize.Insert(wait, "Retry", middleware.After)`, new: `stack.Finalize.Insert(wait, "Retry", middleware.Before)`},
	{name: "waiting counts against an attempt", file: deleteFile, old: "deleteTimeout, wait.ID())", new: `deleteTimeout, "Retry")`, unseen: "fewer are released in that run"},
	{name: "a retry quota", file: configFile, old: "func(o *retry.StandardOptions) { o.RateLimiter = ratelimit.None }", new: "func(*retry.StandardOptions) { _ = ratelimit.None }", unseen: "few histories fail so often"},
	{name: "what hangs is not retried", file: attemptFile, old: "RetryableError() bool { return true }", new: "RetryableError() bool { return false }", unseen: "the next run tries again"},
	{name: "an attempt may hang", file: deleteFile, old: "deleteTimeout = 4 * time.Second", new: "deleteTimeout = time.Hour", unseen: "the run's own deadline ends it; fewer are released in that run"},
	{name: "always the same order", file: orderFile, old: "	shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })\n", new: ""},
	{name: "no random one", file: orderFile, old: "random := min(1, len(rest))", new: "random := 0", unseen: "it takes few deletes a minute and an undeletable interface in the tightest of two subnets: about 1 in 5,000 simulations"},
	{name: "named ones not first", file: orderFile, old: "if slices.Contains(named, v.describedInstance()) {", new: "if false && slices.Contains(named, v.describedInstance()) {", unseen: "an order, which no check asks for"},
	{name: "roomy subnets first", file: orderFile, old: "cmp.Compare(free[a], free[b])", new: "cmp.Compare(free[b], free[a])", unseen: "an order, which no check asks for"},
	{name: "a dry run deletes", file: releaseFile, old: "	if dryRun {", new: "	if false && dryRun {"},
	{name: "a refusal is never a missing permission", file: releaseFile, old: "if r.lookUp(ctx, results, refused) == permissionProbe {", new: "if r.lookUp(ctx, results, refused) < 0 {", unseen: "the run does not fail then, which only its coverage asks for"},
	{name: "what is gone is a missing permission, too", file: releaseFile, old: "if r.lookUp(ctx, results, refused) == permissionProbe {", new: "if r.lookUp(ctx, results, refused) >= 0 {", unseen: rare},
	{name: "one refusal is a missing permission", file: releaseFile, old: "const permissionProbe = 10", new: "const permissionProbe = 1"},
	{name: "ten refused anywhere are a missing permission", file: releaseFile, old: "len(refused) == permissionProbe && len(results) == permissionProbe", new: "len(refused) == permissionProbe", unseen: rare},
	{name: "what was refused is not looked up", file: releaseFile, old: "	r.lookUp(ctx, results, refused)\n	for", new: "	for", unseen: "it is a count of failures only"},
	{name: "what was refused is gone", file: releaseFile, old: "if listed[results[n].ID] {", new: "if listed[results[n].ID] && false {", unseen: "it is a count of failures only"},
	{name: "what cannot be looked up is gone", file: releaseFile, old: "		return 0\n	}\n	for _, n := range refused", new: "	}\n	for _, n := range refused", unseen: "it is a count of failures only"},
	{name: "clusterNames ignored", file: scopeFile, old: "if len(scope.Clusters) > 0 {", new: "if false {", unseen: "it releases what a sweep releases, too"},
	{name: "VpcIds do not narrow a sweep", file: scopeFile, old: "if len(r.Rule.VPCs) > 0 {", new: "if false {"},
	{name: "the last one found counts only", file: scopeFile, old: "found = append(list, found...)", new: "found = list[:min(1, len(list))]"},
	{name: "the first word counts", file: scopeFile, old: "		slices.Reverse(list)\n", new: "", unseen: "what became attached in between EC2 refuses to delete"},
	{name: "a failed listing is an empty one", file: scopeFile, old: `			return nil, fmt.Errorf("listing %s: %w", search.what, err)`, new: "			continue"},
}
