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
	signal.Notify(make(chan os.Signal), syscall.SIGPIPE) // so that a closed pipe is an error, after which all is removed
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
	dots := time.NewTicker(5 * time.Second)
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
