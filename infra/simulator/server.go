package simulator

import (
	"bytes"
	"context"
	"encoding/xml"
	"net/http"
	"strings"
	"time"
)

// ec2Namespace is the XML namespace of EC2's query API.
const ec2Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"

// Handler serves EC2 and Auto Scaling on one address: the credential's scope tells
// which of them a request is for. Signatures are not verified.
func (w *World) Handler() http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if err := in.ParseForm(); err != nil {
			w.refuse(out, "ec2", &Error{400, "MalformedQueryString", "The query string contains a syntax error."})
			return
		}
		caller, service, err := credentials(in.Header.Get("Authorization"))
		if err != nil {
			w.refuse(out, service, err)
			return
		}
		w.serve(out, in, caller, service)
	})
}

func (w *World) serve(out http.ResponseWriter, in *http.Request, caller, service string) {
	c, fault := w.receive(service, caller, in)
	if sleep(in.Context(), fault.Latency) != nil {
		return
	}
	result, err := w.reply(c, fault)
	switch {
	case fault.Reset || fault.LoseAnswer:
		panic(http.ErrAbortHandler)
	case err != nil:
		w.refuse(out, service, err)
	default:
		id := w.requestID()
		write(out, http.StatusOK, id, envelope(c.Action, id, result))
	}
}

func (w *World) receive(service, caller string, in *http.Request) (*Call, Fault) {
	defer w.enter()()
	return w.arrive(service, in.Form.Get("Action"), caller, in.Form)
}

// reply has a call take its effect, unless its connection is cut before.
func (w *World) reply(c *Call, f Fault) (any, *Error) {
	defer w.enter()()
	if f.Reset {
		c.At, c.Code = w.now, "connection reset"
		w.calls = append(w.calls, *c)
		return nil, nil
	}
	return w.answer(c, f)
}

func (w *World) requestID() string {
	defer w.enter()()
	return w.newUUID()
}

// refuse answers an error in the service's own form.
func (w *World) refuse(out http.ResponseWriter, service string, e *Error) {
	id := w.requestID()
	if service != "autoscaling" {
		write(out, e.Status, id, errorsXML{Code: e.Code, Message: e.Message, RequestID: id})
		return
	}
	fault := "Sender"
	if e.Status >= 500 {
		fault = "Receiver"
	}
	write(out, e.Status, id, autoScalingErrorXML{Type: fault, Code: e.Code, Message: e.Message, RequestID: id})
}

// write sends an answer; the SDKs take the request's ID from its header.
func write(out http.ResponseWriter, status int, requestID string, answer any) {
	body, err := xml.Marshal(answer)
	if err != nil {
		panic("simulator: writing an answer: " + err.Error())
	}
	out.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	out.Header().Set("X-Amzn-Requestid", requestID)
	out.WriteHeader(status)
	_, _ = out.Write(append([]byte(xml.Header), body...)) // the client may be gone
}

// envelope puts a result into the element named for its action.
func envelope(action, requestID string, result any) any {
	if groups, ok := result.(describeAutoScalingGroupsResult); ok {
		return describeAutoScalingGroupsResponse{Result: groups, RequestID: requestID}
	}
	var out bytes.Buffer
	if err := xml.NewEncoder(&out).EncodeElement(result, xml.StartElement{Name: xml.Name{Local: "r"}}); err != nil {
		panic("simulator: writing a result: " + err.Error())
	}
	inside := bytes.TrimSuffix(bytes.TrimPrefix(out.Bytes(), []byte("<r>")), []byte("</r>"))
	return ec2Envelope{xml.Name{Space: ec2Namespace, Local: action + "Response"}, requestID, inside}
}

type ec2Envelope struct {
	XMLName   xml.Name
	RequestID string `xml:"requestId"`
	Elements  []byte `xml:",innerxml"`
}

// credentials reads who calls which service: "AWS4-HMAC-SHA256
// Credential=<access key>/<date>/<region>/<service>/aws4_request, ..."
func credentials(authorization string) (accessKey, service string, err *Error) {
	if authorization == "" {
		return "", "ec2", &Error{403, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	_, rest, _ := strings.Cut(authorization, "Credential=")
	scope, _, _ := strings.Cut(rest, ",")
	parts := strings.Split(strings.TrimSpace(scope), "/")
	if len(parts) != 5 || parts[0] == "" || operations[parts[3]] == nil {
		return "", "ec2", badCredentials("ec2")
	}
	return parts[0], parts[3], nil
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
