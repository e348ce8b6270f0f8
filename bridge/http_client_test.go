package bridge_test

import (
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// httpProtocols are what connect's client can speak to the bridge.
var httpProtocols = []struct {
	name        string
	options     connect.ClientOption
	unaryType   string // what a service finds as content-type
	streamType  string
	connectOnly bool
}{
	{"Connect, protobuf", connect.WithClientOptions(), "application/proto", "application/connect+proto", true},
	{"Connect, JSON", connect.WithProtoJSON(), "application/json", "application/connect+json", true},
	{"Connect, gzip", connect.WithSendGzip(), "application/proto", "application/connect+proto", true},
	{"gRPC-Web, protobuf", connect.WithGRPCWeb(), "application/grpc-web+proto", "application/grpc-web+proto", false},
	{"gRPC-Web, JSON", connect.WithClientOptions(connect.WithGRPCWeb(), connect.WithProtoJSON()),
		"application/grpc-web+json", "application/grpc-web+json", false},
}

func unaryOver(s *server, option connect.ClientOption) *connect.Client[testgrpc.SimpleRequest, testgrpc.SimpleResponse] {
	return connect.NewClient[testgrpc.SimpleRequest, testgrpc.SimpleResponse](s.http.Client(), s.http.URL+unaryPath, option)
}

// outputOver and inputOver are clients of streaming methods: of StreamingOutputCall or FullDuplexCall, and of
// StreamingInputCall.
func outputOver(
	s *server, path string, option connect.ClientOption,
) *connect.Client[testgrpc.StreamingOutputCallRequest, testgrpc.StreamingOutputCallResponse] {
	return connect.NewClient[testgrpc.StreamingOutputCallRequest, testgrpc.StreamingOutputCallResponse](
		s.http.Client(), s.http.URL+path, option)
}

func inputOver(
	s *server, option connect.ClientOption,
) *connect.Client[testgrpc.StreamingInputCallRequest, testgrpc.StreamingInputCallResponse] {
	return connect.NewClient[testgrpc.StreamingInputCallRequest, testgrpc.StreamingInputCallResponse](
		s.http.Client(), s.http.URL+clientPath, option)
}

// serveTLS is serve with HTTP/2.
func serveTLS(t testing.TB, echo *echoServer, opts ...bridge.HandlerOption) *server {
	t.Helper()
	s := serve(t, echo, opts...)
	s.http.Close()
	s.http = httptest.NewUnstartedServer(s.handler)
	s.http.EnableHTTP2 = true
	s.http.StartTLS()
	return s
}

// post sends one request and returns the answer.
func (s *server) post(t testing.TB, path, contentType, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	return s.do(t, http.MethodPost, path, body, header)
}

func (s *server) do(t testing.TB, method, path, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.http.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := s.http.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(answer)
}

// envelope puts flags and a length in front of a message, as Connect's streams and gRPC-Web do.
func envelope(flags byte, message string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(message)))) + message
}
