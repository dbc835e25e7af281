package simulator

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
)

// The handler behind net/http's own server, in real time.
func TestRealServer(t *testing.T) {
	r, subnet := region(t, Options{})
	server := httptest.NewServer(r.Front)
	defer server.Close()
	post := func() (status int, err error) {
		answer, err := server.Client().Do(request(t.Context(), server.URL, "AKID", url.Values{"Action": {"DescribeSubnets"}, "SubnetId.1": {subnet}}))
		if err != nil {
			return 0, err
		}
		return answer.StatusCode, answer.Body.Close()
	}
	status, err := post()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "status", status, http.StatusOK)
	r.inject("DescribeSubnets", 1, api.Fault{Reset: true})
	if _, err := post(); err == nil {
		t.Error("a reset has an answer")
	}
}

func TestTransportHonoursTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, subnet := region(t, Options{})
		id := r.add(ec2.Interface{Subnet: subnet})
		r.inject("DeleteNetworkInterface", 1, api.Fault{Latency: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := r.Transport().RoundTrip(request(ctx, "http://simulator", "AKID", url.Values{"Action": {"DeleteNetworkInterface"}, "NetworkInterfaceId": {id}})); err == nil {
			t.Error("answered after the caller had gone")
		}
		equal(t, "until the deadline", time.Since(start), 3*time.Second)
		if !r.exists(id) {
			t.Error("the call had an effect")
		}
	})
}
