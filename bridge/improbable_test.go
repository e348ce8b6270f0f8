package bridge_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
)

// grpcWebHeader is what clients of improbable's begin with.
const grpcWebHeader = "content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n"

// improbableClient speaks frames of grpc-websockets.
type improbableClient struct {
	*client
	body bytes.Buffer // of the answer, as far as it is not read
}

func (s *server) dialImprobable(t testing.TB, path string) *improbableClient {
	t.Helper()
	c := s.dial(t, path, bridge.SubprotocolImprobable)
	if got := c.conn.Subprotocol(); got != bridge.SubprotocolImprobable {
		t.Fatalf("subprotocol %q", got)
	}
	return &improbableClient{client: c}
}

// beginImprobable opens a socket and sends the metadata, with more lines.
func (s *server) beginImprobable(t testing.TB, path string, more ...string) *improbableClient {
	t.Helper()
	c := s.dialImprobable(t, path)
	c.sendBinary([]byte(grpcWebHeader + strings.Join(more, "\r\n")))
	return c
}

// grpcPart is a part of a body: a message, for kind 0.
func grpcPart(kind byte, data []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(data))), data...)
}

func (c *improbableClient) sendMessage(m proto.Message) {
	c.t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sendPiece(grpcPart(0, data))
}

func (c *improbableClient) sendPiece(piece []byte) {
	c.t.Helper()
	c.sendBinary(append([]byte{0}, piece...))
}

func (c *improbableClient) halfClose() {
	c.t.Helper()
	c.sendBinary([]byte{1})
}

// part returns the next part of the answer.
func (c *improbableClient) part() (kind byte, data []byte) {
	c.t.Helper()
	for {
		if b := c.body.Bytes(); len(b) >= 5 {
			if n := int(binary.BigEndian.Uint32(b[1:])); len(b) >= 5+n {
				part := slices.Clone(c.body.Next(5 + n))
				return part[0], part[5:]
			}
		}
		kind, data, err := c.conn.ReadMessage()
		if err != nil || kind != websocket.BinaryMessage {
			c.t.Fatalf("frame of type %d %q, %v; want more of the body", kind, data, err)
		}
		c.body.Write(data)
	}
}

// block returns a part that is headers or trailers.
func (c *improbableClient) block() http.Header {
	c.t.Helper()
	kind, data := c.part()
	if kind != 0x80 {
		c.t.Fatalf("part of kind %#x %q, want metadata", kind, data)
	}
	header := http.Header{}
	for line := range strings.SplitSeq(string(data), "\r\n") {
		if key, value, ok := strings.Cut(line, ": "); ok {
			header.Add(key, value)
		}
	}
	return header
}

func (c *improbableClient) expectMessage(m proto.Message) {
	c.t.Helper()
	kind, data := c.part()
	if kind != 0 {
		c.t.Fatalf("part of kind %#x %q, want a message", kind, data)
	}
	if err := proto.Unmarshal(data, m); err != nil {
		c.t.Fatal(err)
	}
}

// expectTrailers reads the trailers with this status and the close frame, which is 1000 whatever the status.
func (c *improbableClient) expectTrailers(code codes.Code) http.Header {
	c.t.Helper()
	trailers := c.block()
	if got := trailers.Get("grpc-status"); got != strconv.Itoa(int(code)) {
		c.t.Fatalf("trailers %v, want status %d", trailers, code)
	}
	c.expectClose(1000)
	return trailers
}

// eachSide runs a test with each thing that can be behind a bridge: a service in process, and an upstream.
func eachSide(t *testing.T, echo *echoServer, test func(*testing.T, *server), opts ...bridge.HandlerOption) {
	t.Run("in process", func(t *testing.T) {
		t.Parallel()
		test(t, serve(t, echo, opts...))
	})
	t.Run("upstream", func(t *testing.T) {
		t.Parallel()
		test(t, frontEcho(t, echo, opts...))
	})
}

func TestImprobableFourKindsOfCall(t *testing.T) {
	t.Parallel()
	eachSide(t, &echoServer{}, func(t *testing.T, s *server) {
		t.Run("unary", func(t *testing.T) {
			c := s.beginImprobable(t, unaryPath)
			c.sendMessage(&testgrpc.SimpleRequest{Payload: payload("one")})
			c.halfClose()
			c.block()
			var out testgrpc.SimpleResponse
			c.expectMessage(&out)
			if got := string(out.GetPayload().GetBody()); got != "one" {
				t.Errorf("reply %q", got)
			}
			c.expectTrailers(codes.OK)
		})
		t.Run("server streaming", func(t *testing.T) {
			c := s.beginImprobable(t, serverPath)
			c.sendMessage(&testgrpc.StreamingOutputCallRequest{
				Payload: payload("many"), ResponseParameters: make([]*testgrpc.ResponseParameters, 3),
			})
			c.halfClose()
			c.block()
			for range 3 {
				var out testgrpc.StreamingOutputCallResponse
				c.expectMessage(&out)
				if got := string(out.GetPayload().GetBody()); got != "many" {
					t.Errorf("reply %q", got)
				}
			}
			c.expectTrailers(codes.OK)
		})
		t.Run("client streaming", func(t *testing.T) {
			c := s.beginImprobable(t, clientPath)
			for _, body := range []string{"a", "bc", ""} {
				c.sendMessage(&testgrpc.StreamingInputCallRequest{Payload: payload(body)})
			}
			c.halfClose()
			c.block()
			var out testgrpc.StreamingInputCallResponse
			c.expectMessage(&out)
			if got := out.GetAggregatedPayloadSize(); got != 3 {
				t.Errorf("sum %d", got)
			}
			c.expectTrailers(codes.OK)
		})
		t.Run("bidi", func(t *testing.T) {
			c := s.beginImprobable(t, bidiPath)
			for i, body := range []string{"a", "b", ""} {
				c.sendMessage(echoOf(body))
				if i == 0 {
					c.block()
				}
				var out testgrpc.StreamingOutputCallResponse
				c.expectMessage(&out)
				if got := string(out.GetPayload().GetBody()); got != body {
					t.Errorf("reply %q, want %q", got, body)
				}
			}
			c.halfClose()
			c.expectTrailers(codes.OK)
		})
	})
}

// Frames of a socket and messages of gRPC have nothing to do with one another: improbable's server takes them in any pieces.
func TestImprobablePieces(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	var body []byte
	for _, text := range []string{"one", "", "three"} {
		data, _ := proto.Marshal(echoOf(text))
		body = append(body, grpcPart(0, data)...)
	}
	for _, size := range []int{1, 4, 7, len(body)} {
		c := s.beginImprobable(t, bidiPath)
		for piece := range slices.Chunk(body, size) {
			c.sendPiece(piece)
		}
		c.sendPiece(nil)
		c.halfClose()
		c.block()
		for _, want := range []string{"one", "", "three"} {
			var out testgrpc.StreamingOutputCallResponse
			c.expectMessage(&out)
			if got := string(out.GetPayload().GetBody()); got != want {
				t.Errorf("pieces of %d: reply %q, want %q", size, got, want)
			}
		}
		c.expectTrailers(codes.OK)
	}
}

func TestImprobableMetadataAndStatus(t *testing.T) {
	t.Parallel()
	arrived := make(chan metadata.MD, 2)
	deadlines := make(chan bool, 2)
	eachSide(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		arrived <- md
		_, ok := ctx.Deadline()
		deadlines <- ok
		grpc.SetHeader(ctx, metadata.Pairs("x-head", "a", "x-head", "b", "raw-bin", "\x00\xff"))
		grpc.SetTrailer(ctx, metadata.Pairs("x-tail", "z"))
		st, _ := status.New(codes.FailedPrecondition, "100% zu spät").WithDetails(&errdetails.ErrorInfo{Reason: "SHUT"})
		return nil, st.Err()
	}}, func(t *testing.T, s *server) {
		c := s.beginImprobable(t, unaryPath, "X-App: one", "x-app: two", "key-bin: AAE=, AgM", "grpc-timeout: 1M",
			"Authorization: Bearer t", "cookie: a=b", "x-forwarded-for: 10.0.0.1", "")
		c.sendMessage(&testgrpc.SimpleRequest{})
		c.halfClose()
		md := receive(t, arrived)
		for key, want := range map[string][]string{
			"x-app": {"one", "two"}, "key-bin": {"\x00\x01", "\x02\x03"}, "authorization": {"Bearer t"}, "cookie": nil,
			"x-forwarded-for": nil, "x-grpc-web": nil, "content-type": {"application/grpc+proto"},
		} {
			if got := md[key]; !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", key, got, want)
			}
		}
		if !receive(t, deadlines) {
			t.Error("no deadline")
		}
		header := c.block()
		if got := header.Values("x-head"); !slices.Equal(got, []string{"a", "b"}) || header.Get("raw-bin") != "AP8=" {
			t.Errorf("header %v", header)
		}
		trailers := c.expectTrailers(codes.FailedPrecondition)
		if trailers.Get("grpc-message") != "100%25 zu sp%C3%A4t" || trailers.Get("x-tail") != "z" {
			t.Errorf("trailers %v", trailers)
		}
		details, err := base64.StdEncoding.DecodeString(trailers.Get("grpc-status-details-bin"))
		var st rpcstatus.Status
		if err := errors.Join(err, proto.Unmarshal(details, &st)); err != nil || len(st.GetDetails()) != 1 {
			t.Errorf("details %v, %v", &st, err)
		}
	})
}

// What ends a call ends it with a status in the trailers, never with a bare close; a broken protocol with a close code.
func TestImprobableEnds(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{input: func(stream testgrpc.TestService_StreamingInputCallServer) error {
		for {
			if _, err := stream.Recv(); err != nil {
				<-stream.Context().Done()
				return err
			}
		}
	}}, bridge.WithMaxRecvMsgSize(64), bridge.WithMaxMetadataBytes(256))
	whole := grpcPart(0, nil)
	for name, tt := range map[string]struct {
		path    string
		frames  []string
		code    codes.Code
		message string
	}{
		"unknown service":   {"/no.Such/Method", nil, codes.Unimplemented, "unknown service no.Such"},
		"content type":      {unaryPath, []string{"content-type: text/html\r\n"}, codes.Unimplemented, `unknown content type "text/html"`},
		"no colon":          {unaryPath, []string{"nothing"}, codes.InvalidArgument, "malformed metadata: a line without a colon"},
		"bad timeout":       {unaryPath, []string{"grpc-timeout: soon"}, codes.InvalidArgument, "grpc-timeout: not a timeout"},
		"metadata too long": {unaryPath, []string{"x-a: " + strings.Repeat("a", 300)}, codes.ResourceExhausted, ""},
		"metadata over":     {unaryPath, []string{strings.Repeat("a: b\n", 20)}, codes.ResourceExhausted, ""},
		"message too large": {unaryPath, []string{"", "\x00\x00\x00\x00\x00\x41"}, codes.ResourceExhausted, "received message larger than max (64 bytes)"},
		"frame too large":   {unaryPath, []string{"", strings.Repeat("\x00", 80)}, codes.ResourceExhausted, ""},
		"compressed":        {unaryPath, []string{"", "\x00\x01\x00\x00\x00\x00"}, codes.Unimplemented, "compressed messages are not taken here"},
		"unknown part":      {unaryPath, []string{"", "\x00\x80\x00\x00\x00\x00"}, codes.Internal, "malformed message in a gRPC-Web body"},
		"truncated":         {bidiPath, []string{"", "\x00\x00\x00", "\x01"}, codes.Internal, "the half-close came within a message"},
		"no message":        {unaryPath, []string{"", "\x01"}, codes.Internal, ""},
		"two in one frame":  {unaryPath, []string{"", "\x00" + string(whole) + string(whole)}, codes.Internal, ""},
		"not protobuf":      {unaryPath, []string{"", "\x00\x00\x00\x00\x00\x01\xff", "\x01"}, codes.InvalidArgument, "malformed protobuf message"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dialImprobable(t, tt.path)
			for _, frame := range tt.frames {
				c.sendBinary([]byte(frame))
			}
			c.block()
			trailers := c.expectTrailers(tt.code)
			if tt.message != "" && trailers.Get("grpc-message") != strings.ReplaceAll(tt.message, "%", "%25") {
				t.Errorf("message %q", trailers.Get("grpc-message"))
			}
		})
	}
	for name, tt := range map[string]struct {
		frames []string
		text   bool
		code   int
	}{
		"unknown frame":        {[]string{"", "\x02"}, false, 4400},
		"empty frame":          {[]string{"", ""}, false, 4400},
		"long half-close":      {[]string{"", "\x01\x01"}, false, 4400},
		"after the half-close": {[]string{"", "\x01", "\x01"}, false, 4400},
		"text":                 {[]string{""}, true, 4415},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dialImprobable(t, clientPath)
			for _, frame := range tt.frames {
				c.sendBinary([]byte(frame))
			}
			if tt.text {
				c.sendText("{}")
			}
			c.skipToClose(tt.code)
		})
	}
}

// A client that closes the socket cancels the call, also one whose messages have all come.
func TestImprobableCancel(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, *echoServer, ...bridge.HandlerOption) *server{
		"in process": serve, "upstream": frontEcho,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun, cancelled := make(chan struct{}, 1), make(chan error, 1)
			wait := func(ctx context.Context) error {
				begun <- struct{}{}
				<-ctx.Done()
				cancelled <- ctx.Err()
				return ctx.Err()
			}
			s := start(t, &echoServer{
				unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
					return nil, wait(ctx)
				},
				fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
					if _, err := stream.Recv(); err != nil {
						return err
					}
					go stream.Recv() // sees the end
					return wait(stream.Context())
				},
			})
			for _, path := range []string{unaryPath, bidiPath} {
				c := s.beginImprobable(t, path)
				c.sendMessage(&testgrpc.SimpleRequest{})
				if path == unaryPath {
					c.halfClose()
				}
				receive(t, begun)
				c.conn.Close()
				if err := receive(t, cancelled); err != context.Canceled {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
}

func TestImprobableDeadline(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		<-stream.Context().Done()
		return stream.Context().Err()
	}})
	c := s.beginImprobable(t, bidiPath, "grpc-timeout: 50m")
	c.block()
	c.expectTrailers(codes.DeadlineExceeded)
}

// A socket without a first frame is not waited for.
func TestImprobableFirstFrameTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, &echoServer{}, bridge.WithFirstFrameTimeout(10*time.Second))
		defer shutdown()
		start := time.Now()
		c := s.dialPlain(t, clientPath, bridge.SubprotocolImprobable)
		c.expectClose(4408)
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("closed after %v", took)
		}
		c.conn.Close()
	})
}

// The server pings by itself, which improbable's does not unless told to; a drained call gets its status.
func TestImprobablePingsAndDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			<-stream.Context().Done()
			return stream.Context().Err()
		}})
		defer shutdown()
		c := &improbableClient{client: s.dialPlain(t, bidiPath, bridge.SubprotocolImprobable)}
		defer c.conn.Close()
		pings := 0
		c.conn.SetPingHandler(func(string) error {
			pings++
			return c.conn.WriteControl(websocket.PongMessage, nil, time.Time{})
		})
		c.sendBinary([]byte(grpcWebHeader))
		drained := make(chan error, 1)
		go func() {
			time.Sleep(time.Hour)
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			drained <- s.handler.Drain(ctx)
		}()
		c.block()
		c.expectTrailers(codes.Unavailable)
		<-drained
		if stats := s.handler.Stats(); pings < 100 || stats.Silent != 0 {
			t.Errorf("%d pings in an hour; %+v", pings, stats)
		}
	})
}

// Pages are admitted by the same rules, and a client may offer other subprotocols too.
func TestImprobableHandshake(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	dialer := websocket.Dialer{Subprotocols: []string{"other", bridge.SubprotocolImprobable}, HandshakeTimeout: patience}
	_, response, err := dialer.Dial(s.url(unaryPath), http.Header{"Origin": {"https://evil.example"}})
	if err == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("another page: %v", response)
	}
	conn, _, err := dialer.Dial(s.url(unaryPath+"?encoding=json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.Subprotocol(); got != bridge.SubprotocolImprobable {
		t.Errorf("subprotocol %q", got)
	}
}

// JSON in the body, for the few clients that have it.
func TestImprobableJSON(t *testing.T) {
	t.Parallel()
	eachSide(t, &echoServer{}, func(t *testing.T, s *server) {
		c := s.dialImprobable(t, unaryPath)
		c.sendBinary([]byte("content-type: application/grpc-web+json\r\n"))
		c.sendPiece(grpcPart(0, []byte(`{"payload":{"body":"aGVsbG8="}}`)))
		c.halfClose()
		if got := c.block().Get("content-type"); got != "application/grpc-web+json" {
			t.Errorf("content type %q", got)
		}
		if _, data := c.part(); string(data) != `{"payload":{"body":"aGVsbG8="}}` {
			t.Errorf("answer %q", data)
		}
		c.expectTrailers(codes.OK)
	})
}
