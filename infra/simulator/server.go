package simulator

import (
	"bytes"
	"context"
	"encoding/xml"
	"net/http"
	"strings"
	"time"
)

// The XML namespaces of both services' query APIs.
const (
	ec2Namespace         = "http://ec2.amazonaws.com/doc/2016-11-15/"
	autoScalingNamespace = "http://autoscaling.amazonaws.com/doc/2011-01-01/"
)

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
		w.serve(in.Context(), out, caller, service, in)
	})
}

func (w *World) serve(ctx context.Context, out http.ResponseWriter, caller, service string, in *http.Request) {
	c, fault := w.receive(service, in.Form.Get("Action"), caller, in)
	if sleep(ctx, fault.Latency) != nil {
		return
	}
	if fault.Reset {
		w.cut(c)
		panic(http.ErrAbortHandler)
	}
	result, err := w.reply(c, fault)
	switch {
	case fault.LoseAnswer:
		panic(http.ErrAbortHandler)
	case err != nil:
		w.refuse(out, service, err)
	default:
		id := w.requestID()
		write(out, http.StatusOK, id, envelope(service, c.Action, id, result))
	}
}

func (w *World) receive(service, action, caller string, in *http.Request) (*Call, Fault) {
	defer w.enter()()
	return w.arrive(service, action, caller, in.Form)
}

func (w *World) reply(c *Call, f Fault) (any, *Error) {
	defer w.enter()()
	return w.answer(c, f)
}

// cut writes a call that got no answer and had no effect to the journal.
func (w *World) cut(c *Call) {
	defer w.enter()()
	c.At, c.Code = w.now, "connection reset"
	w.calls = append(w.calls, *c)
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

// envelope puts a result into the element named for its action: EC2 has the
// result's elements in it, Auto Scaling has one more around them.
func envelope(service, action, requestID string, result any) any {
	if service == "autoscaling" {
		return autoScalingEnvelope{
			XMLName: xml.Name{Space: autoScalingNamespace, Local: action + "Response"},
			Result:  elements{xml.Name{Local: action + "Result"}, inside(result)}, RequestID: requestID,
		}
	}
	return ec2Envelope{xml.Name{Space: ec2Namespace, Local: action + "Response"}, requestID, inside(result)}
}

type ec2Envelope struct {
	XMLName   xml.Name
	RequestID string `xml:"requestId"`
	Elements  []byte `xml:",innerxml"`
}

type elements struct {
	XMLName  xml.Name
	Elements []byte `xml:",innerxml"`
}

// inside is a result's XML without the element around it.
func inside(result any) []byte {
	var out bytes.Buffer
	if err := xml.NewEncoder(&out).EncodeElement(result, xml.StartElement{Name: xml.Name{Local: "r"}}); err != nil {
		panic("simulator: writing a result: " + err.Error())
	}
	return bytes.TrimSuffix(bytes.TrimPrefix(out.Bytes(), []byte("<r>")), []byte("</r>"))
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
