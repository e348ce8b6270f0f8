package bridge_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// A client that answers pings is kept, idle or not.
func TestHeartbeatKeepsAnIdleCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, &echoServer{})
		defer shutdown()
		c := s.dialRaw(t, bidiPath+"?encoding=json")
		defer c.conn.Close()
		for start := time.Now(); time.Since(start) < time.Hour; {
			first, payload := c.read()
			if first != flagFin|opPing {
				t.Fatalf("frame %#x %q, want a ping", first, payload)
			}
			c.send(rawFrame(flagFin|opPong, payload))
		}
		if stats := s.handler.Stats(); stats.Open != 1 || stats.Silent != 0 {
			t.Errorf("stats: %+v", stats)
		}
	})
}

// swallow takes all that the server sends and answers nothing, as a cut cable behind a proxy does. It ends with conn.
func swallow(conn io.Reader) { io.Copy(io.Discard, conn) }

// checkSilence checks for how many heartbeats a peer was silent before it was found.
func checkSilence(t *testing.T, silent, heartbeat time.Duration, least, most int) {
	t.Helper()
	if silent < time.Duration(least)*heartbeat || silent > time.Duration(most)*heartbeat {
		t.Errorf("found after %v of silence, with a heartbeat of %v", silent, heartbeat)
	}
}

// A client that answers nothing is taken for lost, and its call is cancelled: waiting in Recv or busy elsewhere.
func TestHeartbeatEndsASilentCall(t *testing.T) {
	t.Parallel()
	for _, inRecv := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			const heartbeat = 20 * time.Second
			seen := make(chan error, 1)
			s, shutdown := servePipes(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
				if inRecv {
					stream.Recv()
				}
				<-stream.Context().Done()
				seen <- stream.Context().Err()
				return nil
			}}, bridge.WithHeartbeat(heartbeat))
			defer shutdown()
			c := s.dialRaw(t, bidiPath+"?encoding=json")
			silent := time.Now()
			go swallow(c.r)
			if err := <-seen; err != context.Canceled {
				t.Errorf("in Recv %v: the handler saw %v", inRecv, err)
			}
			if !inRecv {
				silent = silent.Add(heartbeat) // it is the next heartbeat that finds nobody listening, and sees to that
			}
			checkSilence(t, time.Since(silent), heartbeat, 2, 3)
			synctest.Wait()
			if stats := s.handler.Stats(); stats.Silent != 1 || stats.Open != 0 {
				t.Errorf("in Recv %v: stats: %+v", inRecv, stats)
			}
		})
	}
}

// A bidi handler that is out of Recv notices a cancel within a heartbeat.
func TestBusyHandlerNoticesCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const heartbeat = 20 * time.Second
		seen := make(chan error, 1)
		s, shutdown := servePipes(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			<-stream.Context().Done()
			seen <- stream.Context().Err()
			return nil
		}}, bridge.WithHeartbeat(heartbeat))
		defer shutdown()
		start := time.Now()
		s.dialRaw(t, bidiPath+"?encoding=json").conn.Close()
		if err := <-seen; err != context.Canceled || time.Since(start) > heartbeat {
			t.Errorf("the handler saw %v after %v", err, time.Since(start))
		}
	})
}

// What is read while a handler is busy waits for it, in order.
func TestFramesReadAheadAreNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		s, shutdown := servePipes(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			<-proceed
			return (&echoServer{}).FullDuplexCall(stream)
		}})
		defer shutdown()
		c := s.dialRaw(t, bidiPath+"?encoding=json")
		defer c.conn.Close()
		for range 3 { // by now somebody else reads the socket
			first, payload := c.read()
			if first != flagFin|opPing {
				t.Fatalf("frame %#x, want a ping", first)
			}
			c.send(rawFrame(flagFin|opPong, payload))
		}
		bodies := []string{`{"payload":{"body":"YQ=="}}`, `{"payload":{"body":"Yg=="}}`, `{"payload":{"body":"Yw=="}}`}
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for _, body := range bodies {
				c.conn.Write(rawFrame(flagFin|opText, []byte(body)))
			}
			c.conn.Write(rawFrame(flagFin|opText, nil))
		}()
		synctest.Wait() // one is read ahead, the others wait
		select {
		case <-sent:
			t.Error("the server reads on while the handler is busy")
		default:
		}
		close(proceed)
		for _, want := range bodies {
			if first, got := c.read(); first != flagFin|opText || string(got) != want {
				t.Errorf("frame %#x %q, want %s", first, got, want)
			}
		}
		if first, _ := c.read(); first != flagFin|opClose {
			t.Errorf("frame %#x, want the close", first)
		}
		<-sent
	})
}
