package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
)

// A sandbox is the account that a run works in.
type sandbox struct {
	region, account string
	configEnv       string // of samconfig.toml
	id              string // of the run: all that it makes is tagged with it; "" is any run's
	ctx             context.Context
	aws             *boto3.Client
	environment     []string
	begun           time.Time
	notShown        []string
}

// failure ends a step, however deep it happens: a step is a script, in which all must succeed.
type failure struct{ error }

func fail(format string, values ...any) { panic(failure{fmt.Errorf(format, values...)}) }

func must(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// attempt returns the failure that ends a step.
func attempt(step func()) (err error) {
	defer func() {
		if ended := recover(); ended != nil {
			err = ended.(failure).error
		}
	}()
	step()
	return nil
}

// arguments are those of a call.
type arguments = boto3.Arguments

func (s *sandbox) call(service, operation string, with arguments) {
	must(s.aws.Call(service, operation, with, "", nil))
}

// ask makes a call and returns what a query finds in its answer.
func ask[T any](s *sandbox, query, service, operation string, with arguments) (answer T) {
	must(s.aws.Call(service, operation, with, query, &answer))
	return answer
}

// sam runs the SAM CLI; its failure ends with what it printed last.
func (s *sandbox) sam(words ...string) {
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(".venv", "bin", "sam"), words...)
	command.Env = s.environment
	if out, err := command.CombinedOutput(); err != nil {
		fail("sam %s: %w\n%s", words[0], err, out[max(0, len(out)-1500):])
	}
}

// emulated reports whether this is not AWS, but stand-ins of it.
func (s *sandbox) emulated() bool { return os.Getenv("AWS_ENDPOINT_URL") != "" }

func (s *sandbox) log(format string, values ...any) {
	fmt.Printf("%4.0f s  %s\n", time.Since(s.begun).Seconds(), fmt.Sprintf(format, values...))
}

// until waits for what is true in the end.
func (s *sandbox) until(what string, patience time.Duration, done func() bool) {
	for limit := time.Now().Add(patience); !done(); {
		if time.Now().After(limit) {
			fail("timed out after %v waiting until %s", patience, what)
		}
		select {
		case <-s.ctx.Done():
			fail("interrupted")
		case <-time.After(time.Second):
		}
	}
	s.log("%s", what)
}

// missing notes what could not be shown here, and what shows it instead.
func (s *sandbox) missing(what, instead string) {
	s.notShown = append(s.notShown, what+": "+instead)
	s.log("not shown here: %s", what)
}
