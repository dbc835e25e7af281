package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A mutant is the product with one thing dropped or bent.
type mutant struct {
	name, file, old, new string
	equivalent           string // why no test can tell it from the product; "" where one must
	unseen               string // why the histories cannot tell it, though a test can
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
	{name: "status not asked", file: ruleFile, old: `i.Status != "available" || i.Attached`, new: "i.Attached", unseen: "listings but an instance's own ask for the status, and what is not available has an attachment but for moments"},
	{name: "attachment not asked", file: ruleFile, old: `i.Status != "available" || i.Attached`, new: `i.Status != "available"`},
	{name: "only branches are another type", file: ruleFile, old: `i.Type != "interface"`, new: `i.Type == "branch"`},
	{name: "no_manage not asked", file: ruleFile, old: `i.Tags[tagNoManage] == "true" || i.has(tagKeep)`, new: "i.has(tagKeep)"},
	{name: "any no_manage opts out", file: ruleFile, old: `i.Tags[tagNoManage] == "true"`, new: "i.has(tagNoManage)"},
	{name: "keep not asked", file: ruleFile, old: `i.Tags[tagNoManage] == "true" || i.has(tagKeep)`, new: `i.Tags[tagNoManage] == "true"`},
	{name: "keep asked for its value", file: ruleFile, old: "i.has(tagKeep)", new: `i.Tags[tagKeep] != ""`},
	{name: "VPCs not asked", file: ruleFile, old: "!r.coversVPC(i) || !r.coversCluster(i)", new: "!r.coversCluster(i)", unseen: "a sweep lists only these VPCs; an event's subnets of others need a group outside them, which no history has"},
	{name: "clusters not asked", file: ruleFile, old: "!r.coversVPC(i) || !r.coversCluster(i)", new: "!r.coversVPC(i)"},
	{name: "older cluster tag not known", file: ruleFile, old: "i.Tags[tagCluster] == name || i.has(tagClusterPrefix+name)", new: "i.Tags[tagCluster] == name"},
	{name: "newer cluster tag not known", file: ruleFile, old: "i.Tags[tagCluster] == name || i.has(tagClusterPrefix+name)", new: "i.has(tagClusterPrefix+name)"},
	{name: "an empty instance tag passes", file: ruleFile, old: `i.has(tagInstance) && !ValidID`, new: `i.Tags[tagInstance] != "" && !ValidID`},
	{name: "untagged: the instance is not asked", file: ruleFile, old: "(!i.has(tagInstance) || !i.has(tagCreatedAt))", new: "!i.has(tagCreatedAt)"},
	{name: "untagged: the age is not asked", file: ruleFile, old: "(!i.has(tagInstance) || !i.has(tagCreatedAt))", new: "!i.has(tagInstance)"},
	{name: "ReleaseUntagged ignored", file: ruleFile, old: "!r.ReleaseUntagged && (", new: "("},
	{name: "half a day is enough", file: ruleFile, old: "neverAttachedAfter = 24 * time.Hour", new: "neverAttachedAfter = 12 * time.Hour"},
	{name: "a clock may be off by an hour", file: ruleFile, old: "clockError = 15 * time.Minute", new: "clockError = 60 * time.Minute"},
	{name: "a clock is never ahead", file: ruleFile, old: "clockError = 15 * time.Minute", new: "clockError = 0"},
	{name: "a day must be over", file: evidenceFile, old: "c.age >= neverAttachedAfter", new: "c.age > neverAttachedAfter", unseen: "one instant of a day"},
	{name: "the grace period must be over", file: evidenceFile, old: "c.age >= r.GracePeriod", new: "c.age > r.GracePeriod", unseen: "one instant"},
	{name: "15 minutes ahead are too much", file: evidenceFile, old: "c.age >= -clockError", new: "c.age > -clockError", unseen: "one instant"},
	{name: "the grace period is not asked", file: evidenceFile, old: "c.age >= r.GracePeriod", new: "c.age >= 0"},
	{name: "an unreadable age is a day", file: evidenceFile, old: "return c.readable && c.age >= neverAttachedAfter", new: "return !c.readable || c.age >= neverAttachedAfter"},
	{name: "forgotten: readable not asked", file: evidenceFile, old: "return c.readable && c.age >= neverAttachedAfter", new: "return c.age >= neverAttachedAfter", equivalent: "an unreadable age is 0"},
	{name: "grace: readable not asked", file: evidenceFile, old: "return c.readable && c.age >= r.GracePeriod", new: "return c.age >= r.GracePeriod", equivalent: "an unreadable age is 0, a grace period at least 22 minutes"},
	{name: "young: readable not asked", file: evidenceFile, old: "return c.readable && c.age < r.GracePeriod", new: "return c.age < r.GracePeriod"},
	{name: "the weakest objection counts", file: evidenceFile, old: "claimed.standing > strongest.standing", new: "claimed.standing < strongest.standing"},
	{name: "a start that is not told was long ago", file: evidenceFile, old: "i.StartedAt.IsZero() || now.Sub", new: "now.Sub", unseen: "the simulator always tells"},
	{name: "only the description claims", file: interfaceFile, old: "return []string{described, tagged}", new: "return []string{described}"},
	{name: "only the tag claims", file: interfaceFile, old: "return []string{described, tagged}", new: "return []string{tagged}"},
	{name: "any length is an id", file: interfaceFile, old: "!found || len(digits) != 8 && len(digits) != 17", new: "!found"},
	{name: "capitals are digits", file: interfaceFile, old: `"0123456789abcdef"`, new: `"0123456789abcdefABCDEF"`},
	{name: "operator not asked", file: listingFile, old: "aws.ToBool(i.RequesterManaged) || i.Operator != nil && aws.ToBool(i.Operator.Managed)", new: "aws.ToBool(i.RequesterManaged)"},
	{name: "requester not asked", file: listingFile, old: "aws.ToBool(i.RequesterManaged) || i.Operator != nil", new: "i.Operator != nil"},
	{name: "associations of addresses not asked", file: listingFile, old: "		return a.Association != nil\n", new: "		return false\n"},
}

// rare is what no 3,000 histories need have.
const rare = "it takes more leaks than one run can release, and the kind of history that has them is 4 in 10,000"

// others are the run's and the adapters'.
var others = []mutant{
	{name: "a prefix is one address", file: listingFile, old: "const prefixAddresses = 16", new: "const prefixAddresses = 1"},
	{name: "managed interfaces not asked for", file: listingFile, old: "IncludeManagedResources: aws.Bool(true)", new: "IncludeManagedResources: aws.Bool(false)"},
	{name: "managed instances not asked for", file: statesFile, old: "IncludeManagedResources: aws.Bool(true)", new: "IncludeManagedResources: aws.Bool(false)"},
	{name: "pages of no size", file: listingFile, old: "			MaxResults:              aws.Int32(pageSize),\n", new: ""},
	{name: "any status is listed", file: listingFile, old: `		filter("status", string(types.NetworkInterfaceStatusAvailable)),` + "\n", new: ""},
	{name: "any description is listed", file: listingFile, old: `		filter("description", eni.DescriptionPrefix+"i-*"),` + "\n", new: ""},
	{name: "201 values in a call", file: clientFile, old: "maxFilterValues = 200", new: "maxFilterValues = 250", unseen: "few histories name so many"},
	{name: "half an answer counts: instances", file: statesFile, old: "if page.Reservations == nil {", new: "if false {", unseen: "the simulator's answers are whole"},
	{name: "half an answer counts: interfaces", file: listingFile, old: "if page.NetworkInterfaces == nil {", new: "if false {", unseen: "the simulator's answers are whole"},
	{name: "not found is a failure", file: errorsFile, old: `{eni.ErrGone, code("InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterface.NotFound")},` + "\n", new: "", unseen: "it is a count of failures only"},
	{name: "in use, by code, is a failure", file: errorsFile, old: `{eni.ErrInUse, code("InvalidNetworkInterface.InUse")},` + "\n", new: "", unseen: "it is a count of failures only"},
	{name: "in use, by text, is a failure", file: errorsFile, old: "{eni.ErrInUse, currentlyInUse},\n", new: "", unseen: "it is a count of failures only"},
	{name: "unauthorized is a failure", file: errorsFile, old: `{eni.ErrUnauthorized, code("UnauthorizedOperation")},` + "\n", new: "", unseen: "the run does not fail then, which no judge asks for"},
	{name: "bad credentials are the resource's", file: errorsFile, old: "{eni.ErrUnauthorized, badCredentials},\n", new: "", unseen: "the run does not fail then, which no judge asks for"},
	{name: "not permitted is a failure", file: errorsFile, old: `{eni.ErrNotPermitted, code("OperationNotPermitted", "AuthFailure")},` + "\n", new: "", unseen: "it is a count of failures only"},
	{name: "a throttle is a failure", file: errorsFile, old: "{eni.ErrThrottled, throttled},\n", new: ""},
	{name: "RateExceeded is no throttle", file: configFile, old: `[]string{"RateExceeded"}`, new: "[]string{}"},
	{name: "no share of calls", file: budgetFile, old: "b.left == 0 || b.limiter", new: "b.limiter", unseen: rare},
	{name: "all calls at once", file: budgetFile, old: "max(1, r.DeletesPerMinute/4)", new: "max(1, r.DeletesPerMinute)"},
	{name: "twice as fast", file: budgetFile, old: "float64(r.DeletesPerMinute)/60", new: "float64(r.DeletesPerMinute)/30"},
	{name: "deletes up to the deadline", file: budgetFile, old: "lastDeleteBefore = 5 * time.Second", new: "lastDeleteBefore = 0", unseen: rare},
	{name: "retries are not paced", file: deleteFile, old: `stack.Finalize.Insert(wait, "Retry", middleware.After)`, new: `stack.Finalize.Insert(wait, "Retry", middleware.Before)`},
	{name: "an attempt may hang", file: deleteFile, old: "deleteTimeout = 4 * time.Second", new: "deleteTimeout = time.Hour", unseen: "the run's own deadline ends it; fewer are released in that run"},
	{name: "always the same order", file: orderFile, old: "	shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })\n", new: ""},
	{name: "no random one", file: orderFile, old: "random := min(1, len(rest))", new: "random := 0", unseen: "it takes few deletes a minute and a stuck interface in the tightest of two subnets: about 1 in 5,000 histories"},
	{name: "named ones not first", file: orderFile, old: "if slices.Contains(named, v.describedInstance()) {", new: "if false {", unseen: "an order, which no judge asks for"},
	{name: "roomy subnets first", file: orderFile, old: "cmp.Compare(free[a], free[b])", new: "cmp.Compare(free[b], free[a])", unseen: "an order, which no judge asks for"},
	{name: "a dry run deletes", file: releaseFile, old: "	if dryRun {", new: "	if false && dryRun {"},
	{name: "a refusal is never a missing permission", file: releaseFile, old: "if tried > 0 && unauthorized == tried {", new: "if false {", unseen: "the run does not fail then, which no judge asks for"},
	{name: "refusals never end a run", file: releaseFile, old: "if ends || unauthorized == permissionProbe && tried == permissionProbe {", new: "if ends {", unseen: "its calls are few enough"},
	{name: "VpcIds do not narrow a sweep", file: scopeFile, old: "if len(r.Rule.VPCs) > 0 {", new: "if false {"},
	{name: "the last one found counts only", file: scopeFile, old: "found = append(list, found...)", new: "found = list[:min(1, len(list))]"},
	{name: "the first word counts", file: scopeFile, old: "		slices.Reverse(list)\n", new: "", unseen: "what became attached in between EC2 refuses to delete"},
	{name: "a failed listing is an empty one", file: scopeFile, old: `			return nil, fmt.Errorf("listing %s: %w", search.what, err)`, new: "			continue"},
}

// rows makes two mutants of each row of the rule's tables: one without it, and, for a
// row of evidence, one that decides the other way.
func rows(t *testing.T) []mutant {
	source := string(read(t, ruleFile))
	var all []mutant
	for _, table := range []string{"guards", "evidence"} {
		_, body, found := strings.Cut(source, "\nvar "+table+" = ")
		if !found {
			t.Fatalf("no table %s in %s", table, ruleFile)
		}
		body, _, _ = strings.Cut(body, "\n}\n")
		for _, row := range regexp.MustCompile(`(?m)^\t\{[^\n]*(\},?( //[^\n]*)?\n|\{\n(\t\t[^\n]*\n)*\t\}\},\n)`).FindAllString(body+"\n", -1) {
			name := table + ": " + strings.TrimSpace(strings.SplitN(row, "func", 2)[0])
			all = append(all, mutant{name: "without " + name, file: ruleFile, old: row, new: ""})
			if flipped := strings.NewReplacer("true,", "false,", "false,", "true,").Replace(row); flipped != row {
				all = append(all, mutant{name: "the other way: " + name, file: ruleFile, old: row, new: flipped})
			}
		}
	}
	if len(all) != 10+2*9 {
		t.Fatalf("%d mutants of rows: the tables look otherwise now", len(all))
	}
	return all
}

var only = flag.String("mutant", "", "try the mutants whose names match this; none without it")

// A group is mutants of one kind.
type group struct {
	name    string
	mutants []mutant
}

func mutants(t *testing.T) []group {
	return []group{{"planted", planted}, {"rows of the rule", rows(t)}, {"conditions of the rule", bent}, {"the run and the adapters", others}}
}

// Each mutant can be made of the product as it is now.
func TestMutantsFit(t *testing.T) {
	for _, group := range mutants(t) {
		for _, m := range group.mutants {
			mutate(t, m)
		}
	}
}

// TestMutants shows that the tests can fail: each mutant is caught by a named test and
// by the histories, or it says why not.
func TestMutants(t *testing.T) {
	if *only == "" {
		t.Skip("half an hour, for make mutants")
	}
	score := map[string][3]int{}
	for _, group := range mutants(t) {
		for _, m := range group.mutants {
			if !regexp.MustCompile(*only).MatchString(m.name) {
				continue
			}
			overlay := mutate(t, m)
			test := failingTest(overlay)
			history := failingHistory(t, overlay)
			s := score[group.name]
			s[0]++
			if test != "" {
				s[1]++
			}
			if history != "" {
				s[2]++
			}
			score[group.name] = s
			fmt.Printf("%s\n    test: %s\n    simulation: %s\n", m.name, or(test, "none; "+m.equivalent), or(history, "none; "+m.equivalent+m.unseen))
			if test == "" && m.equivalent == "" || history == "" && m.equivalent == "" && m.unseen == "" {
				t.Errorf("%s survives", m.name)
			}
		}
		fmt.Printf("== %s: %d mutants, %d caught by a test, %d by the simulation\n", group.name, score[group.name][0], score[group.name][1], score[group.name][2])
	}
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// mutate writes a mutant for go's -overlay; the product's files stay as they are.
func mutate(t *testing.T, m mutant) (overlay string) {
	source := string(read(t, m.file))
	if strings.Count(source, m.old) != 1 {
		t.Fatalf("%s: %q stands %d times in %s; mend the mutant", m.name, m.old, strings.Count(source, m.old), m.file)
	}
	source = strings.Replace(source, m.old, m.new, 1)
	if strings.Contains(m.new, "remembered(") {
		source += remembered
	}
	// What a mutant does not use any more is no error of its own.
	for pkg, use := range map[string]string{"types": "types.Filter{}", "slices": "slices.Max([]int{1})", "fmt": "fmt.Sprint()", "cmp": "cmp.Compare(1, 1)"} {
		if regexp.MustCompile(`(?m)^\s+"[\w./-]*\b` + pkg + `"$`).MatchString(source) {
			source += "\nvar _ = " + use + "\n"
		}
	}
	folder := t.TempDir()
	changed := filepath.Join(folder, filepath.Base(m.file))
	absolute, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(map[string]any{"Replace": map[string]string{absolute: changed}})
	overlay = filepath.Join(folder, "overlay.json")
	for name, content := range map[string]string{changed: source, overlay: string(raw)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

var failed = regexp.MustCompile(`(?:--- FAIL:|running tests:)\s+(Test\w+|Fuzz\w+)`)

// failingTest is the first test that a mutant fails.
func failingTest(overlay string) string {
	out, err := exec.Command("go", "test", "-vet=off", "-timeout", "60s", "-overlay", overlay, "../../functions/release/eni", "../../infra/ec2").CombinedOutput()
	if err == nil {
		return ""
	}
	if name := failed.FindSubmatch(out); name != nil {
		return string(name[1])
	}
	return "does not compile: " + string(out)
}

// mutantHistories is how many a mutant is given.
const mutantHistories = 3000

var violated = regexp.MustCompile(`violation in (history \d+ of \d+: .{0,90})`)

// failingHistory is the violation that the histories find in a mutant.
func failingHistory(t *testing.T, overlay string) string {
	binary := filepath.Join(t.TempDir(), "mutant")
	if out, err := exec.Command("go", "test", "-vet=off", "-c", "-o", binary, "-overlay", overlay, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(binary, "-test.run=^TestHistories$", "-test.v", "-test.timeout=5m", fmt.Sprintf("-sim.histories=%d", mutantHistories)).CombinedOutput()
	if err == nil {
		return ""
	}
	if what := violated.FindSubmatch(out); what != nil {
		return string(what[1])
	}
	if strings.Contains(string(out), "no history met") {
		return ""
	}
	return "the histories end: " + string(out[max(0, len(out)-300):])
}
