package ec2_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
)

// mostCalls ends a chain of pages that does not end by itself, as a run's deadline does.
const mostCalls = 20

// A canned EC2 answers every call with the same status and body.
type canned struct {
	status int
	body   []byte
	calls  int
	end    context.CancelFunc
}

func (c *canned) RoundTrip(in *http.Request) (*http.Response, error) {
	if c.calls++; c.calls == mostCalls {
		c.end()
	}
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Request: in, Body: io.NopCloser(bytes.NewReader(c.body))}, nil
}

// answering is a client of a canned EC2. Statuses beyond HTTP's are folded into it.
func answering(t *testing.T, status *int, body []byte) (context.Context, ec2.Client) {
	*status = 200 + int(uint(*status-200)%400)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, ec2.New(aws.Config{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String("http://canned"),
		HTTPClient:   &http.Client{Transport: &canned{status: *status, body: body, end: cancel}},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		Credentials:  aws.AnonymousCredentials{},
	})
}

// readable tells whether an answer is one to a listing: a 2xx with a whole document
// whose root holds the set, which EC2 sends even where it found nothing.
func readable(status int, body []byte, set string) bool {
	found, depth := false, 0
	for decoder := xml.NewDecoder(bytes.NewReader(body)); ; {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			found = found || depth == 2 && strings.EqualFold(token.Name.Local, set)
		case xml.EndElement:
			if depth--; depth == 0 {
				return status < 300 && found
			}
		}
	}
}

func response(action, content string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><` + action + `Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>7a62c49f</requestId>` + content + `</` + action + `Response>`)
}

// addHalves gives a fuzzer a whole answer to a listing, and what may come in its stead:
// nothing, a proxy's page, another service's answer, an answer that was cut anywhere.
func addHalves(f *testing.F, action, set, item string) {
	whole := response(action, "<"+set+">"+item+"</"+set+">")
	f.Add(200, whole)
	f.Add(200, response(action, "<"+set+"/>"))
	f.Add(200, response(action, ""))
	f.Add(200, response(action, "<"+set+"><item></item></"+set+">"))
	f.Add(200, []byte("<html><body>Please sign in</body></html>"))
	f.Add(200, []byte("{}"))
	f.Add(503, whole)
	for end := 0; end < len(whole); end += 40 {
		f.Add(200, whole[:end])
	}
}

// FuzzInterfaces: no answer panics or hangs; one that cannot be read is an error, never "nothing found".
func FuzzInterfaces(f *testing.F) {
	addHalves(f, "DescribeNetworkInterfaces", "networkInterfaceSet", leakedXML(0, 0, ""))
	f.Add(200, response("DescribeNetworkInterfaces", `<networkInterfaceSet>`+strings.Repeat(leakedXML(0, 0, ""), 3000)+`</networkInterfaceSet>`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		ctx, client := answering(t, &status, body)
		got, err := client.Available(ctx)
		if err != nil && got != nil {
			t.Fatalf("%d interfaces together with %v", len(got), err)
		}
		if err == nil && !readable(status, body, "networkInterfaceSet") {
			t.Fatalf("a %d read as %d interfaces:\n%s", status, len(got), body)
		}
	})
}

// FuzzInstances: the same of instances, where "nothing found" would speak for a release.
func FuzzInstances(f *testing.F) {
	addHalves(f, "DescribeInstances", "reservationSet", `<item><instancesSet><item><instanceId>`+dead+`</instanceId><instanceState><name>running</name></instanceState></item></instancesSet></item>`)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		ctx, client := answering(t, &status, body)
		got, err := client.Visible(ctx, []string{dead})
		if err != nil && got != nil {
			t.Fatalf("%d states together with %v", len(got), err)
		}
		if err == nil && !readable(status, body, "reservationSet") {
			t.Fatalf("a %d read as %v:\n%s", status, got, body)
		}
		if _, nameless := got[""]; nameless {
			t.Fatalf("an instance without an id is counted, and another is missing:\n%s", body)
		}
	})
}

// FuzzSubnets: the same of subnets.
func FuzzSubnets(f *testing.F) {
	addHalves(f, "DescribeSubnets", "subnetSet", `<item><subnetId>subnet-12345678</subnetId><availableIpAddressCount>7</availableIpAddressCount></item>`)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		ctx, client := answering(t, &status, body)
		got, err := client.FreeAddresses(ctx, []string{"subnet-12345678"})
		if err != nil && got != nil || err == nil && !readable(status, body, "subnetSet") {
			t.Fatalf("a %d read as %v, %v:\n%s", status, got, err, body)
		}
	})
}

// FuzzDelete: only a 2xx is a success (the SDK does not read what is in one), and no
// error is of two classes.
func FuzzDelete(f *testing.F) {
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		ctx, client := answering(t, &status, body)
		_, err := client.Delete(ctx, "eni-0123456789abcdef0", unlimited)
		if err == nil && status >= 300 {
			t.Fatalf("a %d read as a success:\n%s", status, body)
		}
		var classes []error
		for _, class := range []error{eni.ErrGone, eni.ErrInUse, eni.ErrNotPermitted, eni.ErrUnauthorized, eni.ErrThrottled, eni.ErrBudgetSpent} {
			if errors.Is(err, class) {
				classes = append(classes, class)
			}
		}
		if len(classes) > 1 || errors.Is(err, eni.ErrGone) && !bytes.Contains(body, []byte("NotFound")) {
			t.Fatalf("a %d is %q:\n%s", status, classes, body)
		}
	})
}

// What the rule reads of an interface, as EC2 sends it; all of it is needed for a release.
var leakedFields = []struct{ element, value string }{
	{"networkInterfaceId", "eni-0123456789abcdef0"},
	{"status", "available"},
	{"interfaceType", "interface"},
	{"ownerId", "123456789012"},
	{"description", "aws-K8S-" + dead},
	{"tagSet", "<item><key>node.k8s.amazonaws.com/instance_id</key><value>" + dead + "</value></item>" +
		"<item><key>node.k8s.amazonaws.com/createdAt</key><value>2026-11-22T10:00:00Z</value></item>"},
}

const exact = 4 // the first fields, from the id on, of which any other value keeps it, too

// leakedXML is a leaked interface without some of its fields, and another value in one.
func leakedXML(without uint, bent int, value string) string {
	var xml strings.Builder
	for n, field := range leakedFields {
		if without>>n&1 == 1 {
			continue
		}
		if n == bent && n > 0 {
			field.value = escaped(value)
		}
		fmt.Fprintf(&xml, "<%s>%s</%[1]s>", field.element, field.value)
	}
	return "<item>" + xml.String() + "<requesterManaged>false</requesterManaged></item>"
}

func escaped(value string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(value))
	return out.String()
}

var (
	now  = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	rule = eni.Rule{Account: "123456789012", GracePeriod: 30 * time.Minute}
)

// FuzzInterfaceFields: an interface that lacks a field, or has another value in one, is kept.
func FuzzInterfaceFields(f *testing.F) {
	f.Fuzz(func(t *testing.T, without uint, bent int, value string) {
		without %= 1 << len(leakedFields)
		bent = int(uint(bent) % exact)
		status := 200
		body := response("DescribeNetworkInterfaces", `<networkInterfaceSet>`+leakedXML(without, bent, value)+`</networkInterfaceSet>`)
		ctx, client := answering(t, &status, body)
		got, err := client.Available(ctx)
		if err != nil {
			return
		}
		_, kept := rule.Guard(got[0])
		intact := without == 0 && (bent == 0 || value == leakedFields[bent].value)
		if kept == intact {
			t.Fatalf("kept: %v\n%s", kept, body)
		}
	})
}

// FuzzInstanceFields: an instance that is shown is visible, and terminated only if EC2 says so.
func FuzzInstanceFields(f *testing.F) {
	f.Fuzz(func(t *testing.T, hasID, hasState, hasName bool, name string) {
		instance := ""
		if hasName {
			instance = "<name>" + escaped(name) + "</name>"
		}
		if hasState {
			instance = "<instanceState><code>48</code>" + instance + "</instanceState>"
		}
		if hasID {
			instance += "<instanceId>" + dead + "</instanceId>"
		}
		status := 200
		body := response("DescribeInstances", `<reservationSet><item><instancesSet><item>`+instance+`</item></instancesSet></item></reservationSet>`)
		ctx, client := answering(t, &status, body)
		states, err := client.Visible(ctx, []string{dead})
		shown, visible := states[dead]
		state := shown.State
		if err == nil && !visible || state == eni.Terminated && (name != "terminated" || !hasState || !hasName) {
			t.Fatalf("%q, visible: %v, %v\n%s", state, visible, err, body)
		}
	})
}
