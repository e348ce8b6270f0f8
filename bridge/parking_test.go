package bridge_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// quietClient answers heartbeats, and passes on what else comes.
type quietClient struct {
	*client
	messages chan string
	closed   chan error
}

func (s *server) dialQuiet(t *testing.T) *quietClient {
	t.Helper()
	c := &quietClient{s.dial(t, bidiPath+"?encoding=json"), make(chan string, 1), make(chan error, 1)}
	c.conn.SetReadDeadline(time.Time{}) // a test waits for one thing at a time, and for all together it may take long
	go func() {                         // ends with the socket, which ends with the test
		for {
			_, data, err := c.conn.ReadMessage()
			if err != nil {
				c.closed <- err
				return
			}
			c.messages <- string(data)
		}
	}()
	return c
}

func (c *quietClient) echo(body string) {
	c.t.Helper()
	c.sendJSON(echoOf(body))
	if got := receive(c.t, c.messages); !strings.Contains(got, "payload") {
		c.t.Errorf("got %s", got)
	}
}

// waitsFor counts the goroutines that wait for plain calls and multiplexed connections.
func waitsFor() int {
	return strings.Count(stacks(), ".(*plainCall).") + strings.Count(stacks(), ".(*muxServer).")
}

// Calls that have detached and connections need no goroutine while they are quiet, and nothing that happens to them then is
// missed: messages, interruptions, the client's leaving, deadlines and the server's.
func TestQuietSocketsNeedNoGoroutine(t *testing.T) { // not parallel: it counts goroutines
	if runtime.GOOS != "linux" {
		t.Skip("there is one for each socket; see parkingLot")
	}
	ends, interrupts := make(chan error, 10), make(chan func(), 20)
	s := serve(t, detachingServer(func(stream bidiCall, in *testgrpc.StreamingOutputCallRequest) error {
		transport := grpc.ServerTransportStreamFromContext(stream.Context()).(interface{ RecvInterrupter() func() })
		interrupts <- transport.RecvInterrupter()
		return echoTo(stream, in)
	}), bridge.WithDetachedCalls(), endsTo(ends), bridge.WithHeartbeat(400*time.Millisecond))
	var sockets []*quietClient
	for range 5 {
		sockets = append(sockets, s.dialQuiet(t))
	}
	cc, err := bridge.Dial(s.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := testgrpc.NewTestServiceClient(cc).FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rest := func() { waitUntil(t, func() bool { return waitsFor() == 0 }) }
	var interrupt func()
	for round := range 3 {
		for _, c := range sockets {
			c.echo(fmt.Sprint("round ", round))
			interrupt = receive(t, interrupts)
		}
		if err := stream.Send(echoOf("")); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		receive(t, interrupts)
		rest()
	}

	interrupt() // of the last socket
	wantClose(t, sockets[4].closed, codes.Canceled)
	wantEnd(t, ends, codes.Canceled)
	sockets[3].conn.Close()
	wantEnd(t, ends, codes.Canceled)
	sockets[2].conn.NetConn().(interface{ CloseWrite() error }).CloseWrite()
	wantEnd(t, ends, codes.Canceled)
	cc.Close()
	wantEnd(t, ends, codes.Canceled)
	rest()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.handler.Drain(ctx)
	wantClose(t, sockets[0].closed, codes.Unavailable)
	wantEnd(t, ends, codes.Canceled)
	wantEnd(t, ends, codes.Canceled)
	if open := s.handler.Stats().Open; open != 0 {
		t.Errorf("%d sockets are open", open)
	}
	if strings.Contains(stacks(), "parkingLot") {
		t.Errorf("what waits for all outlives them:\n%s", stacks())
	}
}

func wantClose(t *testing.T, closed <-chan error, code codes.Code) {
	t.Helper()
	if err := receive(t, closed); !websocket.IsCloseError(err, 4000+int(code)) {
		t.Errorf("closed with %v, want %v", err, code)
	}
}

// A socket whose handler is busy at a heartbeat, so that somebody else reads, needs no goroutine either when it is quiet again.
func TestSocketRestsAfterItWasBusy(t *testing.T) { // not parallel: it counts goroutines
	if runtime.GOOS != "linux" {
		t.Skip("there is one for each socket; see parkingLot")
	}
	s := serve(t, detachingServer(func(stream bidiCall, in *testgrpc.StreamingOutputCallRequest) error {
		waitUntil(t, func() bool { return strings.Contains(stacks(), "watchAhead") })
		return echoTo(stream, in)
	}), bridge.WithDetachedCalls(), bridge.WithHeartbeat(400*time.Millisecond))
	c := s.dialQuiet(t)
	for range 2 {
		c.echo("hello")
		waitUntil(t, func() bool { return waitsFor() == 0 })
	}
}

// A client that is gone is found although nobody waits for it.
func TestSilentSocketIsFoundWhileItRests(t *testing.T) {
	ends := make(chan error, 1)
	s := serve(t, detachingServer(echoTo), bridge.WithDetachedCalls(), endsTo(ends), bridge.WithHeartbeat(400*time.Millisecond))
	c := s.dial(t, bidiPath+"?encoding=json")
	c.conn.WriteControl(websocket.PongMessage, nil, time.Now().Add(patience)) // and no more: nobody reads
	wantEnd(t, ends, codes.Canceled)
	if stats := s.handler.Stats(); stats.Silent != 1 {
		t.Errorf("stats: %+v", stats)
	}
}
