package performance

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/time/rate"

	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	simec2 "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// runThis runs the binary that ships, once a minute, until it finds nothing to release.
// What is left of a minute when a run is done passes at once.
func (a *busy) runThis(t *testing.T) (longest time.Duration, memory float64) {
	p := launch(t, a.Region, nil, build(t, architecture))
	defer p.Stop()
	for range 6 {
		begun := a.now()
		answer := p.invoke(t, sweepEvent)
		t.Log(answer)
		took := a.now().Sub(begun)
		longest = max(longest, took)
		if strings.Contains(answer, `"released":0,`) {
			break
		}
		a.Advance(time.Minute - took)
	}
	return longest, p.resident(t)
}

// now is the region's time, which is ahead of the machine's.
func (a *busy) now() time.Time { return simulator.Look(a.Region.Region, a.Loop.Now) }

// runPeer runs a program once: it does all in one look.
func (a *busy) runPeer(t *testing.T, endpoint string, p peer) (longest time.Duration, memory float64) {
	output := t.TempDir()
	command := slices.Clone(p.command)
	for n := range command {
		command[n] = strings.ReplaceAll(command[n], "OUTPUT", output)
	}
	program := exec.CommandContext(t.Context(), command[0], command[1:]...)
	program.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION="+harness.StackRegion, "AWS_DEFAULT_REGION="+harness.StackRegion, "AWS_ACCESS_KEY_ID="+harness.AccessKey, "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
	var said bytes.Buffer
	program.Stdout, program.Stderr = &said, &said
	begun := time.Now()
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	watched := make(chan float64)
	go func() { watched <- highest(program.Process.Pid) }()
	err := program.Wait()
	longest = time.Since(begun)
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	t.Logf("%v: %s", err, strings.Join(lines[max(0, len(lines)-8):], "\n"))
	if refused := strings.Contains(said.String(), "OperationNotPermitted"); (err != nil) != p.refused || p.refused && !refused {
		t.Errorf("%s ended with %v", p.name, err)
	}
	return longest, <-watched
}

// highest looks at a process until it is gone: the most that it has had in memory, in bytes.
// What Linux reports after its end is that of the process that started it, if that had more.
func highest(pid int) (bytes float64) {
	for {
		now, err := resident(pid)
		if err != nil {
			return bytes
		}
		bytes = now
		time.Sleep(20 * time.Millisecond)
	}
}

// deleteTwoASecond is a CNI beside, with interfaces of its own.
func (a *busy) deleteTwoASecond(ctx context.Context, endpoint string) {
	config := harness.Client("CNI", http.DefaultTransport)
	config.BaseEndpoint = aws.String(endpoint)
	client := ec2.New(config)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			id := a.AddInterface(simec2.Interface{Subnet: a.Subnets[0], Description: "its own", Status: "available"})
			all.Go(func() {
				_, _ = client.Delete(context.WithoutCancel(ctx), id, rate.NewLimiter(rate.Inf, 0)) // what it met is in the journal of calls
			})
		}
	}
}
