package bridge_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// The log says how a call over HTTP ended, also that it ended well.
func TestHTTPEndIsLogged(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	s := serve(t, &echoServer{input: func(testgrpc.TestService_StreamingInputCallServer) error { return nil }}, log.option())
	for _, test := range []struct{ path, contentType, body, want string }{
		{unaryPath, "application/json", "{}", "OK"},
		{serverPath, "application/connect+proto", emptyMessage, "OK"},
		{clientPath, "application/connect+proto", "", "Internal"}, // the service sent no response
		{unaryPath, "application/json", "{", "InvalidArgument"},
	} {
		before := len(log.String())
		s.post(t, test.path, test.contentType, test.body, nil)
		waitUntil(t, func() bool { return s.handler.Stats().HTTP == 0 })
		if got := log.String()[before:]; !strings.Contains(got, "code="+test.want+" ") {
			t.Errorf("%s: %s", test.path, got)
		}
	}
}

// deadlineHook is a response that calls onRead when somebody sets a read deadline.
type deadlineHook struct {
	*httptest.ResponseRecorder
	onRead func()
}

func (h deadlineHook) SetReadDeadline(time.Time) error {
	h.onRead()
	return nil
}

func (h deadlineHook) SetWriteDeadline(time.Time) error { return nil }

// A call that has ended well has done so for good: a server that drains before the end is written does not change it.
func TestHTTPEndIsFinal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		returned := false
		h, err := bridge.NewHandler()
		if err != nil {
			t.Fatal(err)
		}
		testgrpc.RegisterTestServiceServer(h, &echoServer{input: func(stream testgrpc.TestService_StreamingInputCallServer) error {
			returned = true
			return stream.SendAndClose(&testgrpc.StreamingInputCallResponse{AggregatedPayloadSize: 7})
		}})
		drained := make(chan error, 1)
		w := deadlineHook{httptest.NewRecorder(), func() {
			if !returned {
				return
			}
			returned = false
			go func() {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				drained <- h.Drain(ctx)
			}()
			synctest.Wait()
		}}
		r := httptest.NewRequest(http.MethodPost, clientPath, strings.NewReader(envelope(0, "{}")))
		r.Header.Set("Content-Type", "application/connect+json")
		h.ServeHTTP(w, r)
		if want := envelope(0, `{"aggregatedPayloadSize":7}`) + envelope(2, "{}"); w.Body.String() != want {
			t.Errorf("%q, want %q", w.Body, want)
		}
		if err := <-drained; err == nil {
			t.Error("nothing was drained")
		}
	})
}
