package autoscaling_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/network-interface-releaser/network-interface-releaser/infra/autoscaling"
)

// mostCalls ends a chain of pages that does not end by itself, as a run's deadline does.
const mostCalls = 20

// FuzzGroups: no answer panics or hangs, and what is a subnet has no separator in it
// and is not empty. A success without a list is one of no groups: they only widen a search.
func FuzzGroups(f *testing.F) {
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		status = 200 + int(uint(status-200)%400)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		calls := 0
		client := autoscaling.New(aws.Config{
			Region:       "eu-west-1",
			BaseEndpoint: aws.String("http://canned"),
			Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
			Credentials:  aws.AnonymousCredentials{},
			HTTPClient: &http.Client{Transport: roundTrip(func(in *http.Request) (*http.Response, error) {
				if calls++; calls == mostCalls {
					cancel()
				}
				return &http.Response{StatusCode: status, Header: http.Header{}, Request: in, Body: io.NopCloser(bytes.NewReader(body))}, nil
			})},
		})
		got, err := client.Subnets(ctx, []string{"my-asg"})
		if err == nil && status >= 300 {
			t.Fatalf("a %d read as %q:\n%s", status, got, body)
		}
		if slices.ContainsFunc(got, func(subnet string) bool { return subnet == "" || strings.ContainsAny(subnet, ", ") }) {
			t.Fatalf("%q", got)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(in *http.Request) (*http.Response, error) { return r(in) }
