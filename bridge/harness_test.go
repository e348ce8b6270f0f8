package bridge_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// The methods of grpc-go's test service, one of each kind.
const (
	unaryPath  = "/grpc.testing.TestService/UnaryCall"
	clientPath = "/grpc.testing.TestService/StreamingInputCall"
	serverPath = "/grpc.testing.TestService/StreamingOutputCall"
	bidiPath   = "/grpc.testing.TestService/FullDuplexCall"
	emptyPath  = "/grpc.testing.TestService/EmptyCall"
)

// patience is how long a test waits for what must happen; never reached when all is well, however busy the machine is.
const patience = time.Minute

// echoServer is an echo for every kind of call. A test replaces what it wants to see differently.
type echoServer struct {
	testgrpc.UnimplementedTestServiceServer
	unary    func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error)
	input    func(testgrpc.TestService_StreamingInputCallServer) error
	output   func(*testgrpc.StreamingOutputCallRequest, testgrpc.TestService_StreamingOutputCallServer) error
	fullBidi func(testgrpc.TestService_FullDuplexCallServer) error
}

func (s *echoServer) EmptyCall(context.Context, *testgrpc.Empty) (*testgrpc.Empty, error) {
	return &testgrpc.Empty{}, nil
}

func (s *echoServer) UnaryCall(ctx context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	if s.unary != nil {
		return s.unary(ctx, in)
	}
	return &testgrpc.SimpleResponse{Payload: in.GetPayload()}, nil
}

// StreamingInputCall answers with the sum of the payloads' sizes.
func (s *echoServer) StreamingInputCall(stream testgrpc.TestService_StreamingInputCallServer) error {
	if s.input != nil {
		return s.input(stream)
	}
	sum := 0
	for {
		in, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(&testgrpc.StreamingInputCallResponse{AggregatedPayloadSize: int32(sum)})
		}
		if err != nil {
			return err
		}
		sum += len(in.GetPayload().GetBody())
	}
}

// StreamingOutputCall answers with the payload once for each of the response parameters.
func (s *echoServer) StreamingOutputCall(
	in *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer,
) error {
	if s.output != nil {
		return s.output(in, stream)
	}
	for range in.GetResponseParameters() {
		if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: in.GetPayload()}); err != nil {
			return err
		}
	}
	return nil
}

// FullDuplexCall echoes every payload until the half-close.
func (s *echoServer) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	if s.fullBidi != nil {
		return s.fullBidi(stream)
	}
	for {
		in, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: in.GetPayload()}); err != nil {
			return err
		}
	}
}

// server is a bridge that serves an echoServer on a loopback port.
type server struct {
	handler *bridge.Handler
	http    *httptest.Server
}

// serve starts a server and ends it, drained, with the test.
func serve(t testing.TB, echo *echoServer, opts ...bridge.HandlerOption) *server {
	t.Helper()
	h, err := bridge.NewHandler(opts...)
	if err != nil {
		t.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, echo)
	return serveHandler(t, h)
}

func serveHandler(t testing.TB, h *bridge.Handler) *server {
	s := &server{handler: h, http: httptest.NewServer(h)}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			h.Drain(ctx)
		}()
		select {
		case <-drained:
		case <-time.After(patience): // a failed test may leave its service waiting for what will not come
			t.Errorf("calls are left:\n%s", stacks())
		}
		s.http.Close()
	})
	return s
}

func (s *server) url(path string) string { return "ws" + strings.TrimPrefix(s.http.URL, "http") + path }

// client is a WebSocket client that speaks frames, not gRPC.
type client struct {
	t    testing.TB
	conn *websocket.Conn
}

// dial opens a socket; header may be nil.
func (s *server) dial(t testing.TB, path string, subprotocols ...string) *client {
	t.Helper()
	return s.dialHeader(t, path, nil, subprotocols...)
}

func (s *server) dialHeader(t testing.TB, path string, header http.Header, subprotocols ...string) *client {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: subprotocols, HandshakeTimeout: patience}
	conn, response, err := dialer.Dial(s.url(path), header)
	if err != nil {
		t.Fatalf("dial %s: %v (%v)", path, err, response)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(patience))
	return &client{t, conn}
}

func (c *client) sendText(text string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) sendBinary(data []byte) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.BinaryMessage, data); err != nil {
		c.t.Fatal(err)
	}
}

// expectText reads one frame, which must be this text.
func (c *client) expectText(want string) {
	c.t.Helper()
	kind, data, err := c.conn.ReadMessage()
	if err != nil {
		c.t.Fatalf("want %s: %v", want, err)
	}
	if kind != websocket.TextMessage || string(data) != want {
		c.t.Fatalf("frame of type %d %q, want text %q", kind, data, want)
	}
}

// expectClose reads up to the close frame, which must come next and have this code, and returns its reason.
func (c *client) expectClose(code int) string {
	c.t.Helper()
	kind, data, err := c.conn.ReadMessage()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		c.t.Fatalf("frame of type %d %q, error %v; want close %d", kind, data, err, code)
	}
	if closed.Code != code {
		c.t.Fatalf("close %d %q, want %d", closed.Code, closed.Text, code)
	}
	return closed.Text
}

// skipToClose is expectClose after any number of messages.
func (c *client) skipToClose(code int) string {
	c.t.Helper()
	for {
		if _, _, err := c.conn.NextReader(); err != nil {
			return c.expectClose(code) // the error stays
		}
	}
}

// receive waits for a value of a channel.
func receive[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// waitUntil waits for a state that is about to be reached.
func waitUntil(t testing.TB, reached func() bool) {
	t.Helper()
	for start := time.Now(); !reached(); time.Sleep(time.Millisecond) { // what is waited for needs the processor more
		if time.Since(start) > patience {
			t.Fatal("never reached")
		}
	}
}

// isReset reports whether a connection was reset: the peer closed it while we were still sending.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
