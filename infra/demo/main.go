//go:build unix

// Command demo plays a scale-in on a simulated AWS region with the function's real binary.
// It exits with status 1 unless every leaked interface was deleted, and nothing else.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/lambda"
)

func main() {
	seed := flag.Uint64("seed", 1, "which history to play")
	flag.Parse()
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // so that a closed pipe is an error, after which all is removed
	info, err := os.Stdout.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	s := &show{scene: newScene(*seed), out: os.Stdout, colour: terminal && os.Getenv("NO_COLOR") == "", released: map[string]eni.Reason{}, runs: map[eni.Trigger]int{}}
	if err := s.run(ctx, *seed); err != nil {
		if !errors.Is(err, errFailed) {
			fmt.Fprintln(os.Stderr, "\nThe demo stopped:", cmp.Or(context.Cause(ctx), err))
		}
		os.Exit(1)
	}
}

// run compiles the function and plays a seed with it.
func (s *show) run(ctx context.Context, seed uint64) error {
	s.printf("%s\n\n", s.paint(bold, "network-interface-releaser: a scale-in on a simulated AWS region"))
	template, err := os.ReadFile("template.yaml")
	if err != nil {
		return fmt.Errorf("reading the template: %w", err)
	}
	folder, err := os.MkdirTemp("", "network-interface-releaser-")
	if err != nil {
		return fmt.Errorf("creating a folder for the binary: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	binary := filepath.Join(folder, "bootstrap")
	if err := s.compile(ctx, binary); err != nil {
		return err
	}
	return s.play(ctx, seed, template, func() (stop func(), err error) {
		environment := maps.Clone(s.stack.Environment)
		environment["AWS_ACCESS_KEY_ID"] = accessKey
		function, err := lambda.Program{
			Command: []string{binary}, Environment: environment, ARN: s.Account.ARN("lambda", "function:release"), Timeout: s.stack.Timeout,
			Region: s.Front, Stdout: s, Stderr: s, Processes: 3, // two batches and a sweep
		}.Start()
		if err != nil {
			return nil, err
		}
		s.function, s.ended = function.Invoke, function.Ended
		return function.Stop, nil
	})
}

// compile builds the function as it ships, but for this machine.
func (s *show) compile(ctx context.Context, binary string) error {
	s.printf("Compiling the function (a minute or two the first time) ")
	dots := time.NewTicker(10 * time.Second)
	go func() {
		for range dots.C {
			_, _ = fmt.Fprint(s.out, ".")
		}
	}()
	command := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, "./functions/release")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOTMPDIR="+filepath.Dir(binary))
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with its compilers, which end with it
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	output, err := command.CombinedOutput()
	dots.Stop()
	if err != nil {
		return fmt.Errorf("compiling the function: %w\n%s", err, output)
	}
	s.printf("done\n\n")
	return nil
}

// play shows a seed. Start starts the function, and returns how to stop it.
func (s *show) play(ctx context.Context, seed uint64, template []byte, start func() (stop func(), err error)) error {
	if err := s.deploy(template); err != nil {
		return fmt.Errorf("playing the past: %w", err)
	}
	stop, err := start()
	if err != nil {
		return err
	}
	defer stop()
	s.Do(func() { s.introduce(seed) })
	dry, err := s.live(ctx)
	if err != nil {
		return err
	}
	stop() // its log is complete then
	without := newScene(seed)
	without.advance(simulator.Look(s.Region, s.elapsed))
	s.Do(func() { without.Do(func() { err = s.conclude(dry, without) }) })
	return cmp.Or(err, s.err)
}

var errFailed = errors.New("the verdict, which is printed already, is FAIL")

// conclude prints what was released and what was kept, and why; what it was good for;
// and the verdict.
func (s *show) conclude(dry eni.Report, without *scene) error {
	wrong, count, left := s.judge()
	s.printReleased()
	s.printKept(dry)
	s.printf("\n%s  with the function  without it (same seed)\n", s.paint(bold, "Free addresses"))
	with, less := 0, 0
	for i, subnet := range s.subnets {
		here, there := s.EC2.FreeAddresses(subnet), without.EC2.FreeAddresses(subnet)
		with, less = with+here, less+there
		s.printf("  subnet %c%23d%24d\n", 'a'+i, here, there)
	}
	s.printf("  all     %23d%24d\n\n", with, less)
	if len(wrong) > 0 || count == 0 {
		s.printf("%s %d ENIs deleted, %d problems\n  %s\n", s.paint(bad, "FAIL:"), count, len(wrong), strings.Join(wrong, "\n  "))
		return errFailed
	}
	s.printf("%s all %d leaked ENIs deleted, nothing else. %d more are leaked but protected.\n", s.paint(good, "PASS:"), count, left)
	return nil
}

func (s *show) printReleased() {
	meaning := map[eni.Reason]string{
		eni.OwnerTerminated: "its node is terminated",
		eni.OwnerGone:       "its node was terminated over an hour ago",
		eni.NeverAttached:   "its node runs, but left it unattached for a day",
	}
	reasons := map[eni.Reason]int{}
	for _, reason := range s.released {
		reasons[reason]++
	}
	s.printf("\n%s %d ENIs by sweeps and %d by event runs, %d addresses\n", s.paint(bold, "Released:"), s.runs[eni.Schedule], s.runs[eni.Event], s.addresses)
	for _, reason := range slices.SortedFunc(maps.Keys(reasons), func(a, b eni.Reason) int { return reasons[b] - reasons[a] }) {
		s.printf("  %2d  %-16s  %s\n", reasons[reason], reason, meaning[reason])
	}
	s.printf("Auto Scaling events lost: %d of %d. Karpenter nodes (no events): %d.\nAn event run checks a node's whole subnet, and a sweep the whole region.\n\n", s.lost, scaledIn, drained)
}

// printKept prints what must survive and is there, with the reason of the dry run.
func (s *show) printKept(dry eni.Report) {
	kept, reasons := maps.Clone(s.protected), map[string]eni.Reason{}
	for _, i := range dry.Interfaces {
		if i.Outcome == eni.Kept {
			kept[i.ID] = cmp.Or(kept[i.ID], "about to be attached")
			reasons[i.ID] = i.Reason
		}
	}
	s.printf("%s what looks leaked, or is. -: not of the VPC CNI, so never considered\n", s.paint(bold, "Kept:"))
	for _, id := range slices.SortedFunc(maps.Keys(kept), func(a, b string) int { return cmp.Or(cmp.Compare(reasons[b], reasons[a]), cmp.Compare(a, b)) }) {
		if _, there := s.EC2.Interface(id); there {
			s.printf("  %-11s  %s  %s\n", cmp.Or(reasons[id], "-"), id, kept[id])
		}
	}
}

// judge returns all that is wrong by the simulator's own knowledge of each CNI's life,
// how many interfaces the function has deleted, and how many leaked ones are left.
func (s *show) judge() (wrong []string, count, left int) {
	complain := func(what, id string) { wrong = append(wrong, fmt.Sprintf("%s: %s %s", what, id, s.protected[id])) }
	logged := maps.Clone(s.released)
	for _, d := range s.EC2.Deletions() {
		if d.Caller != accessKey {
			continue
		}
		count++
		if d.LeakedAt.IsZero() || s.protected[d.ID] != "" {
			complain("deleted, but needed", d.ID)
		}
		if logged[d.ID] == "" {
			complain("deleted, but not logged", d.ID)
		}
		delete(logged, d.ID)
	}
	for id := range logged {
		complain("logged, but not deleted", id)
	}
	for _, leaked := range s.EC2.Leaked() {
		if s.protected[leaked.ID] == "" {
			complain("leaked, but not deleted", leaked.ID)
		}
	}
	for _, c := range s.Front.Calls() {
		if c.Caller == accessKey && c.Code == "" && c.Action != "DeleteNetworkInterface" && !strings.HasPrefix(c.Action, "Describe") {
			complain("called", c.Action)
		}
	}
	return wrong, count, len(s.EC2.Leaked())
}
