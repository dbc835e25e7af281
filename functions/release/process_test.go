package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// A process is a function's, the one that ships or another, at work for the
// simulator's Lambda runtime, with the simulator's EC2 behind a socket.
type process struct {
	*exec.Cmd
	runtime *simulator.Runtime
	begun   time.Time
	ready   chan time.Time // when it first asked for an invocation
}

// launch starts a process with the settings of the template's defaults, but for those given.
func launch(t testing.TB, world *simulator.World, changed map[string]string, command ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(command[0], command[1:]...), runtime: simulator.NewRuntime("arn:aws:lambda:eu-west-1:"+ownAccount+":function:"+functionName, time.Minute), ready: make(chan time.Time, 1)}
	api := p.runtime.Handler()
	var first sync.Once
	lambda := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if strings.HasSuffix(in.URL.Path, "/next") {
			first.Do(func() { p.ready <- time.Now() })
		}
		api.ServeHTTP(out, in)
	}))
	region := httptest.NewServer(world.Handler())
	environment := map[string]string{
		"ACCOUNT_ID": ownAccount, "DRY_RUN": "false", "VPC_IDS": "", "CLUSTER_NAMES": "",
		"RELEASE_UNTAGGED": "false", "GRACE_PERIOD_MINUTES": "30", "DELETES_PER_MINUTE": "60", "METRICS": "false",
	}
	maps.Copy(environment, map[string]string{
		"AWS_LAMBDA_RUNTIME_API": strings.TrimPrefix(lambda.URL, "http://"), "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_ENDPOINT_URL": region.URL, "AWS_REGION": stackRegion, "AWS_DEFAULT_REGION": stackRegion, "AWS_ACCESS_KEY_ID": functionKey, "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	})
	maps.Copy(environment, changed)
	for name, value := range environment {
		p.Env = append(p.Env, name+"="+value)
	}
	p.Stderr = os.Stderr
	p.begun = time.Now()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		lambda.CloseClientConnections()
		lambda.Close()
		region.Close()
	})
	return p
}

// startUp is how long the process took from its start to its first question for work.
func (p *process) startUp(t testing.TB) time.Duration {
	t.Helper()
	select {
	case at := <-p.ready:
		return at.Sub(p.begun)
	case <-time.After(time.Minute):
		t.Fatalf("%s is not ready after a minute", p.Path)
		return 0
	}
}

// invoke runs it once.
func (p *process) invoke(t testing.TB, payload string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := p.runtime.Invoke(ctx, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

var residentLine = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

func (p *process) resident(t testing.TB) float64 {
	t.Helper()
	bytes, err := resident(p.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// resident is the most that a running process has had in memory, in bytes (proc(5), VmHWM).
func resident(pid int) (bytes float64, err error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	line := residentLine.FindSubmatch(status)
	if line == nil {
		return 0, fmt.Errorf("process %d has ended", pid)
	}
	kilobytes, err := strconv.ParseFloat(string(line[1]), 64)
	return kilobytes * 1024, err
}

// stop ends the process; a second stop does nothing.
func (p *process) stop() {
	if p.ProcessState == nil {
		_ = p.Process.Signal(os.Interrupt)
		_ = p.Process.Kill()
		_ = p.Wait()
	}
}
