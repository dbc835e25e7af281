package simulator

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The handler behind net/http's own server, in real time.
func TestRealServer(t *testing.T) {
	w, subnet := region(t, Options{})
	server := httptest.NewServer(w.Handler())
	defer server.Close()
	post := func() (*http.Response, error) {
		in, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("Action=DescribeSubnets&SubnetId.1="+subnet))
		if err != nil {
			t.Fatal(err)
		}
		in.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		in.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20261123/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=00")
		return server.Client().Do(in)
	}
	answer, err := post()
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	equal(t, "status", answer.StatusCode, http.StatusOK)
	w.Inject("DescribeSubnets", 1, Fault{Reset: true})
	if cut, err := post(); err == nil {
		cut.Body.Close()
		t.Error("a reset has an answer")
	}
}

func TestTransportHonoursTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, subnet := region(t, Options{})
		id := w.Seed(Interface{Subnet: subnet})
		w.Inject("DeleteNetworkInterface", 1, Fault{Latency: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		in, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://simulator", strings.NewReader("Action=DeleteNetworkInterface&NetworkInterfaceId="+id))
		if err != nil {
			t.Fatal(err)
		}
		in.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		in.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20261123/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=00")
		start := time.Now()
		if _, err := (&http.Client{Transport: w.Transport()}).Do(in); err == nil {
			t.Error("answered after the caller had gone")
		}
		equal(t, "until the deadline", time.Since(start), 3*time.Second)
		if _, ok := w.Interface(id); !ok {
			t.Error("the call had an effect")
		}
	})
}
