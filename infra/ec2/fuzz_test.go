package ec2_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// canned returns a client that gets this answer to every call.
func canned(t *testing.T, status int, body []byte) (context.Context, ec2.Client) {
	ctx, config := harness.Canned(t, status, body)
	return ctx, ec2.New(config)
}

// status folds a number into HTTP's statuses from 200 on.
func status(number int) int { return 200 + int(uint(number-200)%400) }

// readable reports whether an answer is one to a listing: a 2xx with a whole document whose root
// holds the set, which EC2 sends even where it found nothing.
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

// fuzzListing starts with a whole answer and what may come instead: nothing, a proxy's page, another service's
// answer, a part. No answer panics or hangs; an unreadable one is an error, never "nothing found".
func fuzzListing(f *testing.F, action, set, item string, list func(*testing.T, context.Context, ec2.Client) (found int, err error)) {
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
	f.Fuzz(func(t *testing.T, number int, body []byte) {
		status := status(number)
		ctx, client := canned(t, status, body)
		found, err := list(t, ctx, client)
		if err != nil && found > 0 {
			t.Fatalf("%d found together with %v", found, err)
		}
		if err == nil && !readable(status, body, set) {
			t.Fatalf("a %d read as %d found:\n%s", status, found, body)
		}
	})
}

func FuzzInterfaces(f *testing.F) {
	f.Add(200, response("DescribeNetworkInterfaces", `<networkInterfaceSet>`+strings.Repeat(leakedXML(0, 0, ""), 3000)+`</networkInterfaceSet>`))
	fuzzListing(f, "DescribeNetworkInterfaces", "networkInterfaceSet", leakedXML(0, 0, ""), func(_ *testing.T, ctx context.Context, client ec2.Client) (int, error) {
		got, err := client.Available(ctx)
		return len(got), err
	})
}

// FuzzInstances: of instances, "nothing found" would be evidence for a release.
func FuzzInstances(f *testing.F) {
	item := `<item><instancesSet><item><instanceId>` + dead + `</instanceId><instanceState><name>running</name></instanceState></item></instancesSet></item>`
	f.Add(200, response("DescribeInstances", `<reservationSet><item><reservationId>r-1</reservationId></item></reservationSet>`))
	fuzzListing(f, "DescribeInstances", "reservationSet", item, func(t *testing.T, ctx context.Context, client ec2.Client) (int, error) {
		got, err := client.Visible(ctx, []string{dead})
		if _, nameless := got[""]; nameless {
			t.Fatal("an instance without an ID is counted, and another is missing")
		}
		return len(got), err
	})
}

// Half an answer is an error: what it lacks would read as gone, or as a full subnet.
func TestHalfAnswers(t *testing.T) {
	visible := func(ctx context.Context, c ec2.Client) error {
		_, err := c.Visible(ctx, []string{dead})
		return err
	}
	free := func(ctx context.Context, c ec2.Client) error {
		_, err := c.FreeAddresses(ctx, []string{"subnet-12345678"})
		return err
	}
	available := func(ctx context.Context, c ec2.Client) error {
		_, err := c.Available(ctx)
		return err
	}
	for content, read := range map[string]func(context.Context, ec2.Client) error{
		`<networkInterfaceSet><item><status>available</status></item></networkInterfaceSet>`:                                                                       available,
		`<reservationSet><item><reservationId>r-1</reservationId></item></reservationSet>`:                                                                         visible,
		`<reservationSet><item><instancesSet/></item></reservationSet>`:                                                                                            visible,
		`<reservationSet><item><instancesSet><item/></instancesSet></item></reservationSet>`:                                                                       visible,
		`<reservationSet><item><instancesSet><item><instanceId/><instanceState><name>running</name></instanceState></item></instancesSet></item></reservationSet>`: visible,
		`<networkInterfaceSet><item><networkInterfaceId/><status>available</status></item></networkInterfaceSet>`:                                                  available,
		`<subnetSet><item><subnetId/><availableIpAddressCount>7</availableIpAddressCount></item></subnetSet>`:                                                      free,
		`<subnetSet><item><availableIpAddressCount>7</availableIpAddressCount></item></subnetSet>`:                                                                 free,
		`<subnetSet><item><subnetId>subnet-12345678</subnetId></item></subnetSet>`:                                                                                 free,
	} {
		ctx, client := canned(t, 200, response("Describe", content))
		if err := read(ctx, client); err == nil || !strings.Contains(err.Error(), "EC2 answered without") {
			t.Errorf("%s: %v", content, err)
		}
	}
}

func FuzzSubnets(f *testing.F) {
	item := `<item><subnetId>subnet-12345678</subnetId><availableIpAddressCount>7</availableIpAddressCount></item>`
	fuzzListing(f, "DescribeSubnets", "subnetSet", item, func(_ *testing.T, ctx context.Context, client ec2.Client) (int, error) {
		got, err := client.FreeAddresses(ctx, []string{"subnet-12345678"})
		return len(got), err
	})
}

// FuzzDelete: only a 2xx is a success (the SDK does not read its body), and no error has two classes.
func FuzzDelete(f *testing.F) {
	f.Fuzz(func(t *testing.T, number int, body []byte) {
		status := status(number)
		ctx, client := canned(t, status, body)
		_, err := client.Delete(ctx, interfaceID, unlimited)
		if err == nil && status >= 300 {
			t.Fatalf("a %d read as a success:\n%s", status, body)
		}
		if class := classOf(t, err); class == eni.ErrGone && !bytes.Contains(body, []byte("NotFound")) {
			t.Fatalf("a %d is %q:\n%s", status, class, body)
		}
	})
}

// leakedFields holds what the rule reads of an interface, as EC2 sends it; a release needs all of it.
var leakedFields = []struct{ element, value string }{
	{"networkInterfaceId", interfaceID},
	{"status", "available"},
	{"interfaceType", "interface"},
	{"ownerId", harness.Account},
	{"description", "aws-K8S-" + dead},
	{"tagSet", "<item><key>node.k8s.amazonaws.com/instance_id</key><value>" + dead + "</value></item>" +
		"<item><key>node.k8s.amazonaws.com/createdAt</key><value>2026-11-22T10:00:00Z</value></item>"},
}

const exact = 4 // the first fields, of which any other value but the ID's keeps it, too

// leakedXML returns a leaked interface that lacks some fields (bits), and has another value in one.
func leakedXML(missing uint, changed int, value string) string {
	var xml strings.Builder
	for n, field := range leakedFields {
		if missing>>n&1 == 1 {
			continue
		}
		if n == changed && n > 0 {
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

// FuzzInterfaceFields: an interface that lacks a field, or has another value in one, is kept.
func FuzzInterfaceFields(f *testing.F) {
	f.Fuzz(func(t *testing.T, missing uint, changed int, value string) {
		missing %= 1 << len(leakedFields)
		changed = int(uint(changed) % exact)
		body := response("DescribeNetworkInterfaces", `<networkInterfaceSet>`+leakedXML(missing, changed, value)+`</networkInterfaceSet>`)
		ctx, client := canned(t, 200, body)
		got, err := client.Available(ctx)
		if err != nil {
			return
		}
		_, kept := eni.Rule{Account: harness.Account}.Guard(got[0])
		intact := missing == 0 && (changed == 0 || value == leakedFields[changed].value)
		if kept == intact {
			t.Fatalf("kept: %v\n%s", kept, body)
		}
	})
}

// FuzzInstanceFields: an instance that EC2 shows is visible, and terminated only by its state's name.
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
		body := response("DescribeInstances", `<reservationSet><item><instancesSet><item>`+instance+`</item></instancesSet></item></reservationSet>`)
		ctx, client := canned(t, 200, body)
		states, err := client.Visible(ctx, []string{dead})
		shown, visible := states[dead]
		state := shown.State
		if err == nil && !visible || state == eni.Terminated && (name != "terminated" || !hasState || !hasName) {
			t.Fatalf("%q, visible: %v, %v\n%s", state, visible, err, body)
		}
	})
}
