// Command demo plays a scale-in against a simulated AWS region, live, with the
// real function: the binary that ships, as processes on the Lambda runtime API.
// Its exit status tells whether every abandoned interface was released, and
// nothing else was.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	seed := flag.Uint64("seed", 1, "the history to play; one seed is one history")
	plain := flag.Bool("plain", false, "write plain lines, also to a terminal")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := play(ctx, *seed, newScreen(os.Stdout, *plain))
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
		return
	case interrupted:
		fmt.Fprintln(os.Stderr, "The demo was stopped.")
	default:
		fmt.Fprintln(os.Stderr, "The demo failed:", err)
	}
	os.Exit(1)
}

// play shows one history. Its error says what went wrong, in the demo or by the verdict.
func play(ctx context.Context, seed uint64, screen *screen) error {
	screen.print(
		screen.bold("network-interface-releaser: a scale-in, live"),
		"EC2, Auto Scaling and EventBridge are simulated; the function is the real binary.",
		"")
	binary, err := compile(ctx, screen)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(binary)) }()
	s, err := newScene(seed)
	if err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	f, err := startFunction(ctx, fail, binary, s.world)
	if f != nil {
		defer f.stop()
	}
	if err != nil {
		return err
	}
	if err := s.playPast(f.connect); err != nil {
		return err
	}
	screen.print(introduction(s, f)...)
	played, err := s.live(ctx, f, screen)
	screen.end()
	if err != nil {
		return err
	}
	f.stop()
	journal, err := f.journal.all()
	if err != nil {
		return err
	}
	twin, err := replay(seed, played.looked, s.elapsed())
	if err != nil {
		return err
	}
	v := judge(s, f.witness.seen(), journal)
	screen.print(conclusion(s, twin, v, played, journal, screen)...)
	if complaint := v.complaint(); complaint != "" {
		return errors.New(complaint)
	}
	return nil
}

func introduction(s *scene, f *function) []string {
	return []string{
		fmt.Sprintf("History %d (-seed): %d hours of two clusters. Many a node died at a bad moment", s.seed, int(past.Hours())),
		fmt.Sprintf("and left an interface behind: few addresses are free. Soon %d of the %d nodes go.", scaledIn+drained, len(s.blue)+len(s.karpenter)),
		"",
		fmt.Sprintf("Time is lapsed: 1 s here is %d s there. Waits are cut short, too: events settle", lapse),
		fmt.Sprintf("for %.0f s (on AWS 60), and the schedule sweeps every %.0f s (60). The function's own", (settle / lapse).Seconds(), (sweepEvery / lapse).Seconds()),
		"pace is real: 15 deletes at once, then one a second. Auto Scaling loses events.",
		"",
		"The function's log: " + f.journal.path,
		"",
	}
}

// A played is what a scene's live part found out.
type played struct {
	look   report        // by hand, at the end
	looked time.Duration // when
	lost   int           // events
}

// live plays until all is settled, or limit is over, and ends with a look by hand,
// which is dry: what is left, and why.
func (s *scene) live(ctx context.Context, f *function, screen *screen) (played, error) {
	stop := s.run(ctx)
	defer stop()
	watch, err := newWatch(s, f.journal)
	if err != nil {
		return played{}, err
	}
	start := time.Now()
	for quiet := 0; quiet < 10 && time.Since(start) < limit; {
		if pause(ctx, 100*time.Millisecond) != nil {
			return played{}, fmt.Errorf("playing: %w", context.Cause(ctx))
		}
		busy, err := watch.look(time.Since(start), screen)
		if err != nil {
			return played{}, err
		}
		if quiet++; busy {
			quiet = 0
		}
	}
	screen.say(time.Since(start), "An operator looks at what is left, by hand, which is dry by itself.")
	p := played{looked: s.elapsed(), lost: watch.lost}
	s.allocate(2)
	p.look, err = f.ask(ctx, `{"dryRun": true}`)
	if err != nil {
		return played{}, fmt.Errorf("looking by hand: %w", err)
	}
	if err := pause(ctx, time.Second); err != nil { // for the last attaches
		return played{}, fmt.Errorf("playing: %w", err)
	}
	_, err = watch.look(time.Since(start), screen)
	return p, err
}

// run lets the world live, lapsed, until the function that it returns is called.
func (s *scene) run(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{}, 2)
	go func() {
		s.world.Run(ctx)
		done <- struct{}{}
	}()
	go func() {
		for last := time.Now(); pause(ctx, 10*time.Millisecond) == nil; {
			now := time.Now()
			s.world.Advance((lapse - 1) * now.Sub(last))
			last = now
		}
		done <- struct{}{}
	}()
	return func() {
		cancel()
		<-done
		<-done
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
