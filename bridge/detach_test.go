package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

type bidiCall = testgrpc.TestService_FullDuplexCallServer

// detacherOf is how a service finds what it needs; nil if it is not offered.
func detacherOf(ctx context.Context) func(resume func() error) error {
	transport, ok := grpc.ServerTransportStreamFromContext(ctx).(interface {
		Detacher() func(resume func() error) error
	})
	if !ok {
		return nil
	}
	return transport.Detacher()
}

// detachingServer has a handler that detaches whenever it waits, and does with each message what step does. It ends with the
// input.
func detachingServer(step func(bidiCall, *testgrpc.StreamingOutputCallRequest) error) *echoServer {
	return &echoServer{fullBidi: func(stream bidiCall) error {
		detach := detacherOf(stream.Context())
		if detach == nil {
			return status.Error(codes.FailedPrecondition, "no detaching")
		}
		var resume func() error
		resume = func() error {
			in, err := stream.Recv()
			if err == io.EOF {
				return nil
			}
			if err == nil {
				err = step(stream, in)
			}
			if err != nil {
				return err
			}
			return detach(resume)
		}
		return detach(resume)
	}}
}

func echoTo(stream bidiCall, in *testgrpc.StreamingOutputCallRequest) error {
	return stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: in.GetPayload()})
}

// endsTo tells ends what each call has ended with.
func endsTo(ends chan<- error) bridge.HandlerOption {
	return bridge.WithChainStreamInterceptor(
		func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			err := handler(srv, stream)
			bridge.AtEnd(err, func(err error) { ends <- err })
			return err
		})
}

// A handler that detaches serves a whole call, in order, and what interceptors do at the end is done at the end.
func TestDetachedCall(t *testing.T) {
	t.Parallel()
	ends := make(chan error, 1)
	s := serve(t, detachingServer(echoTo), bridge.WithDetachedCalls(), endsTo(ends))
	long := strings.Repeat("x", 300<<10) // more than a window of multiplexed mode
	for _, form := range wireForms {
		c := s.dial(t, bidiPath)
		for _, body := range []string{"one", "two", "", long} {
			form.send(c, echoOf(body))
			var out testgrpc.StreamingOutputCallResponse
			form.recv(c, &out)
			if got := string(out.GetPayload().GetBody()); got != body {
				t.Fatalf("%s: got %q", form.name, got)
			}
		}
		if len(ends) > 0 {
			t.Errorf("%s: the interceptor saw an early end", form.name)
		}
		c.sendText("")
		c.expectClose(1000)
		if err := receive(t, ends); err != nil {
			t.Errorf("%s: the interceptor saw %v", form.name, err)
		}
	}
	stream, err := testgrpc.NewTestServiceClient(dialServer(t, s)).FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"one", "two", "", long} {
		if err := stream.Send(echoOf(body)); err != nil {
			t.Fatal(err)
		}
		if out, err := stream.Recv(); err != nil || string(out.GetPayload().GetBody()) != body {
			t.Fatalf("got %d bytes, %v", len(out.GetPayload().GetBody()), err)
		}
	}
	if len(ends) > 0 {
		t.Error("multiplexed: the interceptor saw an early end")
	}
	stream.CloseSend()
	if _, err := stream.Recv(); err != io.EOF {
		t.Errorf("ended with %v", err)
	}
	if err := receive(t, ends); err != nil {
		t.Errorf("multiplexed: the interceptor saw %v", err)
	}
}

// What a handler does after it has detached ends its call as if it had not: its status, a panic, and even that it ends its
// goroutine.
func TestDetachedCallEndsWithItsHandler(t *testing.T) {
	t.Parallel()
	ends := make(chan error, 1)
	s := serve(t, detachingServer(func(_ bidiCall, in *testgrpc.StreamingOutputCallRequest) error {
		switch string(in.GetPayload().GetBody()) {
		case "refuse":
			return status.Error(codes.Aborted, "enough")
		case "panic":
			panic("a bug")
		}
		return nil
	}), bridge.WithDetachedCalls(), endsTo(ends))
	for body, code := range map[string]codes.Code{"refuse": codes.Aborted, "panic": codes.Internal} {
		c := s.dial(t, bidiPath)
		c.sendProto(echoOf("go on"))
		c.sendProto(echoOf(body))
		c.expectClose(4000 + int(code))
		if err := receive(t, ends); status.Code(err) != code {
			t.Errorf("plain, %s: the interceptor saw %v", body, err)
		}
		p := s.dialMux(t)
		p.open(1, bidiPath)
		p.send(wireFrame{frameData, 0, 1, p.encode(echoOf("go on"))}, wireFrame{frameData, 0, 1, p.encode(echoOf(body))})
		if end := p.expectEnd(1); codes.Code(end.GetStatus().GetCode()) != code {
			t.Errorf("multiplexed, %s: ended with %v", body, end)
		}
		if err := receive(t, ends); status.Code(err) != code {
			t.Errorf("multiplexed, %s: the interceptor saw %v", body, err)
		}
		p.checkAlive(3)
		p.conn.Close()
	}
	s.idle(t)
}

// A call that waits for its client ends when that leaves, at its deadline, and when the server drains.
func TestDetachedCallIsEnded(t *testing.T) {
	t.Parallel()
	ends := make(chan error, 1)
	s := serve(t, detachingServer(echoTo), bridge.WithDetachedCalls(), endsTo(ends))
	t.Run("plain client leaves", func(t *testing.T) {
		c := s.dial(t, bidiPath+"?encoding=json")
		c.conn.Close()
		wantEnd(t, ends, codes.Canceled)
	})
	t.Run("multiplexed client leaves", func(t *testing.T) {
		p := s.dialMux(t)
		p.open(1, bidiPath)
		p.checkAlive(3)
		p.conn.Close()
		wantEnd(t, ends, codes.Canceled)
	})
	t.Run("reset", func(t *testing.T) {
		p := s.dialMux(t)
		p.open(1, bidiPath)
		p.send(wireFrame{frameReset, 0, 1, nil})
		wantEnd(t, ends, codes.Canceled)
		p.checkAlive(3)
	})
	t.Run("plain deadline", func(t *testing.T) {
		c := s.dial(t, bidiPath, bridge.SubprotocolPlain)
		c.sendText(`{"@open":{"timeoutMs":20,"encoding":"json"}}`)
		c.skipToClose(4000 + int(codes.DeadlineExceeded))
		wantEnd(t, ends, codes.DeadlineExceeded)
	})
	t.Run("multiplexed deadline", func(t *testing.T) {
		p := s.dialMux(t)
		timeout := uint64(20 * time.Millisecond)
		p.openWith(1, &bridgev1.Open{Method: bidiPath, TimeoutNs: &timeout})
		if end := p.expectEnd(1); codes.Code(end.GetStatus().GetCode()) != codes.DeadlineExceeded {
			t.Errorf("ended with %v", end)
		}
		receive(t, ends)
	})
	t.Run("drain", func(t *testing.T) {
		c := s.dial(t, bidiPath+"?encoding=json")
		c.sendJSON(echoOf("begun"))
		c.recvJSON(new(testgrpc.StreamingOutputCallResponse))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		go s.handler.Drain(ctx)
		c.expectClose(4000 + int(codes.Unavailable))
		wantEnd(t, ends, codes.Canceled)
	})
}

func wantEnd(t *testing.T, ends <-chan error, code codes.Code) {
	t.Helper()
	if err := receive(t, ends); status.Code(err) != code {
		t.Errorf("the interceptor saw %v, want %v", err, code)
	}
}

// A call that waits is interrupted as one whose handler waits in RecvMsg.
func TestDetachedCallIsInterrupted(t *testing.T) {
	t.Parallel()
	interrupts := make(chan func(), 1)
	s := serve(t, detachingServer(func(stream bidiCall, in *testgrpc.StreamingOutputCallRequest) error {
		transport := grpc.ServerTransportStreamFromContext(stream.Context()).(interface{ RecvInterrupter() func() })
		interrupts <- transport.RecvInterrupter()
		return nil
	}), bridge.WithDetachedCalls())
	for _, form := range wireForms {
		c := s.dial(t, bidiPath)
		form.send(c, echoOf(""))
		receive(t, interrupts)()
		c.expectClose(4000 + int(codes.Canceled))
	}
	p := s.dialMux(t)
	p.open(1, bidiPath)
	p.send(wireFrame{frameData, 0, 1, nil})
	receive(t, interrupts)()
	if end := p.expectEnd(1); codes.Code(end.GetStatus().GetCode()) != codes.Canceled {
		t.Errorf("ended with %v", end)
	}
}

// Heartbeats of either side pass by a call that waits, and what comes in pieces, or right behind a heartbeat, arrives.
func TestDetachedCallLivesWithHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, detachingServer(echoTo), bridge.WithDetachedCalls())
		defer shutdown()
		c := s.dialRaw(t, bidiPath+"?encoding=json")
		defer c.conn.Close()
		c.conn.SetDeadline(time.Time{})
		message := func(body string) []byte {
			text, err := protojson.Marshal(echoOf(body))
			if err != nil {
				t.Fatal(err)
			}
			return rawFrame(flagFin|opText, text)
		}
		expectEcho := func(body string) {
			t.Helper()
			first, text := c.read()
			out := new(testgrpc.StreamingOutputCallResponse)
			if err := protojson.Unmarshal(text, out); err != nil || string(out.GetPayload().GetBody()) != body {
				t.Fatalf("frame %#x %q: %v", first, text, err)
			}
		}
		for beat := range 30 {
			first, ping := c.read()
			if first != flagFin|opPing {
				t.Fatalf("frame %#x %q, want a ping", first, ping)
			}
			pong := rawFrame(flagFin|opPong, ping)
			body := fmt.Sprint("message ", beat)
			switch beat % 6 {
			case 0, 1: // only the pong
				c.send(pong)
			case 2:
				c.send(append(pong, message(body)...))
				expectEcho(body)
			case 3:
				c.send(pong)
				for _, b := range message(body) {
					c.send([]byte{b})
				}
				expectEcho(body)
			case 4:
				c.send(pong, rawFrame(flagFin|opPing, []byte("are you there?")))
				if first, payload := c.read(); first != flagFin|opPong || string(payload) != "are you there?" {
					t.Fatalf("frame %#x %q, want the pong", first, payload)
				}
			case 5:
				c.send(append(pong, rawFrame(opText, []byte(`{`))...), rawFrame(flagFin|opPong, nil), rawFrame(flagFin|opContinuation, []byte(`}`)))
				expectEcho("")
			}
		}
		c.send(rawFrame(flagFin|opText, nil))
		c.expectClose(1000)
		if stats := s.handler.Stats(); stats.Silent != 0 {
			t.Errorf("stats: %+v", stats)
		}
	})
}

// A connection in multiplexed mode rests, and wakes up, without a loss.
func TestDetachedCallOnAQuietConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, detachingServer(echoTo), bridge.WithDetachedCalls())
		defer shutdown()
		p := s.dialMux(t)
		defer p.conn.Close()
		p.open(1, bidiPath)
		for round := range 5 {
			for range 4 * round { // quiet beats
				f, err := p.read()
				if err != nil {
					t.Fatal(err)
				}
				if f.kind == framePing {
					p.send(wireFrame{framePong, 0, 0, f.payload})
				}
			}
			body := fmt.Sprint("message ", round)
			p.send(wireFrame{frameData, more, 1, p.encode(echoOf(body))[:3]}, wireFrame{frameData, 0, 1, p.encode(echoOf(body))[3:]})
			if got := bodyOf(t, p.skipTo(frameData, 1).payload); got != body {
				t.Fatalf("got %q, want %q", got, body)
			}
		}
	})
}

// A client that agreed to compression may leave bytes of a frame that no message needs; they are not taken for a heartbeat.
func TestDetachedCallWithFrameCompression(t *testing.T) {
	t.Parallel()
	s := serve(t, detachingServer(echoTo), bridge.WithDetachedCalls(), bridge.WithFrameCompression())
	c := s.dialDeflating(t, bidiPath+"?encoding=json")
	for range 3 {
		// An empty last block, and then what looks like a pong, once its mask is off.
		payload := append(deflated(t, []byte(`{}`)), 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff, flagFin|opPong^1, 0x80^2, 3, 4, 5, 6, 7, 8)
		c.send(rawFrame(flagFin|flagRSV1|opText, payload), rawFrame(flagFin|opPong, nil))
		if first, _ := c.read(); first&0x0f != opText {
			t.Fatalf("frame %#x, want a message", first)
		}
	}
	c.send(rawFrame(flagFin|opText, nil))
	c.expectClose(1000)
}

// Handlers are offered to detach only where it is known that it goes well.
func TestDetachingIsOffered(t *testing.T) {
	t.Parallel()
	offered := make(chan bool, 1)
	look := func(ctx context.Context) error {
		offered <- detacherOf(ctx) != nil
		return nil
	}
	echo := &echoServer{
		fullBidi: func(stream bidiCall) error { return look(stream.Context()) },
		input: func(stream testgrpc.TestService_StreamingInputCallServer) error {
			return errors.Join(look(stream.Context()), stream.SendAndClose(&testgrpc.StreamingInputCallResponse{}))
		},
		output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
			return look(stream.Context())
		},
		unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			return &testgrpc.SimpleResponse{}, look(ctx)
		},
	}
	with, without := serve(t, echo, bridge.WithDetachedCalls()), serve(t, echo)
	for path, want := range map[string]bool{bidiPath: true, clientPath: true, serverPath: false, unaryPath: false} {
		with.dial(t, path).sendJSON(echoOf(""))
		if got := receive(t, offered); got != want {
			t.Errorf("%s: offered %v", path, got)
		}
		without.dial(t, path).sendJSON(echoOf(""))
		if receive(t, offered) {
			t.Errorf("%s: offered without the option", path)
		}
	}
	with.dialMux(t).open(1, bidiPath)
	if !receive(t, offered) {
		t.Error("not offered in multiplexed mode")
	}
	with.beginImprobable(t, bidiPath)
	if receive(t, offered) {
		t.Error("offered in improbable's framing")
	}
	with.post(t, serverPath, "application/grpc-web+proto", string(grpcPart(0, nil)), nil)
	if receive(t, offered) {
		t.Error("offered over HTTP")
	}
}

// A handler that detaches although there is nothing more to receive ends its call.
func TestDetachingAfterTheEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{fullBidi: func(stream bidiCall) error {
		detach := detacherOf(stream.Context())
		var resume func() error
		resume = func() error {
			stream.Recv()
			return detach(resume)
		}
		return detach(resume)
	}}, bridge.WithDetachedCalls())
	c := s.dial(t, bidiPath)
	c.sendJSON(echoOf(""))
	c.sendText("")
	c.expectClose(4000 + int(codes.Unknown))
}
