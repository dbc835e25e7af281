package ec2_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"golang.org/x/time/rate"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	sim "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

const interfaceID = "eni-0123456789abcdef0"

// classOf returns the class of a delete's error, which must not have two; nil where it has none.
func classOf(t testing.TB, err error) (class error) {
	t.Helper()
	for _, each := range []error{eni.ErrGone, eni.ErrInUse, eni.ErrNotPermitted, eni.ErrUnauthorized, eni.ErrThrottled, eni.ErrBudgetSpent} {
		if errors.Is(err, each) {
			if class != nil {
				t.Errorf("%v\nis %q and %q", err, class, each)
			}
			class = each
		}
	}
	return class
}

// Each class of a delete's errors, by EC2's code on the wire.
func TestDeleteClasses(t *testing.T) {
	for _, row := range []struct {
		fault    api.Fault
		class    error
		attempts int // the SDK's
	}{
		{api.Fault{Code: "InvalidNetworkInterfaceID.NotFound"}, eni.ErrGone, 1},
		{api.Fault{Code: "InvalidNetworkInterface.NotFound"}, eni.ErrGone, 1},
		{api.Fault{Code: "InvalidNetworkInterface.InUse"}, eni.ErrInUse, 1},
		{api.Fault{Code: "InvalidParameterValue", Message: "Network interface 'eni-1' is currently in use."}, eni.ErrInUse, 1},
		{api.Fault{Code: "InvalidParameterValue", Message: "some other parameter"}, nil, 1},
		{api.Fault{Code: "OperationNotPermitted"}, eni.ErrNotPermitted, 1},
		{api.Fault{Code: "AuthFailure", Status: 400}, eni.ErrNotPermitted, 1},
		{api.Fault{Code: "AuthFailure", Status: 403}, eni.ErrNotPermitted, 1},
		{api.Fault{Code: "AuthFailure", Status: 401}, eni.ErrUnauthorized, 1},
		{api.Fault{Code: "UnauthorizedOperation", Status: 403}, eni.ErrUnauthorized, 1},
		{api.Fault{Code: "RequestLimitExceeded", Status: 503}, eni.ErrThrottled, 3},
		{api.Fault{Code: "Throttling"}, eni.ErrThrottled, 3},
		{api.Fault{Code: "ThrottlingException"}, eni.ErrThrottled, 3},
		{api.Fault{Code: "RequestThrottled"}, eni.ErrThrottled, 3},
		{api.Fault{Code: "EC2ThrottledException"}, eni.ErrThrottled, 3},
		{api.Fault{Code: "RateExceeded"}, eni.ErrThrottled, 3}, // by the function's own retryer only
		{api.Fault{Code: "Unavailable", Status: 503}, nil, 3},
		{api.Fault{Code: "InternalError", Status: 500}, nil, 3},
		{api.Fault{Code: "InternalFailure", Status: 500}, nil, 3},
		{api.Fault{Code: "ServiceUnavailable", Status: 503}, nil, 3},
		{api.Fault{Code: "DependencyViolation"}, nil, 1},
		{api.Fault{Reset: true}, nil, 3},
	} {
		t.Run(fmt.Sprintf("%s %d", row.fault.Code, row.fault.Status), func(t *testing.T) {
			onWire(t, simulator.Options{}, func(f *harness.Function, c ec2.Client) {
				f.Inject("DeleteNetworkInterface", 10, row.fault)
				_, err := c.Delete(f.Context(), interfaceID, unlimited)
				var cause smithy.APIError
				if errors.As(err, &cause) != (row.fault.Code != "") || cause != nil && cause.ErrorCode() != row.fault.Code {
					f.Errorf("the cause of %v is %v", err, cause)
				}
				if class := classOf(f, err); err == nil || class != row.class || len(f.Calls()) != row.attempts {
					f.Errorf("%v\nis %v, after %d attempts; want %v, after %d", err, class, len(f.Calls()), row.class, row.attempts)
				}
			})
		})
	}
}

// No retry quota is spent, which deletes would share with reads, and a run with those after it: each
// of many deletes that fail has its three attempts, and so has a read after them.
func TestNoRetryQuotaOutlivesACall(t *testing.T) {
	onWire(t, simulator.Options{}, func(f *harness.Function, c ec2.Client) {
		f.Inject("DeleteNetworkInterface", 1000, api.Fault{Code: "RequestLimitExceeded", Status: 503})
		for n := range 200 {
			if _, err := c.Delete(f.Context(), interfaceID, unlimited); !errors.Is(err, eni.ErrThrottled) {
				f.Fatalf("delete %d: %v", n, err)
			}
		}
		f.Inject("DescribeNetworkInterfaces", 2, api.Fault{Code: "InternalError", Status: 500})
		if _, err := c.Available(f.Context()); err != nil || len(f.Calls()) != 3*201 {
			f.Errorf("%v, %d calls, want %d", err, len(f.Calls()), 3*201)
		}
	})
}

func TestDelete(t *testing.T) {
	onWire(t, simulator.Options{}, func(f *harness.Function, c ec2.Client) {
		id := f.AddInterface(sim.Interface{Subnet: f.Subnets[0]})
		requestID, err := c.Delete(f.Context(), id, unlimited)
		if left := f.Interfaces(); err != nil || requestID == "" || len(left) > 0 {
			f.Errorf("request %q, %v, still there: %v", requestID, err, left)
		}
		attached := f.AddInterface(sim.Interface{Subnet: f.Subnets[0], Attachment: &sim.Attachment{Instance: dead}})
		for id, want := range map[string]error{attached: eni.ErrInUse, id: eni.ErrGone} {
			if _, err := c.Delete(f.Context(), id, unlimited); !errors.Is(err, want) {
				f.Errorf("%v, want %v", err, want)
			}
		}
	})
}

// On a real socket: EC2 closes the connection after each error of the client's, and the next call opens another.
func TestEC2ClosesConnections(t *testing.T) {
	region := harness.NewRegion(t, 1, simulator.Options{})
	connections := make(chan string, 9) // of the calls
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		connections <- in.RemoteAddr
		region.Front.ServeHTTP(out, in)
	}))
	defer server.Close()
	config := harness.Client(harness.AccessKey, http.DefaultTransport)
	config.BaseEndpoint = aws.String(server.URL)
	c, closed := ec2.New(config), ""
	for range 3 {
		for n, id := range []string{interfaceID, region.AddInterface(sim.Interface{Subnet: region.Subnets[0]}), region.AddInterface(sim.Interface{Subnet: region.Subnets[0]})} {
			_, err := c.Delete(t.Context(), id, unlimited)
			if gone := n == 0; errors.Is(err, eni.ErrGone) != gone || (err != nil) != gone {
				t.Error(err)
			}
			connection := <-connections
			if connection == closed {
				t.Error("a call on a connection that an error closed")
			}
			if n == 0 {
				closed = connection
			}
		}
	}
}

// unlimited is a limiter without a limit.
var unlimited = rate.NewLimiter(rate.Inf, 0)

// tokens limits the number of calls.
type tokens int

func (left *tokens) Wait(context.Context) error {
	if *left == 0 {
		return eni.ErrBudgetSpent
	}
	*left--
	return nil
}

// Retries wait for the limiter, too: ten failing deletes make no more calls than it has tokens.
func TestRetriesTakeTokens(t *testing.T) {
	onWire(t, simulator.Options{}, func(f *harness.Function, c ec2.Client) {
		f.Inject("DeleteNetworkInterface", 1000, api.Fault{Code: "InternalError", Status: 500})
		left := tokens(8)
		spent := 0
		for range 10 {
			if _, err := c.Delete(f.Context(), interfaceID, &left); errors.Is(err, eni.ErrBudgetSpent) {
				spent++
			}
		}
		if len(f.Calls()) != 8 || spent != 8 {
			f.Errorf("%d calls, %d deletes without a token; want 8 (3+3+2) and 8", len(f.Calls()), spent)
		}
	})
}

// slowLimiter waits longer than an attempt may take.
type slowLimiter struct{}

func (slowLimiter) Wait(context.Context) error {
	time.Sleep(2 * time.Minute)
	return nil
}

// An attempt may take 4 seconds. The wait for the limiter does not count.
func TestTheWaitForTheLimiterDoesNotCount(t *testing.T) {
	for latency, attempts := range map[time.Duration]int{3900 * time.Millisecond: 1, 4100 * time.Millisecond: 2} {
		onWire(t, simulator.Options{}, func(f *harness.Function, c ec2.Client) {
			f.Inject("DeleteNetworkInterface", 1, api.Fault{Latency: latency})
			begun := time.Now()
			_, err := c.Delete(f.Context(), f.AddInterface(sim.Interface{Subnet: f.Subnets[0]}), slowLimiter{})
			if took := time.Since(begun); err != nil || int(took.Minutes())/2 != attempts {
				f.Errorf("an answer that takes %v: %v after %v, want %d attempts", latency, err, took, attempts)
			}
		})
	}
}

// An attempt that hangs costs a retry, and a delete that hangs some seconds, not the run's minute.
func TestAHangingDeleteTimesOut(t *testing.T) {
	for hangs, want := range map[int]bool{2: true, 10: false} {
		onWire(t, simulator.Options{}, func(f *harness.Function, c ec2.Client) {
			f.Inject("DeleteNetworkInterface", hangs, api.Fault{Latency: time.Hour})
			begun := time.Now()
			_, err := c.Delete(f.Context(), f.AddInterface(sim.Interface{Subnet: f.Subnets[0]}), unlimited)
			if took := time.Since(begun); (err == nil) != want || took < 8*time.Second || took > 20*time.Second {
				f.Errorf("%d attempts hang: %v after %v; each may take 4 s", hangs, err, took)
			}
		})
	}
}
