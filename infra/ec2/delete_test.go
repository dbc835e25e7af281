package ec2_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	sim "github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
)

// Each class of EC2's answers, by its code on the wire.
func TestDeleteClasses(t *testing.T) {
	for _, c := range []struct {
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
		{api.Fault{Code: "AuthFailure", Status: 401}, eni.ErrUnauthorized, 1},
		{api.Fault{Code: "UnauthorizedOperation", Status: 403}, eni.ErrUnauthorized, 1},
		{api.Fault{Code: "RequestLimitExceeded", Status: 503}, eni.ErrThrottled, 3},
		{api.Fault{Code: "Throttling"}, eni.ErrThrottled, 3},
		{api.Fault{Code: "ThrottlingException"}, eni.ErrThrottled, 3},
		{api.Fault{Code: "RequestThrottled"}, eni.ErrThrottled, 3},
		{api.Fault{Code: "EC2ThrottledException"}, eni.ErrThrottled, 3},
		{api.Fault{Code: "RateExceeded"}, eni.ErrThrottled, 1}, // the standard retryer does not know it; the function's own does
		{api.Fault{Code: "Unavailable", Status: 503}, nil, 3},
		{api.Fault{Code: "InternalError", Status: 500}, nil, 3},
		{api.Fault{Code: "InternalFailure", Status: 500}, nil, 3},
		{api.Fault{Code: "ServiceUnavailable", Status: 503}, nil, 3},
		{api.Fault{Code: "DependencyViolation"}, nil, 1},
		{api.Fault{Reset: true}, nil, 3},
	} {
		t.Run(fmt.Sprintf("%s %d", c.fault.Code, c.fault.Status), func(t *testing.T) {
			onWire(t, simulator.Options{}, func(ctx context.Context, r *simulator.Region, client ec2.Client) {
				inject(r, "DeleteNetworkInterface", 10, c.fault)
				_, err := client.Delete(ctx, "eni-0123456789abcdef0", unlimited)
				if err == nil {
					t.Fatal("no error")
				}
				for _, class := range []error{eni.ErrGone, eni.ErrInUse, eni.ErrNotPermitted, eni.ErrUnauthorized, eni.ErrThrottled, eni.ErrBudgetSpent} {
					if errors.Is(err, class) != (class == c.class) {
						t.Errorf("%v\nis %q: %v", err, class, errors.Is(err, class))
					}
				}
				if len(calls(r)) != c.attempts {
					t.Errorf("%d attempts, want %d", len(calls(r)), c.attempts)
				}
			})
		})
	}
}

// A throttle keeps its class when the SDK's own retry quota is spent.
func TestAThrottleStaysAThrottle(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, r *simulator.Region, client ec2.Client) {
		inject(r, "DeleteNetworkInterface", 1000, api.Fault{Code: "RequestLimitExceeded", Status: 503})
		for n := range 70 {
			if _, err := client.Delete(context.Background(), "eni-0123456789abcdef0", unlimited); !errors.Is(err, eni.ErrThrottled) {
				t.Fatalf("delete %d: %v", n, err)
			}
		}
		if len(calls(r)) == 3*70 {
			t.Error("the quota was never spent: the test shows nothing")
		}
	})
}

func TestDelete(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, r *simulator.Region, client ec2.Client) {
		subnet := addSubnet(r)
		id := add(r, sim.Interface{Subnet: subnet})
		requestID, err := client.Delete(ctx, id, unlimited)
		left := simulator.Look(r, r.EC2.Interfaces)
		if err != nil || requestID == "" || len(left) > 0 {
			t.Errorf("request %q, %v, still there: %v", requestID, err, left)
		}
		attached := add(r, sim.Interface{Subnet: subnet, Attachment: &sim.Attachment{Instance: dead}})
		if _, err := client.Delete(ctx, attached, unlimited); !errors.Is(err, eni.ErrInUse) {
			t.Errorf("%v, want %v", err, eni.ErrInUse)
		}
		if _, err := client.Delete(ctx, id, unlimited); !errors.Is(err, eni.ErrGone) {
			t.Errorf("%v, want %v", err, eni.ErrGone)
		}
	})
}

// unlimited is a limiter that lets everything pass.
var unlimited = rate.NewLimiter(rate.Inf, 0)

// tokens is a limiter of so many calls.
type tokens int

func (left *tokens) Wait(context.Context) error {
	if *left == 0 {
		return eni.ErrBudgetSpent
	}
	*left--
	return nil
}

// Retries wait for the limiter, too: ten failing deletes make no more calls than it gives.
func TestRetriesTakeTokens(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, r *simulator.Region, client ec2.Client) {
		inject(r, "DeleteNetworkInterface", 1000, api.Fault{Code: "InternalError", Status: 500})
		left := tokens(8)
		spent := 0
		for range 10 {
			if _, err := client.Delete(context.Background(), "eni-0123456789abcdef0", &left); errors.Is(err, eni.ErrBudgetSpent) {
				spent++
			}
		}
		if len(calls(r)) != 8 || spent != 8 {
			t.Errorf("%d calls, %d deletes without a token; want 8 (3+3+2) and 8", len(calls(r)), spent)
		}
	})
}

// A delete that hangs costs its attempts' seconds, not the run's minute.
func TestAHangingDeleteIsGivenUp(t *testing.T) {
	onWire(t, simulator.Options{}, func(ctx context.Context, r *simulator.Region, client ec2.Client) {
		inject(r, "DeleteNetworkInterface", 10, api.Fault{Latency: time.Hour})
		begun := time.Now()
		_, err := client.Delete(ctx, "eni-0123456789abcdef0", unlimited)
		if took := time.Since(begun); err == nil || ctx.Err() != nil || took > 20*time.Second {
			t.Errorf("%v after %v, want an error after 3 attempts of 4 s", err, took)
		}
	})
}
