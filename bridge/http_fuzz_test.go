package bridge_test

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/http/httptest"
	"testing"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// Whatever is posted: there is an answer, in JSON where it says so, and no call is left behind.
func FuzzHTTPRequest(f *testing.F) {
	f.Add(byte(0), "application/json", "Connect-Timeout-Ms", "1000", []byte(`{"payload":{"body":"YQ=="}}`))
	f.Add(byte(0), "application/proto", "Content-Encoding", "gzip", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(byte(1), "application/connect+json", "X-Bin", "AAE", []byte(envelope(0, "{}")+envelope(0, `{"payload":{}}`)))
	f.Add(byte(2), "application/connect+proto", "Connect-Content-Encoding", "gzip", []byte(envelope(1, "x")))
	f.Add(byte(2), "application/grpc-web", "Grpc-Timeout", "1S", []byte(envelope(0, "")))
	f.Add(byte(2), "application/grpc-web-text", "Key-Bin", "*", []byte("AAAAAAA="))
	f.Add(byte(8), "application/connect+json", "Origin", "http://localhost", []byte(envelope(0, "{}")+envelope(2, "{}")))
	f.Add(byte(3), "application/json; charset=utf-8", "Grpc-Timeout", "x", []byte("\xff"))
	f.Add(byte(4), "application/grpc-web+json", "Grpc-Timeout", "99999999H", []byte(envelope(0, "[[[[")))

	h, err := bridge.NewHandler(bridge.WithMaxRecvMsgSize(4 << 10))
	if err != nil {
		f.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, &echoServer{})
	paths := []string{unaryPath, clientPath, serverPath, bidiPath, emptyPath}
	f.Fuzz(func(t *testing.T, which byte, contentType, name, value string, body []byte) {
		request := httptest.NewRequest(http.MethodPost, paths[int(which)%len(paths)], bytes.NewReader(body))
		request.Header[http.CanonicalHeaderKey(name)] = []string{value}
		request.Header.Set("Content-Type", contentType)
		request.Header.Del("Upgrade")
		if int(which)/len(paths)%2 == 1 {
			request.ProtoMajor = 2
		}
		response := httptest.NewRecorder()
		h.ServeHTTP(response, request)
		if response.Code < 200 || response.Code > 599 {
			t.Errorf("status %d", response.Code)
		}
		if kind, _, _ := mime.ParseMediaType(response.Header().Get("Content-Type")); kind == "application/json" &&
			response.Header().Get("Content-Encoding") == "" && !json.Valid(response.Body.Bytes()) {
			t.Errorf("no JSON: %q", response.Body)
		}
		if stats := h.Stats(); stats.HTTP != 0 {
			t.Errorf("stats: %+v", stats)
		}
	})
}
