// Command acceptance shows on a real account what no emulator can, and on the
// emulators of `make e2e` that it would: it deploys a stack, makes interfaces of every
// kind of the rule that can be made by hand, sends an event, looks what is released and
// what stays, does an operator's acts, and takes everything down again, also after a
// failure. docs/acceptance.md says more; `make acceptance` runs it.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
)

// options are the command line.
type options struct {
	region, account string
	subnets         string // existing ones instead of a VPC of its own: two of one VPC, one of another
	configEnv       string // of samconfig.toml
	record          string // file for EC2's answers
	clean           bool   // only take down what earlier runs left
	yes             bool
}

func main() {
	var o options
	flag.StringVar(&o.region, "region", "", "region to run in")
	flag.StringVar(&o.account, "account", "", "12 digits of the sandbox account, to be sure that it is meant")
	flag.StringVar(&o.subnets, "subnets", "", "three existing subnets, two of one VPC and one of another, instead of new ones")
	flag.StringVar(&o.configEnv, "config-env", "default", "environment of samconfig.toml that was built")
	flag.StringVar(&o.record, "record", "acceptance.json", "file for EC2's answers")
	flag.BoolVar(&o.clean, "clean", false, "only take down what earlier runs left")
	flag.Parse()
	o.yes = os.Getenv("ACCEPT") == "yes"
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "\nacceptance:", err)
		os.Exit(1)
	}
}

// run asks, does the steps, and takes down in any case.
func run(ctx context.Context, o options) (err error) {
	if o.region == "" || o.account == "" {
		return errors.New("say which sandbox is meant: make acceptance REGION=eu-west-1 ACCOUNT=123456789012")
	}
	environment := append(os.Environ(), "AWS_REGION="+o.region, "AWS_DEFAULT_REGION="+o.region, "SAM_CLI_TELEMETRY=0")
	client, err := boto3.Start(".", environment)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	a := &acceptance{ctx: ctx, options: o, aws: client, environment: environment, begun: time.Now(), id: time.Now().UTC().Format("0102-150405")}
	var caller struct{ Account, Arn string }
	if err := client.Call("sts", "get_caller_identity", nil, &caller); err != nil {
		return fmt.Errorf("asking who you are: %w", err)
	}
	if caller.Account != o.account {
		return fmt.Errorf("you are in the account %s (%s), not in %s: nothing was done", caller.Account, caller.Arn, o.account)
	}
	fmt.Printf(plan, o.account, o.region, caller.Arn)
	if !o.yes && !confirmed() {
		return errors.New("nothing was done")
	}
	defer func() {
		if left := a.takeDown(); left != nil {
			err = errors.Join(err, fmt.Errorf("something is left; run it again with CLEAN=1: %w", left))
		}
	}()
	if o.clean {
		return nil
	}
	for _, step := range a.steps() {
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		a.say("== %s", step.title)
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	a.conclude()
	return nil
}

const plan = `In the account %s, region %s, as %s, this
  makes   two stacks with the function (30 minutes), 2 VPCs, 3 subnets, 11 network interfaces
  costs   less than 0.05 USD: some invocations, queue requests and log lines; VPCs and interfaces are free
  deletes all of it again; what a run that was killed left is deleted by CLEAN=1
`

// confirmed asks on the terminal; whatever is not "yes" is no.
func confirmed() bool {
	fmt.Print("Type yes to go on: ")
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.TrimSpace(answer) == "yes"
}

// An acceptance is one run of this program.
type acceptance struct {
	options
	ctx         context.Context
	aws         *boto3.Client
	environment []string
	begun       time.Time
	id          string // of the run: all that it makes is tagged with it

	vpcs     []string
	nets     []string          // subnets: two of the first VPC, one of the second
	made     map[string]string // interfaces, by their kinds
	stack    stack
	notShown []string
}

type step struct {
	title string
	do    func() error
}

func (a *acceptance) steps() []step {
	return []step{
		{"EC2's answers that the simulator is held against", a.recordAnswers},
		{"a VPC, and an interface of every kind", a.makeWorld},
		{"deploy, dry", a.deployDry},
		{"a look by hand: each interface, its decision and reason", a.lookByHand},
		{"an event in a dry stack releases nothing", a.eventInDryStack},
		{"the role: each allow and each deny", a.tryRole},
		{"a bad update is refused, and the stack is as it was", a.badUpdate},
		{"an operator flips DryRun; the next event releases what is leaked, and nothing else", a.flip},
		{"an operator pauses the events, and takes them up again", a.pause},
		{"a cause that sends events to the dead-letter queue; mended, redriven, released", a.redrive},
		{"a second stack, on its schedule, for the other VPC", a.secondStack},
	}
}

// emulated tells whether this is not AWS, but stand-ins of it.
func (a *acceptance) emulated() bool { return os.Getenv("AWS_ENDPOINT_URL") != "" }

func (a *acceptance) say(format string, arguments ...any) {
	fmt.Printf("%4.0f s  %s\n", time.Since(a.begun).Seconds(), fmt.Sprintf(format, arguments...))
}

// until waits for what is true in the end.
func (a *acceptance) until(what string, patience time.Duration, done func() (bool, error)) error {
	for limit := time.Now().Add(patience); ; {
		is, err := done()
		switch {
		case err != nil:
			return err
		case is:
			a.say("%s", what)
			return nil
		case time.Now().After(limit):
			return fmt.Errorf("timed out after %v waiting until %s", patience, what)
		}
		select {
		case <-a.ctx.Done():
			return errors.New("interrupted")
		case <-time.After(time.Second):
		}
	}
}

// missing notes what could not be shown here, and what shows it instead.
func (a *acceptance) missing(what, instead string) {
	a.notShown = append(a.notShown, what+": "+instead)
	a.say("not shown here: %s", what)
}

func (a *acceptance) conclude() {
	a.say("every step was as it should be")
	for _, each := range append(a.notShown,
		"that alarms ring: each is judged by its own definition on a day's metrics by make test (TestEachAlarmRingsInItsTroubleOnly)",
		"Auto Scaling's own delivery of the event, at best effort: the event was put into the queue as the rule does; scale a group of EKS's in") {
		fmt.Printf("        not shown: %s\n", each)
	}
}
