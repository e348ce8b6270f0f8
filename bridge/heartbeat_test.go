package bridge_test

import (
	"context"
	"testing"
	"time"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// A client that answers pings is kept, idle or not.
func TestHeartbeatKeepsAnIdleCall(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{}, bridge.WithHeartbeat(80*time.Millisecond))
	c := s.dialRaw(t, bidiPath+"?encoding=json")
	for range 5 {
		first, payload := c.read()
		if first != flagFin|opPing {
			t.Fatalf("frame %#x %q, want a ping", first, payload)
		}
		c.send(rawFrame(flagFin|opPong, payload))
	}
	if stats := s.handler.Stats(); stats.Open != 1 || stats.Silent != 0 {
		t.Errorf("stats: %+v", stats)
	}
}

// A client that answers nothing is taken for lost, and its call is cancelled: waiting in Recv or busy elsewhere.
func TestHeartbeatEndsASilentCall(t *testing.T) {
	t.Parallel()
	for _, inRecv := range []bool{true, false} {
		seen := make(chan error, 1)
		s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			if inRecv {
				stream.Recv()
			}
			<-stream.Context().Done()
			seen <- stream.Context().Err()
			return nil
		}}, bridge.WithHeartbeat(10*time.Millisecond))
		s.dialRaw(t, bidiPath+"?encoding=json")
		if err := receive(t, seen); err != context.Canceled {
			t.Errorf("in Recv %v: the handler saw %v", inRecv, err)
		}
		if err := s.handler.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		if stats := s.handler.Stats(); stats.Silent != 1 || stats.Open != 0 {
			t.Errorf("in Recv %v: stats: %+v", inRecv, stats)
		}
	}
}

// A bidi handler that is out of Recv notices a cancel within a heartbeat.
func TestBusyHandlerNoticesCancel(t *testing.T) {
	t.Parallel()
	seen := make(chan error, 1)
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		<-stream.Context().Done()
		seen <- stream.Context().Err()
		return nil
	}}, bridge.WithHeartbeat(20*time.Millisecond))
	c := s.dial(t, bidiPath+"?encoding=json")
	c.conn.Close()
	if err := receive(t, seen); err != context.Canceled {
		t.Errorf("the handler saw %v", err)
	}
}

// What is read while a handler is busy waits for it, in order.
func TestFramesReadAheadAreNotLost(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		<-proceed
		return (&echoServer{}).FullDuplexCall(stream)
	}}, bridge.WithHeartbeat(50*time.Millisecond))
	c := s.dialRaw(t, bidiPath+"?encoding=json")
	for range 3 { // by now somebody else reads the socket
		first, payload := c.read()
		if first != flagFin|opPing {
			t.Fatalf("frame %#x, want a ping", first)
		}
		c.send(rawFrame(flagFin|opPong, payload))
	}
	bodies := []string{`{"payload":{"body":"YQ=="}}`, `{"payload":{"body":"Yg=="}}`, `{"payload":{"body":"Yw=="}}`}
	for _, body := range bodies {
		c.send(rawFrame(flagFin|opText, []byte(body)))
	}
	c.send(rawFrame(flagFin|opText, nil))
	close(proceed)
	next := func() (byte, []byte) {
		for {
			first, payload := c.read()
			if first != flagFin|opPing {
				return first, payload
			}
			c.send(rawFrame(flagFin|opPong, payload))
		}
	}
	for _, want := range bodies {
		if first, got := next(); first != flagFin|opText || string(got) != want {
			t.Errorf("frame %#x %q, want %s", first, got, want)
		}
	}
	if first, _ := next(); first != flagFin|opClose {
		t.Errorf("frame %#x, want the close", first)
	}
}
