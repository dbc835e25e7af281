// Command acceptance shows on a real account what no emulator can, and runs on the
// emulators of `make e2e`, too: it deploys a stack, makes interfaces of every kind of the
// rule that can be made on AWS, sends events, checks what is released and what stays,
// changes the stack as an operator does, and takes everything down again, also after a
// failure. docs/acceptance.md has the steps; `make acceptance` runs it.
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

// An acceptance is one run of this program.
type acceptance struct {
	*sandbox
	subnets string // existing ones instead of new ones: two of one VPC, one of another
	clean   bool   // only take down what earlier runs left

	nets  []subnet          // two of one VPC, one of another
	made  map[string]string // IDs of interfaces, by their kinds
	stack stack

	record     string        // file of the findings
	wait       time.Duration // until the last of the second deletes
	group      string        // an existing Auto Scaling group in the second subnet, instead of a new one
	needs      stack         // what the open questions need
	statements map[string]string
	as         func(a *acceptance, policy string) *boto3.Client // assume, or a test's
	asked      []<-chan error
}

func main() {
	a := acceptance{sandbox: &sandbox{begun: time.Now(), poll: time.Second}, made: map[string]string{}, as: (*acceptance).assume}
	flag.StringVar(&a.region, "region", "", "region to run in")
	flag.StringVar(&a.account, "account", "", "12 digits of the sandbox account, to be sure that it is meant")
	flag.StringVar(&a.subnets, "subnets", "", "three existing subnets, two of one VPC and one of another, instead of new ones")
	flag.StringVar(&a.configEnv, "config-env", "default", "environment of samconfig.toml that was built")
	flag.StringVar(&a.record, "record", "acceptance.json", "file that gets the answers to the open questions, a line each")
	flag.DurationVar(&a.wait, "wait", 10*time.Minute, "how long after the first delete the last one comes")
	flag.StringVar(&a.group, "group", "", "an existing Auto Scaling group in the second subnet, instead of a new one")
	flag.BoolVar(&a.clean, "clean", false, "only take down what earlier runs left")
	flag.Parse()
	var stop func()
	a.ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := a.run(); err != nil {
		fmt.Fprintln(os.Stderr, "\nacceptance:", err)
		os.Exit(1)
	}
}

// run asks, does the steps, and takes down in any case.
func (a *acceptance) run() (err error) {
	if a.region == "" || a.account == "" {
		return errors.New("say which sandbox is meant: make acceptance REGION=eu-west-1 ACCOUNT=123456789012")
	}
	a.environment = append(os.Environ(), "AWS_REGION="+a.region, "AWS_DEFAULT_REGION="+a.region, "SAM_CLI_TELEMETRY=0")
	if a.aws, err = boto3.Start(".", a.environment); err != nil {
		return err
	}
	defer a.aws.Close()
	var caller struct{ Account, Arn string }
	if err := a.aws.Call("sts", "get_caller_identity", nil, "", &caller); err != nil {
		return err
	}
	if caller.Account != a.account {
		return fmt.Errorf("you are in the account %s (%s), not in %s: nothing was done", caller.Account, caller.Arn, a.account)
	}
	fmt.Printf(plan, a.account, a.region, caller.Arn)
	if os.Getenv("ACCEPT") != "yes" && !confirmed() {
		return errors.New("nothing was done")
	}
	if !a.clean {
		a.id = a.begun.UTC().Format("0102-150405")
	}
	ctx, cancel := context.WithCancel(a.ctx)
	a.ctx = ctx
	defer func() {
		cancel() // so that no question that is still asked makes anything more
		_ = attempt(a.awaitUnknowns)
		if left := a.takeDown(); left != nil {
			err = errors.Join(err, fmt.Errorf("something is left; run it again with CLEAN=1: %w", left))
		}
	}()
	if a.clean {
		return nil
	}
	for _, step := range a.steps() {
		a.log("== %s", step.title)
		if err := attempt(step.do); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
		if a.ctx.Err() != nil {
			return errors.New("interrupted")
		}
	}
	a.log("every step was as it should be; the answers to the open questions are in %s", a.record)
	for _, each := range append(a.notShown,
		"that alarms are raised: each is evaluated by its own definition on a day's metrics by make test (TestEachAlarmIsRaisedByItsTroubleOnly)") {
		fmt.Printf("        not shown: %s\n", each)
	}
	return nil
}

const plan = `In the account %s, region %s, as %s, this
  makes   two stacks with the function (30 minutes), 2 VPCs, 3 subnets, 15 network interfaces,
          for the open questions a stack with a queue, a role, and a group of one instance (t3.small)
  costs   less than 0.05 USD: some invocations, queue requests and log lines; VPCs and interfaces are free
  deletes all of it again; what a run that was killed left is deleted by CLEAN=1
`

// confirmed asks on the terminal; whatever is not "yes" is no.
func confirmed() bool {
	fmt.Print("Type yes to go on: ")
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.TrimSpace(answer) == "yes"
}

type step struct {
	title string
	do    func()
}

func (a *acceptance) steps() []step {
	return []step{
		{"EC2's answers that the simulator is held against", a.compareAnswers},
		{"a VPC, and an interface of every kind", a.makeWorld},
		{"deploy, dry", a.deployDry},
		{"open questions, of which one takes " + a.wait.String() + " beside the next steps", a.beginUnknowns},
		{"a manual dry run: each interface, its decision and reason", a.manualRun},
		{"an event in a dry stack releases nothing", a.eventInDryStack},
		{"the role: each allow and each deny", a.tryRole},
		{"a bad update is rolled back, and the stack is as it was", a.badUpdate},
		{"an operator sets DryRun=false; the next event releases what is leaked, and nothing else", a.release},
		{"an operator disables the events, and enables them again", a.pause},
		{"a cause that sends events to the dead-letter queue; fixed, redriven, released", a.redrive},
		{"the other open questions, beside the next step", func() { // events of the node that it ends disturb nothing from here on
			a.beside((*acceptance).askKeep, (*acceptance).askManaged, (*acceptance).askNode, (*acceptance).askBatches)
		}},
		{"a second stack, on its schedule, for the other VPC", a.secondStack},
		{"the answers", a.awaitUnknowns},
	}
}
