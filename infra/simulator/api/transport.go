package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// A Transport lets a handler answer without a socket, so that a client works inside a
// testing/synctest bubble.
type Transport struct{ Handler http.Handler }

// errReset is what a client gets from a connection that is cut.
var errReset = errors.New("read: connection reset by peer")

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(in *http.Request) (answer *http.Response, err error) {
	served := in.Clone(in.Context()) // a handler writes into its request
	if served.Body == nil {
		served.Body = http.NoBody
	}
	defer func() {
		_ = served.Body.Close()
		if cut := recover(); cut == http.ErrAbortHandler {
			answer, err = nil, errReset
		} else if cut != nil {
			panic(cut)
		}
	}()
	out := &recorder{status: http.StatusOK, header: http.Header{}}
	t.Handler.ServeHTTP(out, served)
	if err := in.Context().Err(); err != nil {
		return nil, err
	}
	return out.response(in), nil
}

type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header           { return r.header }
func (r *recorder) WriteHeader(status int)        { r.status = status }
func (r *recorder) Write(raw []byte) (int, error) { return r.body.Write(raw) }

func (r *recorder) response(in *http.Request) *http.Response {
	return &http.Response{
		StatusCode: r.status, Status: fmt.Sprintf("%d %s", r.status, http.StatusText(r.status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: in, Header: r.header,
		ContentLength: int64(r.body.Len()), Body: io.NopCloser(&r.body),
	}
}
