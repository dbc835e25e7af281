package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/functions/release/handler"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// Function is the handler in a region: everything that ships, from the decoder to the SDK's client
// and its retries, on EC2's wire.
type Function struct {
	*Region
	Handler *handler.Handler
	AWS     aws.Config // read by Start
	Metrics io.Writer  // read by Start; Stdout where it is nil
	Stdout  Output     // its log, and its metrics
}

// Test runs a test with the function in a region, in virtual time.
func Test(t *testing.T, test func(*Function)) {
	TestWith(t, simulator.Options{}, test)
}

// TestWith is Test in a region with options.
func TestWith(t *testing.T, options simulator.Options, test func(*Function)) {
	seed := rand.Uint64()
	Bubble(t, func(t *testing.T) {
		f := NewFunction(NewRegion(t, seed, options), nil)
		test(f)
		if t.Failed() {
			t.Logf("seed %d; the log:\n%s", seed, f.Stdout.String())
		}
	})
}

// NewFunction starts the function in a region.
func NewFunction(region *Region, parameters map[string]string) *Function {
	region.Helper()
	f := &Function{Region: region, AWS: Client(AccessKey, region.Transport())}
	f.Start(parameters)
	return f
}

// Client returns the configuration of a caller, by its access key, of a simulated region.
func Client(key string, transport http.RoundTripper) aws.Config {
	return aws.Config{
		Region:       StackRegion,
		BaseEndpoint: aws.String("http://simulator"),
		HTTPClient:   &http.Client{Transport: transport},
		Retryer:      awsconfig.NewRetryer,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret"}, nil
		}),
	}
}

// Start starts the function anew, with the settings that the template gives it for these parameters.
func (f *Function) Start(parameters map[string]string) {
	f.Helper()
	f.start(Environment(f, parameters))
}

// AssumeRole gives the function the permissions of its deployed role.
func (f *Function) AssumeRole(parameters map[string]string) {
	f.Helper()
	policy := Must(simulator.FunctionRole(Deployed(f, parameters)))(f)
	f.Do(func() { f.Front.Allow(AccessKey, policy) })
}

// StartWith starts the function anew, with more variables than the template sets.
func (f *Function) StartWith(variables map[string]string) {
	f.Helper()
	environment := Environment(f, nil)
	maps.Copy(environment, variables)
	f.start(environment)
}

func (f *Function) start(environment map[string]string) {
	f.Helper()
	if f.Metrics == nil {
		f.Metrics = &f.Stdout
	}
	f.Handler = Must(handler.New(handler.Config{
		Environment: environment,
		AWS:         f.AWS,
		Log:         slog.New(slog.NewJSONHandler(&f.Stdout, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr})),
		Metrics:     f.Metrics,
		Shuffle:     shuffle(rand.New(rand.NewPCG(7, 7))),
	}))(f)
}

// shuffle returns a random source's Shuffle for runs that overlap: a source is for one goroutine.
func shuffle(random *rand.Rand) func(n int, swap func(i, j int)) {
	var one sync.Mutex
	return func(n int, swap func(i, j int)) {
		one.Lock()
		defer one.Unlock()
		random.Shuffle(n, swap)
	}
}

// Invoke runs the handler as Lambda does: with its deadline a minute from now.
func (f *Function) Invoke(payload string) (string, error) { return f.InvokeFor(time.Minute, payload) }

// InvokeFor runs the handler with a deadline of its own.
func (f *Function) InvokeFor(timeout time.Duration, payload string) (string, error) {
	ctx, cancel := context.WithTimeout(f.Context(), timeout)
	defer cancel()
	answer, err := f.Handler.Invoke(ctx, []byte(payload))
	return string(answer), err
}

// Report runs the handler and reads its answer as a report.
func (f *Function) Report(payload string) (report eni.Report) {
	f.Helper()
	OK(f, json.Unmarshal([]byte(Must(f.Invoke(payload))(f)), &report))
	return report
}

// Output is what the function writes. Runs that overlap write to it.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *Output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Lines decodes a log's lines, each into a T.
func Lines[T any](t testing.TB, log string) (lines []T) {
	t.Helper()
	for decoder := json.NewDecoder(strings.NewReader(log)); decoder.More(); {
		var line T
		OK(t, decoder.Decode(&line))
		lines = append(lines, line)
	}
	return lines
}

// cannedCalls ends a chain of pages that does not end by itself, as a run's deadline does.
const cannedCalls = 20

// Canned returns the configuration of a client that gets this answer to every call, never retried,
// and a context that ends with the last of its calls.
func Canned(t testing.TB, status int, body []byte) (context.Context, aws.Config) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	calls := 0
	config := Client(AccessKey, RoundTrip(func(in *http.Request) (*http.Response, error) {
		if calls++; calls == cannedCalls {
			cancel()
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Request: in, Body: io.NopCloser(bytes.NewReader(body))}, nil
	}))
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return ctx, config
}

// RoundTrip is a transport of one function.
type RoundTrip func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (r RoundTrip) RoundTrip(in *http.Request) (*http.Response, error) { return r(in) }
