package bridge_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// Metadata comes from the handshake, SETTINGS and OPEN, in rising precedence; reserved names come from the handshake only.
func TestMuxRequestMetadata(t *testing.T) {
	t.Parallel()
	seen := make(chan metadata.MD, 1)
	s := serve(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		seen <- md
		if p, ok := peer.FromContext(ctx); !ok || p.Addr.String() == "" {
			t.Errorf("peer %v", p)
		}
		if method, _ := grpc.Method(ctx); method != unaryPath {
			t.Errorf("method %q", method)
		}
		return &testgrpc.SimpleResponse{}, nil
	}})
	p := s.dialMuxSilent(t, http.Header{"Authorization": {"Bearer handshake"}, "User-Agent": {"test/1"}, "X-Other": {"no"}})
	p.send(wireFrame{frameSettings, 0, 0, p.encode(&bridgev1.Settings{Metadata: []*bridgev1.Metadatum{
		text("authorization", "Bearer settings"), text("x-all", "settings"), text("x-open", "settings"), text("x-forwarded-for", "1.2.3.4"),
	}})})
	p.expectSettings()
	p.call(1, &bridgev1.Open{Method: unaryPath, Metadata: []*bridgev1.Metadatum{
		text("x-open", "one"), text("x-open", "two"), text("user-agent", "forged"), text("grpc-timeout", "1S"), text("cookie", "a=b"),
		{Key: "key-bin", Value: &bridgev1.Metadatum_Binary{Binary: []byte{0, 255}}},
	}}, &testgrpc.SimpleRequest{})
	p.skipTo(frameEnd, 1)
	md := receive(t, seen)
	for key, want := range map[string]string{
		"authorization": "Bearer settings", "x-all": "settings", "x-open": "one,two", "user-agent": "test/1", "key-bin": "\x00\xff",
		"content-type": "application/grpc+proto", "x-forwarded-for": "", "grpc-timeout": "", "cookie": "", "x-other": "",
		":authority": strings.TrimPrefix(s.http.URL, "http://"),
	} {
		if got := strings.Join(md[key], ","); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

// Headers, trailers and details arrive, the status too; an answer without headers and messages is trailers only.
func TestMuxResponse(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{unary: func(ctx context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		grpc.SetTrailer(ctx, metadata.Pairs("t", "1", "t", "2", "t-bin", "\xff"))
		if in.GetFillUsername() {
			grpc.SetHeader(ctx, metadata.Pairs("h", "1"))
			return &testgrpc.SimpleResponse{}, nil
		}
		st, _ := status.New(codes.Aborted, "no \xff luck").WithDetails(&errdetails.ErrorInfo{Reason: "R"})
		return nil, st.Err()
	}})
	p := s.dialMux(t)
	p.call(1, &bridgev1.Open{Method: unaryPath}, &testgrpc.SimpleRequest{FillUsername: true})
	headers := new(bridgev1.Headers)
	p.decode(p.expect(frameHeaders, 1), headers)
	if got := metadataOf(headers.GetMetadata()); strings.Join(got["h"], ",") != "1" || len(got) != 1 {
		t.Errorf("headers %v", got)
	}
	p.expect(frameData, 1)
	if got := metadataOf(p.expectEnd(1).GetMetadata()); strings.Join(got["t"], ",") != "1,2" || got["t-bin"][0] != "\xff" {
		t.Errorf("trailers %v", got)
	}

	p.call(3, &bridgev1.Open{Method: unaryPath}, &testgrpc.SimpleRequest{})
	end := p.expectEnd(3)
	if st := end.GetStatus(); st.GetCode() != int32(codes.Aborted) || st.GetMessage() != "no \uFFFD luck" || len(st.GetDetails()) != 1 {
		t.Errorf("status %v", st)
	}
	if got := metadataOf(end.GetMetadata()); strings.Join(got["t"], ",") != "1,2" {
		t.Errorf("trailers %v", got)
	}
}

// What the service says about a call that cannot begin.
func TestMuxRefusedCalls(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	for i, test := range []struct {
		open    *bridgev1.Open
		code    codes.Code
		message string
	}{
		{&bridgev1.Open{Method: "/a.B/C"}, codes.Unimplemented, "unknown service a.B"},
		{&bridgev1.Open{Method: "/grpc.testing.TestService/Nope"}, codes.Unimplemented, "unknown method Nope for service grpc.testing.TestService"},
		{&bridgev1.Open{Method: "nonsense"}, codes.Unimplemented, `malformed method name: "nonsense"`},
		{&bridgev1.Open{Method: unaryPath, Codec: "thrift"}, codes.Unimplemented, `unknown codec "thrift"`},
		{&bridgev1.Open{Method: unaryPath, Encoding: "br"}, codes.Unimplemented, `unknown encoding "br"`},
		{&bridgev1.Open{Method: unaryPath, Metadata: []*bridgev1.Metadatum{text("A", "b")}}, codes.InvalidArgument, `metadata: "A" is not a metadata key`},
		{&bridgev1.Open{Method: unaryPath, Metadata: []*bridgev1.Metadatum{text("a-bin", "b")}}, codes.InvalidArgument, "metadata.a-bin: not the value that the key's kind wants"},
		{&bridgev1.Open{Method: unaryPath, Metadata: []*bridgev1.Metadatum{text("a", "b\n")}}, codes.InvalidArgument, "metadata.a: not the value that the key's kind wants"},
		{&bridgev1.Open{Method: unaryPath, Metadata: []*bridgev1.Metadatum{text("a", strings.Repeat("x", 16<<10))}}, codes.ResourceExhausted, "metadata larger than max (16384 bytes)"},
		{&bridgev1.Open{Method: unaryPath, TimeoutNs: proto.Uint64(0)}, codes.DeadlineExceeded, "context deadline exceeded"},
	} {
		id := uint32(2*i + 1)
		p.call(id, test.open, &testgrpc.SimpleRequest{})
		if st := p.expectEnd(id).GetStatus(); st.GetCode() != int32(test.code) || st.GetMessage() != test.message {
			t.Errorf("%v: %v", test.open, st)
		}
	}
}

// Cardinality is checked as grpc-go does: one message in a call that takes one, no more and no less.
func TestMuxCardinality(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	p.openWith(1, &bridgev1.Open{Method: unaryPath})
	p.send(wireFrame{kind: frameEndSend, stream: 1})
	if st := p.expectEnd(1).GetStatus(); st.GetCode() != int32(codes.Internal) {
		t.Errorf("no message: %v", st)
	}
	p.openWith(3, &bridgev1.Open{Method: serverPath})
	p.send(wireFrame{kind: frameData, stream: 3}, wireFrame{kind: frameData, stream: 3})
	f := p.skipTo(frameEnd, 3)
	end := new(bridgev1.End)
	p.decode(f, end)
	if code := end.GetStatus().GetCode(); code != int32(codes.Internal) && code != 0 {
		t.Errorf("two messages: %v", end) // OK only if the service had returned before the second came
	}
	p.checkAlive(5)
}

// The deadline ends the call even while its handler is busy, and until the handler returns the call counts.
func TestMuxDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const timeout = time.Second
		release := make(chan struct{})
		s, shutdown := servePipes(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) != timeout {
				t.Errorf("deadline %v", deadline)
			}
			<-release
			return &testgrpc.SimpleResponse{}, nil
		}})
		defer shutdown()
		p := s.dialMux(t)
		defer p.conn.Close()
		start := time.Now()
		for id := uint32(1); id < 200; id += 2 {
			p.call(id, &bridgev1.Open{Method: unaryPath, TimeoutNs: proto.Uint64(uint64(timeout))}, &testgrpc.SimpleRequest{})
		}
		for range 100 {
			end := new(bridgev1.End)
			if f := p.next(); f.kind != frameEnd {
				t.Errorf("got %v", f)
			} else if p.decode(f, end); end.GetStatus().GetCode() != int32(codes.DeadlineExceeded) || time.Since(start) != timeout {
				t.Errorf("after %v end %v", time.Since(start), end)
			}
		}
		p.call(201, &bridgev1.Open{Method: emptyPath}, &testgrpc.Empty{})
		if f := p.next(); f.kind != frameReset || f.stream != 201 {
			t.Errorf("got %v", f)
		}
		close(release)
		synctest.Wait() // the handlers have returned
		p.checkAlive(203)
	})
}

// A deadline does not wait for credit.
func TestMuxDeadlineWithoutCredit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, &echoServer{output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
			for {
				if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, 10<<10)}}); err != nil {
					return err
				}
			}
		}})
		defer shutdown()
		p := s.dialMux(t)
		defer p.conn.Close()
		p.byHand = true
		for id := uint32(1); id < 41; id += 2 { // more than the connection's window: some wait for that, others for their own
			p.call(id, &bridgev1.Open{Method: serverPath, TimeoutNs: proto.Uint64(uint64(time.Second))}, &testgrpc.StreamingOutputCallRequest{})
		}
		for ended := 0; ended < 20; {
			if f := p.next(); f.kind == frameEnd {
				ended++
			}
		}
		if p.connCredit != 0 {
			t.Errorf("%d bytes of the connection's credit are unused", p.connCredit)
		}
	})
}

// RESET cancels the call, in Recv, in Send or elsewhere, and nothing more comes of its stream.
func TestMuxReset(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"recv", "send", "elsewhere"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			began, seen := make(chan struct{}), make(chan error, 1)
			s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
				close(began)
				var err error
				switch where {
				case "recv":
					_, err = stream.Recv()
				case "send":
					for err == nil {
						err = stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, 10<<10)}})
					}
				default:
					<-stream.Context().Done()
					err = stream.Context().Err()
				}
				seen <- err
				return err
			}})
			p := s.dialMux(t)
			p.byHand = true
			p.open(1, bidiPath)
			receive(t, began)
			p.send(wireFrame{frameReset, 0, 1, p.encode(&bridgev1.Reset{Code: int32(codes.NotFound)})})
			if err := receive(t, seen); status.FromContextError(err).Code() != codes.Canceled && status.Code(err) != codes.Canceled {
				t.Errorf("the service saw %v", err)
			}
			p.send(wireFrame{framePing, 0, 0, []byte("01234567")})
			for {
				f, err := p.read()
				if err != nil || f.kind == frameEnd {
					t.Fatalf("%v, %v", f, err)
				}
				if f.kind == framePong {
					break
				}
			}
			p.call(3, &bridgev1.Open{Method: emptyPath}, &testgrpc.Empty{})
			p.skipTo(frameEnd, 3)
		})
	}
}

// The service may end a call that the client still sends on; what crosses the end is dropped.
func TestMuxEndCrossesHalfClose(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		_, err := stream.Recv()
		return err
	}})
	p := s.dialMux(t)
	for id := uint32(1); id < 400; id += 2 {
		p.open(id, bidiPath)
		p.send(
			wireFrame{frameData, 0, id, []byte{}}, wireFrame{frameData, more, id, []byte{0x1a}},
			wireFrame{frameData, 0, id, []byte{0}}, wireFrame{kind: frameEndSend, stream: id},
		)
		if end := p.expectEnd(id); end.GetStatus().GetCode() != 0 {
			t.Fatalf("end %v", end)
		}
	}
	p.conn.Close()
	s.idle(t)
}

// A compressed request is undone, and the answer to it compressed where that helps.
func TestMuxGzip(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	p.openWith(1, &bridgev1.Open{Method: bidiPath, Encoding: "gzip"})
	body := strings.Repeat("again and ", 1000)
	short := gzipped(t, p.encode(echoOf(body)))
	p.send(wireFrame{frameData, compressed | more, 1, short[:5]}, wireFrame{frameData, 0, 1, short[5:]})
	p.expect(frameHeaders, 1)
	f := p.expect(frameData, 1)
	if f.flags != compressed || len(f.payload) > 1000 {
		t.Fatalf("answer %v", f)
	}
	r, err := gzip.NewReader(bytes.NewReader(f.payload))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(r)
	if err != nil || bodyOf(t, answer) != body {
		t.Errorf("answer of %d bytes, %v", len(answer), err)
	}
	p.send(wireFrame{frameData, endSend, 1, p.encode(echoOf("short"))}) // any message may be left as it is
	if f := p.expect(frameData, 1); f.flags != 0 || bodyOf(t, f.payload) != "short" {
		t.Errorf("answer %v", f)
	}
	p.expectEnd(1)
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var short bytes.Buffer
	w := gzip.NewWriter(&short)
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return short.Bytes()
}

func TestMuxMalformedMessages(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	for i, test := range []struct {
		open  *bridgev1.Open
		flags byte
		data  []byte
		code  codes.Code
	}{
		{&bridgev1.Open{Method: bidiPath}, 0, []byte{0xff}, codes.InvalidArgument},
		{&bridgev1.Open{Method: bidiPath}, compressed, gzipped(t, nil), codes.Internal},
		{&bridgev1.Open{Method: bidiPath, Encoding: "gzip"}, compressed, []byte("no gzip"), codes.Internal},
		{&bridgev1.Open{Method: bidiPath, Encoding: "gzip"}, compressed, gzipped(t, make([]byte, 1000))[:20], codes.Internal},
		{&bridgev1.Open{Method: bidiPath, Encoding: "gzip"}, compressed, gzipped(t, []byte{0xff}), codes.InvalidArgument},
	} {
		id := uint32(2*i + 1)
		p.openWith(id, test.open)
		p.send(wireFrame{frameData, test.flags, id, test.data})
		if st := p.expectEnd(id).GetStatus(); st.GetCode() != int32(test.code) {
			t.Errorf("%x: %v, want %v", test.data, st, test.code)
		}
	}
	p.checkAlive(21)
}

// JSON is a codec like any other, and so is one that the program has registered.
func TestMuxCodecs(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	p.openWith(1, &bridgev1.Open{Method: bidiPath, Codec: "json"})
	p.send(wireFrame{frameData, endSend, 1, []byte(`{"payload":{"body":"aGVsbG8="}}`)})
	p.expect(frameHeaders, 1)
	if f := p.expect(frameData, 1); string(f.payload) != `{"payload":{"body":"aGVsbG8="}}` {
		t.Errorf("answer %s", f.payload)
	}
	p.expectEnd(1)
	p.openWith(3, &bridgev1.Open{Method: bidiPath, Codec: reversed{}.Name()})
	message := p.encode(echoOf("hello"))
	p.send(wireFrame{frameData, endSend, 3, reverse(message)})
	p.expect(frameHeaders, 3)
	if f := p.expect(frameData, 3); bodyOf(t, reverse(f.payload)) != "hello" {
		t.Errorf("answer %q", f.payload)
	}
	p.expectEnd(3)
}

// A panic ends its call only.
func TestMuxPanic(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		panic("secret")
	}}).dialMux(t)
	p.open(1, bidiPath)
	p.call(3, &bridgev1.Open{Method: unaryPath}, &testgrpc.SimpleRequest{})
	if st := p.expectEnd(3).GetStatus(); st.GetCode() != int32(codes.Internal) || strings.Contains(st.GetMessage(), "secret") {
		t.Errorf("status %v", st)
	}
	p.send(wireFrame{kind: frameEndSend, stream: 1})
	p.expectEnd(1)
}

// The subprotocol belongs to the base path and the base path to the subprotocol; a token may come with it.
func TestMuxHandshake(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	s := serve(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		seen <- strings.Join(metadata.ValueFromIncomingContext(ctx, "authorization"), ",")
		return &testgrpc.SimpleResponse{}, nil
	}}, bridge.WithBasePath("/ws"))
	for _, test := range []struct {
		path         string
		subprotocols []string
		status       int
	}{
		{"/ws", nil, http.StatusBadRequest},
		{"/ws", []string{bridge.SubprotocolPlain}, http.StatusBadRequest},
		{"/ws", []string{bridge.SubprotocolMultiplexed, "rialto.bearer.?"}, http.StatusBadRequest},
	} {
		if got := s.refusedWith(t, test.path, test.subprotocols...); got != test.status {
			t.Errorf("%v: %d, want %d", test, got, test.status)
		}
	}
	c := s.dial(t, "/ws", "other", bridge.SubprotocolMultiplexed, "rialto.bearer.c2VjcmV0")
	p := &muxPeer{t: t, conn: c.conn, connCredit: 1 << 20, credit: map[uint32]int{}, granted: map[uint32]int{}}
	p.send(wireFrame{kind: frameSettings})
	p.expectSettings()
	p.call(1, &bridgev1.Open{Method: unaryPath}, &testgrpc.SimpleRequest{})
	p.skipTo(frameEnd, 1)
	if got := receive(t, seen); got != "Bearer secret" {
		t.Errorf("authorization %q", got)
	}
}

// refusedWith is the HTTP status that a handshake is refused with.
func (s *server) refusedWith(t testing.TB, path string, subprotocols ...string) int {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: subprotocols, HandshakeTimeout: patience}
	conn, response, err := dialer.Dial(s.url(path), nil)
	if err == nil {
		conn.Close()
		t.Fatalf("%s accepts %v", path, subprotocols)
	}
	if response == nil {
		t.Fatal(err)
	}
	return response.StatusCode
}
