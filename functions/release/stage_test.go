package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/events"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/handler"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

const (
	ownAccount   = "123456789012"
	functionKey  = "AKIAFUNCTION00000000" // the access key that the function signs with
	functionName = stackName + "-ReleaseFunction"
)

// A stage is a simulated region with the handler in it: everything that ships,
// from the decoder to the SDK's client and its retries, on EC2's wire, in one
// virtual clock. It must be made inside synctest.Test.
type stage struct {
	*testing.T
	world   *simulator.World
	vpc     string
	subnets [2]string
	handler *handler.Handler
	config  aws.Config
	metrics io.Writer // instead of the log
	log     journal

	endpoint string // of a stage behind a socket
}

// onStage runs a test on a stage.
func onStage(t *testing.T, test func(*stage)) { onStageWith(t, simulator.Options{}, test) }

func onStageWith(t *testing.T, options simulator.Options, test func(*stage)) {
	t.Helper()
	seed := rand.Uint64()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, seed, options)
		s.deploy(nil)
		test(s)
		if t.Failed() {
			t.Logf("seed %d; the log:\n%s", seed, s.log.String())
		}
	})
}

// newStage makes a region without the function.
func newStage(t *testing.T, seed uint64, options simulator.Options) *stage {
	s := &stage{T: t}
	options.Account = ownAccount
	s.world = simulator.New(simulator.NewClock(0), rand.New(rand.NewPCG(seed, 1)), options)
	s.populate()
	s.config = aws.Config{
		Region:       stackRegion,
		BaseEndpoint: aws.String("http://simulator"),
		HTTPClient:   &http.Client{Transport: s.world.Transport()},
		Retryer:      awsconfig.NewRetryer,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: functionKey, SecretAccessKey: "secret"}, nil
		}),
	}
	return s
}

// populate makes a VPC with two subnets of 4,091 free addresses each.
func (s *stage) populate() {
	s.vpc = s.world.AddVPC("10.0.0.0/16")
	s.subnets = [2]string{s.world.AddSubnet(s.vpc, "10.0.0.0/20", "a"), s.world.AddSubnet(s.vpc, "10.0.16.0/20", "b")}
}

// deploy makes the handler with the settings that the deployed template gives it.
func (s *stage) deploy(parameters map[string]string) {
	s.Helper()
	environment := map[string]string{}
	for name, value := range at(s.T, deployed(s.T, parameters), "ReleaseFunction", "Properties", "Environment", "Variables").(map[string]any) {
		environment[name] = value.(string)
	}
	environment["AWS_LAMBDA_FUNCTION_NAME"] = functionName
	if s.metrics == nil {
		s.metrics = &s.log
	}
	var err error
	if s.handler, err = handler.New(handler.Config{
		Environment: environment,
		AWS:         s.config,
		Log:         slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr})),
		Metrics:     s.metrics,
		Shuffle:     shuffle(rand.New(rand.NewPCG(7, 7))),
	}); err != nil {
		s.Fatal(err)
	}
}

// shuffle is a random source's, for runs that overlap: a source is for one goroutine.
func shuffle(random *rand.Rand) func(n int, swap func(i, j int)) {
	var one sync.Mutex
	return func(n int, swap func(i, j int)) {
		one.Lock()
		defer one.Unlock()
		random.Shuffle(n, swap)
	}
}

// invoke runs the handler as Lambda does: with its deadline a minute from now.
func (s *stage) invoke(payload string) (string, error) { return s.invokeFor(time.Minute, payload) }

func (s *stage) invokeFor(timeout time.Duration, payload string) (string, error) {
	ctx, cancel := context.WithTimeout(s.Context(), timeout)
	defer cancel()
	answer, err := s.handler.Invoke(ctx, []byte(payload))
	return string(answer), err
}

// report invokes and reads the answer as a report.
func (s *stage) report(payload string) eni.Report {
	s.Helper()
	answer, err := s.invoke(payload)
	if err != nil {
		s.Fatal(err)
	}
	var report eni.Report
	if err := json.Unmarshal([]byte(answer), &report); err != nil {
		s.Fatalf("%v: %s", err, answer)
	}
	return report
}

// sample is a file of events/, its subnet and VPC those of the stage.
func (s *stage) sample(name string) string {
	return strings.NewReplacer(events.Subnet, s.subnets[0], events.VPC, s.vpc).Replace(string(events.Payload(name)))
}

// leak seeds an interface that the CNI of an instance created an hour ago.
func (s *stage) leak(subnet, instance string) string { return s.leakOfAge(subnet, instance, time.Hour) }

func (s *stage) leakOfAge(subnet, instance string, age time.Duration) string {
	return s.world.Seed(s.leaked(subnet, instance, age))
}

// leaked is an interface as an instance left it, 10 addresses.
func (s *stage) leaked(subnet, instance string, age time.Duration) simulator.Interface {
	return simulator.Interface{
		Subnet: subnet, Description: eni.DescriptionPrefix + instance, Addresses: make([]simulator.Address, 10),
		Tags: map[string]string{
			"node.k8s.amazonaws.com/instance_id": instance,
			"node.k8s.amazonaws.com/createdAt":   s.world.Now().Add(-age).Format(time.RFC3339),
		},
	}
}

// instance seeds an instance in a state.
func (s *stage) instance(id, state string) string {
	return s.world.SeedInstance(simulator.Instance{ID: id, Subnet: s.subnets[0], State: state})
}

// expectDeleted holds the deletes that EC2 saw against those wanted, and every
// other write against none.
func (s *stage) expectDeleted(want ...string) {
	s.Helper()
	var got []string
	for _, call := range s.world.Calls() {
		switch {
		case call.Action == "DeleteNetworkInterface" && call.Status == http.StatusOK:
			got = append(got, call.Form.Get("NetworkInterfaceId"))
		case !strings.HasPrefix(call.Action, "Describe") && call.Action != "DeleteNetworkInterface":
			s.Errorf("the function called %s", call.Action)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.Errorf("deleted %q, want %q", got, want)
	}
}

// calls counts the calls of the actions with a prefix.
func (s *stage) calls(prefix string) (count int) {
	for _, call := range s.world.Calls() {
		if strings.HasPrefix(call.Action, prefix) {
			count++
		}
	}
	return count
}

func instanceID(n int) string { return fmt.Sprintf("i-%017x", n) }
