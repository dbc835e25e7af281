package awsconfig

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/aws/smithy-go"
)

// Without credentials a start fails at once: nothing asks instance metadata, which Lambda does not have.
func TestLoad(t *testing.T) {
	metadata := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) { t.Errorf("instance metadata is asked for %s", in.URL) }))
	defer metadata.Close()
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.URL,
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "", "AWS_PROFILE": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
	} {
		t.Setenv(name, value)
	}
	config, err := Load(t.Context())
	if err != nil || config.Region != "eu-west-1" || config.AppID != "network-interface-releaser" {
		t.Errorf("%v, region %q, app ID %q", err, config.Region, config.AppID)
	}
	if got, err := config.Credentials.Retrieve(t.Context()); err == nil {
		t.Errorf("credentials from nowhere: %v", got.Source)
	}
	if retryer := config.Retryer(); retryer.MaxAttempts() != 3 || !retryer.IsErrorRetryable(&smithy.GenericAPIError{Code: "RateExceeded"}) {
		t.Errorf("%d attempts, or RateExceeded is not retried", retryer.MaxAttempts())
	}
}
