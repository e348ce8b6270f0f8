package bridge_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
)

// Messages come and go in each protocol and encoding, for each kind of call that HTTP/1.1 can carry.
func TestHTTPCalls(t *testing.T) {
	t.Parallel()
	for _, protocol := range httpProtocols {
		t.Run(protocol.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, &echoServer{})
			for _, size := range []int{0, 5, 100_000} {
				want := payload(strings.Repeat("x", size))

				reply, err := unaryOver(s, protocol.options).CallUnary(t.Context(), connect.NewRequest(&testgrpc.SimpleRequest{Payload: want}))
				if err != nil {
					t.Fatalf("unary, %d bytes: %v", size, err)
				}
				if !proto.Equal(reply.Msg.GetPayload(), want) {
					t.Errorf("unary, %d bytes: got %d", size, len(reply.Msg.GetPayload().GetBody()))
				}

				output, err := outputOver(s, serverPath, protocol.options).CallServerStream(t.Context(), connect.NewRequest(
					&testgrpc.StreamingOutputCallRequest{Payload: want, ResponseParameters: make([]*testgrpc.ResponseParameters, 3)}))
				if err != nil {
					t.Fatal(err)
				}
				count := 0
				for ; output.Receive(); count++ {
					if !proto.Equal(output.Msg().GetPayload(), want) {
						t.Errorf("server stream, %d bytes: got %d", size, len(output.Msg().GetPayload().GetBody()))
					}
				}
				if err := output.Close(); output.Err() != nil || err != nil || count != 3 {
					t.Errorf("server stream, %d bytes: %d messages, %v, %v", size, count, output.Err(), err)
				}

				input := inputOver(s, protocol.options).CallClientStream(t.Context())
				for range 3 {
					if err := input.Send(&testgrpc.StreamingInputCallRequest{Payload: want}); err != nil {
						t.Fatal(err)
					}
				}
				sum, err := input.CloseAndReceive()
				if err != nil || sum.Msg.GetAggregatedPayloadSize() != int32(3*size) {
					t.Errorf("client stream, %d bytes: %v, %v", size, sum, err)
				}
			}
			if stats := s.handler.Stats(); stats.HTTP != 0 || stats.Open != 0 {
				t.Errorf("stats: %+v", stats)
			}
		})
	}
}

// Over HTTP/2 a call is bidirectional: each message is answered before the next one is sent.
func TestHTTPBidi(t *testing.T) {
	t.Parallel()
	s := serveTLS(t, &echoServer{})
	for _, protocol := range httpProtocols {
		stream := outputOver(s, bidiPath, protocol.options).CallBidiStream(t.Context())
		for _, text := range []string{"a", "b"} {
			if err := stream.Send(&testgrpc.StreamingOutputCallRequest{Payload: payload(text)}); err != nil {
				t.Fatal(err)
			}
			if got, err := stream.Receive(); err != nil || string(got.GetPayload().GetBody()) != text {
				t.Fatalf("%s: %v, %v", protocol.name, got, err)
			}
		}
		stream.CloseRequest()
		if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", protocol.name, err)
		}
		stream.CloseResponse()
	}
}

func TestHTTPBidiNeedsHTTP2(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	response, body := s.post(t, bidiPath, "application/connect+json", "", nil)
	if response.StatusCode != http.StatusHTTPVersionNotSupported || !response.Close || !strings.Contains(body, "WebSocket") {
		t.Errorf("%v %q", response.Status, body)
	}
}

// What a service sees of a call, and what a client sees of headers and trailers, bytes among them.
func TestHTTPMetadata(t *testing.T) {
	t.Parallel()
	type found struct {
		md     metadata.MD
		method string
		peer   *peer.Peer
	}
	seen := make(chan found, 1)
	answer := func(ctx context.Context) {
		var f found
		f.md, _ = metadata.FromIncomingContext(ctx)
		f.method, _ = grpc.Method(ctx)
		f.peer, _ = peer.FromContext(ctx)
		grpc.SetHeader(ctx, metadata.Pairs("x-header", "1", "x-header", "2", "header-bin", "\x00\xff", "content-length", "7", "access-control-allow-origin", "*"))
		grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "3", "bytes-bin", "\x01", "grpc-status", "9"))
		seen <- f
	}
	s := serve(t, &echoServer{
		unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			answer(ctx)
			return &testgrpc.SimpleResponse{}, nil
		},
		output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
			answer(stream.Context())
			return stream.Send(&testgrpc.StreamingOutputCallResponse{})
		},
	})
	sent := http.Header{
		"Authorization": {"Bearer t"}, "X-Many": {"a", "b"}, "Key-Bin": {"AAE, Ag=="},
		"Cookie": {"session=1"}, "X-Forwarded-For": {"10.0.0.1"}, "Forwarded": {"for=10.0.0.1"}, "X-Real-Ip": {"10.0.0.1"}, "Via": {"x"},
		"X-Envoy-Peer": {"x"}, "Sec-Fetch-Site": {"same-origin"}, "Grpc-Custom": {"x"}, "Proxy-Authorization": {"x"},
		"Referer": {"http://x"}, "X-City": {"S\xe3o Paulo"},
	}
	check := func(t *testing.T, what, path, contentType string, header, trailer http.Header) {
		t.Helper()
		f := receive(t, seen)
		want := metadata.MD{
			":authority": {s.http.Listener.Addr().String()}, "content-type": {contentType},
			"authorization": {"Bearer t"}, "x-many": {"a", "b"}, "key-bin": {"\x00\x01", "\x02"},
		}
		if !strings.Contains(f.md.Get("user-agent")[0], "connect") {
			t.Errorf("%s: user-agent %q", what, f.md.Get("user-agent"))
		}
		delete(f.md, "user-agent")
		delete(f.md, "x-user-agent") // of connect's client for gRPC-Web
		for key := range f.md {
			if !slices.Equal(f.md[key], want[key]) {
				t.Errorf("%s: metadata %s is %q, want %q", what, key, f.md[key], want[key])
			}
		}
		if len(f.md) != len(want) {
			t.Errorf("%s: metadata %v, want %v", what, f.md, want)
		}
		if f.method != path || !strings.HasPrefix(f.peer.Addr.String(), "127.0.0.1:") || f.peer.AuthInfo != nil ||
			f.peer.LocalAddr.String() != s.http.Listener.Addr().String() {
			t.Errorf("%s: method %q, peer %v", what, f.method, f.peer)
		}
		if !slices.Equal(header["X-Header"], []string{"1", "2"}) || header.Get("Header-Bin") != "AP8" || header["Access-Control-Allow-Origin"] != nil {
			t.Errorf("%s: header %v", what, header)
		}
		if trailer.Get("X-Trailer") != "3" || trailer.Get("Bytes-Bin") != "AQ" {
			t.Errorf("%s: trailer %v", what, trailer)
		}
	}
	for _, protocol := range httpProtocols {
		request := connect.NewRequest(&testgrpc.SimpleRequest{})
		for name, values := range sent {
			request.Header()[name] = values
		}
		reply, err := unaryOver(s, protocol.options).CallUnary(t.Context(), request)
		if err != nil {
			t.Fatalf("%s: %v", protocol.name, err)
		}
		check(t, protocol.name+", unary", unaryPath, protocol.unaryType, reply.Header(), reply.Trailer())

		stream := connect.NewRequest(&testgrpc.StreamingOutputCallRequest{})
		for name, values := range sent {
			stream.Header()[name] = values
		}
		output, err := outputOver(s, serverPath, protocol.options).CallServerStream(t.Context(), stream)
		if err != nil {
			t.Fatalf("%s: %v", protocol.name, err)
		}
		for output.Receive() {
		}
		check(t, protocol.name+", server stream", serverPath, protocol.streamType, output.ResponseHeader(), output.ResponseTrailer())
		output.Close()
	}
}

// A status arrives whole: code, message, details, headers and trailers, before the first message and after it.
func TestHTTPStatus(t *testing.T) {
	t.Parallel()
	detailed, err := status.New(codes.FailedPrecondition, "not “now”").WithDetails(&errdetails.ErrorInfo{Reason: "R"})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(ctx context.Context) error {
		grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "t"))
		return detailed.Err()
	}
	s := serve(t, &echoServer{
		unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			return nil, answer(ctx)
		},
		output: func(in *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
			stream.SetHeader(metadata.Pairs("x-header", "h"))
			for range in.GetResponseParameters() {
				stream.Send(&testgrpc.StreamingOutputCallResponse{})
			}
			return answer(stream.Context())
		},
		input: func(stream testgrpc.TestService_StreamingInputCallServer) error { return answer(stream.Context()) },
	})
	check := func(t *testing.T, what string, err error) {
		t.Helper()
		var wire *connect.Error
		if !errors.As(err, &wire) || wire.Code() != connect.CodeFailedPrecondition || wire.Message() != "not “now”" {
			t.Errorf("%s: %v", what, err)
			return
		}
		if len(wire.Details()) != 1 || wire.Details()[0].Type() != "google.rpc.ErrorInfo" {
			t.Errorf("%s: details %v", what, wire.Details())
		}
		if wire.Meta().Get("X-Trailer") != "t" {
			t.Errorf("%s: metadata %v", what, wire.Meta())
		}
	}
	for _, protocol := range httpProtocols {
		_, err := unaryOver(s, protocol.options).CallUnary(t.Context(), connect.NewRequest(&testgrpc.SimpleRequest{}))
		check(t, protocol.name+", unary", err)
		for _, messages := range []int{0, 2} {
			output, err := outputOver(s, serverPath, protocol.options).CallServerStream(t.Context(), connect.NewRequest(
				&testgrpc.StreamingOutputCallRequest{ResponseParameters: make([]*testgrpc.ResponseParameters, messages)}))
			if err != nil {
				t.Fatal(err)
			}
			for output.Receive() {
			}
			check(t, protocol.name+", server stream", output.Err())
			if got := output.ResponseHeader().Get("X-Header"); got != "h" {
				t.Errorf("%s, server stream: header %v", protocol.name, output.ResponseHeader())
			}
			output.Close()
		}
		input := inputOver(s, protocol.options).CallClientStream(t.Context())
		_, err = input.CloseAndReceive()
		check(t, protocol.name+", client stream", err)
	}
}

// What curl sees of errors in Connect: each code its HTTP status, details as bytes and readable.
func TestHTTPErrorForCurl(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{unary: func(_ context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		return nil, status.Error(codes.Code(in.GetResponseSize()), "why")
	}})
	for code, want := range map[string]int{
		"1": 499, "2": 500, "3": 400, "4": 504, "5": 404, "6": 409, "7": 403, "8": 429, "9": 400, "10": 409, "11": 400, "12": 501,
		"13": 500, "14": 503, "15": 500, "16": 401, "77": 500,
	} {
		response, body := s.post(t, unaryPath, "application/json", `{"responseSize":`+code+`}`, nil)
		if response.StatusCode != want || response.Header.Get("Content-Type") != "application/json" || !strings.Contains(body, `"message":"why"`) {
			t.Errorf("code %s: %v %q", code, response.Status, body)
		}
	}
	response, body := s.post(t, unaryPath, "application/json", `{"payloadd":1}`, nil)
	want := `{"code":"invalid_argument","message":"payloadd: unknown field \"payloadd\" at byte 1","details":[{` +
		`"type":"google.rpc.BadRequest","value":"Ci4KCHBheWxvYWRkEiJ1bmtub3duIGZpZWxkICJwYXlsb2FkZCIgYXQgYnl0ZSAx",` +
		`"debug":{"fieldViolations":[{"field":"payloadd","description":"unknown field \"payloadd\" at byte 1"}]}}]}`
	if response.StatusCode != http.StatusBadRequest || body != want {
		t.Errorf("%v %s", response.Status, body)
	}
}

// Which requests are calls, and what others are told.
func TestHTTPFormats(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	for _, test := range []struct {
		name, path, contentType, body string
		code                          int
		want                          string // part of the answer
	}{
		{"JSON", unaryPath, "application/json", `{}`, 200, `{}`},
		{"JSON in UTF-8", unaryPath, "application/json; charset=UTF-8", `{}`, 200, `{}`},
		{"JSON in Latin 1", unaryPath, "application/json; charset=latin1", `{}`, 415, "curl"},
		{"nothing is no JSON", unaryPath, "application/json", ``, 400, "malformed JSON at byte 0"},
		{"empty protobuf", unaryPath, "application/proto", ``, 200, ``},
		{"a form", unaryPath, "application/x-www-form-urlencoded", `{}`, 415, "curl"},
		{"no type", unaryPath, "", `{}`, 415, "curl"},
		{"no known encoding", unaryPath, "application/xml", `{}`, 415, "curl"},
		{"gRPC", unaryPath, "application/grpc", ``, 415, "curl"},
		{"gRPC-Web with no known encoding", unaryPath, "application/grpc-web+xml", ``, 415, "curl"},
		{"gRPC-Web-like", unaryPath, "application/grpc-webby", ``, 415, "curl"},
		{"envelopes for a unary call", unaryPath, "application/connect+json", envelope(0, "{}"), 415, "does not stream"},
		{"no envelopes for a stream", serverPath, "application/json", `{}`, 415, "application/connect+json"},
		{"stream", serverPath, "application/connect+json", envelope(0, `{"responseParameters":[{}]}`), 200, envelope(0, "{}") + envelope(2, "{}")},
		{"an envelope without bytes", serverPath, "application/connect+json", envelope(0, ``), 200, envelope(2, "{}")},
		{"a stream without a message", serverPath, "application/connect+json", "", 200, `"unimplemented"`},
		{"a stream with two messages", serverPath, "application/connect+json", envelope(0, "{}") + envelope(0, "{}"), 200, `"unimplemented"`},
		{"half an envelope", serverPath, "application/connect+json", "\x00\x00\x00", 200, `"code":`},
		{"a message cut short", serverPath, "application/connect+json", envelope(0, "{}")[:6], 200, `"code":`},
		{"unknown flags", serverPath, "application/connect+json", envelope(8, "{}"), 200, `"code":`},
		{"unknown service", "/a.B/C", "application/json", `{}`, 404, `"unknown service a.B"`},
		{"unknown method", "/grpc.testing.TestService/No", "application/connect+json", ``, 200, `unknown method No`},
		{"no path of a method", "/", "application/json", `{}`, 404, `malformed method name`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			response, body := s.post(t, test.path, test.contentType, test.body, nil)
			if response.StatusCode != test.code || !strings.Contains(body, test.want) {
				t.Errorf("%v %q, want %d with %q", response.Status, body, test.code, test.want)
			}
			if accept := response.Header.Get("Accept-Post"); (accept != "") != (test.code == 415) {
				t.Errorf("Accept-Post: %q", accept)
			}
		})
	}
	response, _ := s.do(t, http.MethodPut, unaryPath, "{}", http.Header{"Content-Type": {"application/json"}})
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "POST, OPTIONS" {
		t.Errorf("PUT: %v, Allow %q", response.Status, response.Header.Get("Allow"))
	}
	response, _ = s.post(t, "/a.B/C", "application/grpc-web+proto", envelope(0, ""), nil)
	if response.StatusCode != http.StatusOK || response.Header.Get("Grpc-Status") != "12" {
		t.Errorf("unknown service in gRPC-Web: %v %v", response.Status, response.Header)
	}
}

// gRPC-Web's text form, as grpc-web's own client sends it, for unary calls and streams.
func TestHTTPWebText(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	decode := func(t *testing.T, text string) (binary string) { // texts with their own padding, one after the other
		t.Helper()
		for len(text) > 0 {
			end := strings.Index(text, "=")
			if end < 0 {
				end = len(text)
			}
			for end < len(text) && text[end] == '=' {
				end++
			}
			part, err := base64.StdEncoding.DecodeString(text[:end])
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			binary, text = binary+string(part), text[end:]
		}
		return binary
	}
	for _, test := range []struct {
		path  string
		in    proto.Message
		out   proto.Message
		count int
	}{
		{unaryPath, &testgrpc.SimpleRequest{Payload: payload("hello")}, &testgrpc.SimpleResponse{Payload: payload("hello")}, 1},
		{serverPath, &testgrpc.StreamingOutputCallRequest{Payload: payload("hi"), ResponseParameters: make([]*testgrpc.ResponseParameters, 2)},
			&testgrpc.StreamingOutputCallResponse{Payload: payload("hi")}, 2},
	} {
		request, _ := proto.Marshal(test.in)
		answer, _ := proto.Marshal(test.out)
		for _, contentType := range []string{"application/grpc-web-text", "application/grpc-web-text+proto"} {
			response, text := s.post(t, test.path, contentType, base64.StdEncoding.EncodeToString([]byte(envelope(0, string(request)))), nil)
			if got := response.Header.Get("Content-Type"); got != "application/grpc-web-text+proto" {
				t.Errorf("Content-Type %q", got)
			}
			body, ok := strings.CutPrefix(decode(t, text), strings.Repeat(envelope(0, string(answer)), test.count))
			if !ok || !strings.HasPrefix(body, "\x80") || !strings.Contains(strings.ToLower(body), "grpc-status: 0\r\n") {
				t.Errorf("%s: %q", test.path, decode(t, text))
			}
		}
	}
	response, text := s.post(t, unaryPath, "application/grpc-web-text", "not base64!", nil)
	if got := response.Header.Get("Grpc-Status"); got == "" || got == "0" || text != "" {
		t.Errorf("not base64: status %q, %q", got, text)
	}
}

// A message is limited after decompression, the limit itself included.
func TestHTTPReceiveLimit(t *testing.T) {
	t.Parallel()
	const limit = 1000
	s := serve(t, &echoServer{}, bridge.WithMaxRecvMsgSize(limit))
	message := append([]byte{0xfa, 0x01, 0xe4, 0x07}, make([]byte, limit-4)...) // one unknown field of 996 bytes
	compress := func(data []byte) string {
		var compressed bytes.Buffer
		w := gzip.NewWriter(&compressed)
		w.Write(data)
		w.Close()
		return compressed.String()
	}
	bomb := make([]byte, 4<<20)
	for _, test := range []struct {
		name, body string
		gzip       bool
		fits       bool
	}{
		{"as large as allowed", string(message), false, true},
		{"one byte more", string(message) + "\x00", false, false},
		{"as large as allowed, compressed", compress(message), true, true},
		{"one byte more, compressed", compress(append(message, 0)), true, false},
		{"bomb", compress(bomb), true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			flag, unary, stream, web := byte(0), http.Header{}, http.Header{}, http.Header{}
			if test.gzip {
				flag = 1
				unary.Set("Content-Encoding", "gzip")
				stream.Set("Connect-Content-Encoding", "gzip")
				web.Set("Grpc-Encoding", "gzip")
			}
			want := map[bool]string{true: `200 "0" `, false: `429 "8" resource_exhausted`}[test.fits]
			response, body := s.post(t, unaryPath, "application/proto", test.body, unary)
			if code := response.StatusCode; (code == 200) != test.fits || code != 200 && (code != 429 || !strings.Contains(body, "resource_exhausted")) {
				t.Errorf("Connect: %v %q, want %s", response.Status, body, want)
			}
			response, body = s.post(t, serverPath, "application/connect+proto", envelope(flag, test.body), stream)
			if strings.Contains(body, "resource_exhausted") == test.fits {
				t.Errorf("Connect stream: %v %q, want %s", response.Status, body, want)
			}
			response, body = s.post(t, unaryPath, "application/grpc-web", envelope(flag, test.body), web)
			fits := strings.Contains(strings.ToLower(body), "grpc-status: 0") && response.Header.Get("Grpc-Status") == ""
			if fits != test.fits || !fits && response.Header.Get("Grpc-Status") != "8" {
				t.Errorf("gRPC-Web: %v %v %q, want %s", response.Status, response.Header, body, want)
			}
		})
	}
	// The length alone announces 4 GiB: nothing may be allocated for them.
	_, body := s.post(t, clientPath, "application/connect+proto", "\x00\xff\xff\xff\xff"+string(message), nil)
	if !strings.Contains(body, "resource_exhausted") {
		t.Errorf("an announced 4 GiB: %q", body)
	}
}

func TestHTTPMetadataLimits(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{}, bridge.WithMaxMetadataBytes(200))
	post := func(header http.Header) string {
		_, body := s.post(t, unaryPath, "application/json", "{}", header)
		return body
	}
	if body := post(http.Header{"X-A": {strings.Repeat("x", 200-32-3)}}); body != "{}" {
		t.Errorf("as much as allowed: %q", body)
	}
	if body := post(http.Header{"X-A": {strings.Repeat("x", 200-32-2)}}); !strings.Contains(body, `"resource_exhausted"`) {
		t.Errorf("one byte more: %q", body)
	}
	if body := post(http.Header{"X-A-Bin": {"*"}}); !strings.Contains(body, `metadata.x-a-bin: not base64`) {
		t.Errorf("no base64: %q", body)
	}
}

// An Encoded message's bytes are shared; connect keeps what a codec gives it for other calls, so they must be copies.
func TestHTTPDoesNotTouchEncodedBytes(t *testing.T) {
	t.Parallel()
	const size = 6000 // more than a new buffer of connect's has
	message := &testgrpc.StreamingOutputCallResponse{Payload: payload(strings.Repeat("s", size))}
	data, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	shared := &encodedResponse{data, []byte(`{"payload":{"body":"` + base64.StdEncoding.EncodeToString(message.GetPayload().GetBody()) + `"}}`)}
	wantProto, wantJSON := bytes.Clone(shared.proto), bytes.Clone(shared.json)
	s := serve(t, &echoServer{output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
		for range 10 {
			if err := stream.SendMsg(shared); err != nil {
				return err
			}
		}
		return nil
	}})
	for range 5 {
		for _, protocol := range httpProtocols {
			output, err := outputOver(s, serverPath, protocol.options).CallServerStream(t.Context(), connect.NewRequest(
				&testgrpc.StreamingOutputCallRequest{Payload: payload(strings.Repeat("x", 2*size))}))
			if err != nil {
				t.Fatal(err)
			}
			count := 0
			for ; output.Receive(); count++ {
				if !proto.Equal(output.Msg(), message) {
					t.Fatalf("%s: another message", protocol.name)
				}
			}
			if output.Close(); output.Err() != nil || count != 10 {
				t.Errorf("%s: %d messages, %v", protocol.name, count, output.Err())
			}
		}
	}
	if !bytes.Equal(shared.proto, wantProto) || !bytes.Equal(shared.json, wantJSON) {
		t.Error("the shared bytes have changed")
	}
}

type encodedResponse struct{ proto, json []byte }

func (e *encodedResponse) EncodedProto() ([][]byte, error) { return [][]byte{e.proto}, nil }

func (e *encodedResponse) EncodedJSON() ([][]byte, error) { return [][]byte{e.json}, nil }
