package harness

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

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
