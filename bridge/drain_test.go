package bridge_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// While draining no socket is opened, sockets without a call are sent away, calls may end by themselves.
func TestDrainLetsCallsEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	running := s.dial(t, bidiPath)
	running.sendText("{}")
	running.expectText("{}")
	idle := s.dial(t, bidiPath)
	drained := make(chan error, 1)
	go func() { drained <- s.handler.Drain(context.Background()) }()

	if reason := idle.expectClose(4014); reason != "the server is going away" {
		t.Errorf("reason %q", reason)
	}
	_, response, err := websocket.DefaultDialer.Dial(s.url(bidiPath), nil)
	if err == nil || response == nil || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("while draining: %v, %v", response, err)
	}
	running.sendText("{}")
	running.expectText("{}")
	select {
	case err := <-drained:
		t.Fatalf("Drain returned %v while a call runs", err)
	default:
	}
	running.sendText("")
	running.expectClose(1000)
	if err := receive(t, drained); err != nil {
		t.Errorf("Drain: %v", err)
	}
	if stats := s.handler.Stats(); stats.Open != 0 {
		t.Errorf("stats: %+v", stats)
	}
}

// When its context ends, Drain ends the calls that are left: their clients learn it, their handlers are cancelled.
func TestDrainEndsWhatIsLeft(t *testing.T) {
	t.Parallel()
	seen := make(chan error, 2)
	entered := make(chan struct{})
	s := serve(t, &echoServer{
		fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			stream.Send(&testgrpc.StreamingOutputCallResponse{})
			_, err := stream.Recv()
			seen <- stream.Context().Err()
			return err
		},
		unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			close(entered)
			<-ctx.Done()
			seen <- ctx.Err()
			return &testgrpc.SimpleResponse{}, nil
		},
	})
	bidi := s.dial(t, bidiPath+"?encoding=json", bridge.SubprotocolPlain)
	bidi.expectText(`{"@headers":{}}`)
	bidi.expectText("{}")
	unary := s.dial(t, unaryPath)
	unary.sendText("{}")
	receive(t, entered)

	ctx, cancel := context.WithCancel(context.Background())
	drained := make(chan error, 1)
	go func() { drained <- s.handler.Drain(ctx) }()
	cancel()
	bidi.expectText(`{"@end":{"status":{"code":14,"message":"the server is going away"},"trailers":{}}}`)
	bidi.expectClose(4014)
	unary.expectClose(4014)
	for range 2 {
		if err := receive(t, seen); err != context.Canceled {
			t.Errorf("a handler saw %v", err)
		}
	}
	if err := receive(t, drained); err != context.Canceled {
		t.Errorf("Drain: %v", err)
	}
}

// A call that has ended, but waits to say so to a peer that takes nothing, holds up Drain no longer than others do. (It waits for
// a lock, so no fake clock could go on.)
func TestDrainCutsOffWhatIsEnding(t *testing.T) {
	t.Parallel()
	sending, sender := make(chan struct{}), make(chan struct{})
	s, shutdown := servePipes(t, &echoServer{
		fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			go func() {
				defer close(sender)
				stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, 1<<20)}})
			}()
			<-sending
			return nil
		},
	}, bridge.WithWriteTimeout(time.Hour))
	defer shutdown()
	c := s.dialRaw(t, bidiPath+"?encoding=proto")
	if _, err := c.r.ReadByte(); err != nil { // and no more
		t.Error(err)
	}
	close(sending)
	waitUntil(t, func() bool { return strings.Contains(stacks(), "(*plainCall).endWith(") })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.handler.Drain(ctx) }()
	if err := receive(t, drained); err != context.Canceled {
		t.Errorf("Drain: %v", err)
	}
	receive(t, sender)
}

// An idle call whose handler waits in Recv is one goroutine.
func TestIdleCallIsOneGoroutine(t *testing.T) {
	const calls = 50
	s := serve(t, &echoServer{})
	for range calls {
		c := s.dial(t, bidiPath)
		c.sendText("{}")
		c.expectText("{}")
	}
	waitUntil(t, func() bool { return !strings.Contains(stacks(), "net/http.(*conn).serve") }) // they are about to return
	if got := strings.Count(stacks(), "created by github.com/rialto-rpc/rialto/bridge"); got != calls {
		t.Errorf("%d goroutines for %d calls", got, calls)
	}
}

// stacks are those of all goroutines.
func stacks() string {
	for buf := make([]byte, 4<<20); ; buf = make([]byte, 2*len(buf)) {
		if n := runtime.Stack(buf, true); n < len(buf) {
			return string(buf[:n])
		}
	}
}
