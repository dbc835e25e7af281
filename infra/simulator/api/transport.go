package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
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
	out := httptest.NewRecorder()
	t.Handler.ServeHTTP(out, served)
	if err := in.Context().Err(); err != nil {
		return nil, err
	}
	answer = out.Result()
	answer.Request = in
	return answer, nil
}
