package simulator

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// region is a world with one subnet, and its seed in the log of a failed test.
func region(t *testing.T, o Options) (w *World, subnet string) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w = New(NewClock(0), rand.New(rand.NewPCG(1, seed)), o)
	return w, w.AddSubnet(w.AddVPC("10.0.0.0/16"), "10.0.1.0/24", "a")
}

// client calls a world as an SDK does.
type client struct {
	t   *testing.T
	w   *World
	key string
}

type reply struct {
	Status     int
	Code       string   `xml:"Errors>Error>Code"`
	Message    string   `xml:"Errors>Error>Message"`
	ASCode     string   `xml:"Error>Code"`
	NextToken  string   `xml:"nextToken"`
	Interfaces []string `xml:"networkInterfaceSet>item>networkInterfaceId"`
	Instances  []string `xml:"reservationSet>item>instancesSet>item>instanceId"`
	States     []string `xml:"reservationSet>item>instancesSet>item>instanceState>name"`
	Free       []int    `xml:"subnetSet>item>availableIpAddressCount"`
	Groups     []string `xml:"DescribeAutoScalingGroupsResult>AutoScalingGroups>member>AutoScalingGroupName"`
	Subnets    string   `xml:"DescribeAutoScalingGroupsResult>AutoScalingGroups>member>VPCZoneIdentifier"`
	GroupToken string   `xml:"DescribeAutoScalingGroupsResult>NextToken"`
	Body       string   `xml:"-"`
	RequestID  string   `xml:"-"` // of the header
}

// call makes one call; pairs are its parameters.
func (c client) call(action string, pairs ...string) reply {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := c.send(action, form)
	if err != nil {
		c.t.Fatalf("%s: %v", action, err)
	}
	return r
}

func (c client) send(action string, form url.Values) (r reply, err error) {
	form.Set("Action", action)
	out, err := (&http.Client{Transport: c.w.Transport()}).Do(request(c.t.Context(), c.t, "http://simulator/", c.key, form))
	if err != nil {
		return r, err
	}
	raw, err := io.ReadAll(out.Body)
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return r, err
	}
	if err := xml.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", raw, err)
	}
	r.Status, r.Body, r.RequestID = out.StatusCode, string(raw), out.Header.Get("X-Amzn-Requestid")
	return r, nil
}

// request is a call as an SDK sends it, without a signature that counts.
func request(ctx context.Context, t *testing.T, address, key string, form url.Values) *http.Request {
	t.Helper()
	in, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	in.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	service := "ec2"
	if strings.Contains(form.Get("Action"), "AutoScaling") {
		service = "autoscaling"
	}
	if key != "" {
		in.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261123/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
	}
	return in
}

// values are the parameters of a list: name.1, ..., name.n.
func values(pairs []string, name string, n int, value func(int) string) []string {
	for i := 1; i <= n; i++ {
		pairs = append(pairs, fmt.Sprintf("%s.%d", name, i), value(i))
	}
	return pairs
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
