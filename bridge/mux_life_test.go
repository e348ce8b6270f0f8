package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// closeCodeOf is the code of a connection's end; 1006 without a close frame.
func closeCodeOf(err error) bridge.CloseCode {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return bridge.CloseCode(closed.Code)
	}
	return bridge.CloseLost
}

// Drain sends clients away: running calls finish, calls that cross the GOAWAY are refused, and then the connection closes.
func TestMuxDrain(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{}, bridge.WithReconnectSpread(3*time.Second))
	p := s.dialMux(t)
	p.open(1, bidiPath)
	p.send(wireFrame{frameData, 0, 1, nil})
	p.expect(frameHeaders, 1)
	p.expect(frameData, 1)

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.handler.Drain(ctx) }()
	away := new(bridgev1.GoAway)
	p.decode(p.expect(frameGoAway, 0), away)
	if away.GetLastStream() != 1 || away.GetCode() != 0 || away.GetReconnectMaxMs() != 3000 || away.GetDrainMs() == 0 {
		t.Errorf("GOAWAY %v", away)
	}
	p.call(3, &bridgev1.Open{Method: emptyPath}, &testgrpc.Empty{})
	p.call(5, &bridgev1.Open{Method: emptyPath}, &testgrpc.Empty{})
	for _, id := range []uint32{3, 5} {
		if reset := p.expectReset(id); reset.GetCode() != int32(codes.Unavailable) || !reset.GetNotProcessed() {
			t.Errorf("reset %v", reset)
		}
	}
	if got := s.refusedWith(t, bridge.DefaultBasePath, bridge.SubprotocolMultiplexed); got != 503 {
		t.Errorf("a further connection: %d", got)
	}
	p.send(wireFrame{frameData, endSend, 1, nil})
	p.expect(frameData, 1)
	p.expectEnd(1)
	p.expectClose(bridge.CloseCodeOf(codes.Unavailable))
	p.conn.Close()
	if err := receive(t, drained); err != nil {
		t.Errorf("drain: %v", err)
	}
}

// When Drain's time is over, what still runs ends with UNAVAILABLE.
func TestMuxDrainOutOfTime(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	p := s.dialMux(t)
	p.open(1, bidiPath)
	p.send(wireFrame{frameData, 0, 1, nil})
	p.expect(frameHeaders, 1)
	p.expect(frameData, 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.handler.Drain(ctx) }()
	p.expect(frameGoAway, 0)
	if st := p.expectEnd(1).GetStatus(); st.GetCode() != int32(codes.Unavailable) {
		t.Errorf("status %v", st)
	}
	p.expectClose(bridge.CloseCodeOf(codes.Unavailable))
	p.conn.Close()
	if err := receive(t, drained); err != context.Canceled {
		t.Errorf("drain: %v", err)
	}
}

// Drain does not wait for a client that has no call.
func TestMuxDrainIdle(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	p := s.dialMux(t)
	drained := make(chan error, 1)
	go func() { drained <- s.handler.Drain(context.Background()) }()
	p.expect(frameGoAway, 0)
	p.expectClose(bridge.CloseCodeOf(codes.Unavailable))
	p.conn.Close()
	if err := receive(t, drained); err != nil {
		t.Errorf("drain: %v", err)
	}
}

// An old connection takes no further calls; those that run may finish, for a time.
func TestMuxConnectionAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const age, grace = time.Hour, time.Minute
		s, shutdown := servePipes(t, &echoServer{}, bridge.WithMaxConnectionAge(age, grace))
		defer shutdown()
		start := time.Now()
		p := s.dialMux(t)
		p.open(1, bidiPath)
		away := new(bridgev1.GoAway)
		p.decode(p.expectLate(frameGoAway, 0), away)
		if away.GetLastStream() != 1 || away.GetDrainMs() != uint32(grace.Milliseconds()) || away.GetReconnectMaxMs() != 0 {
			t.Errorf("GOAWAY %v", away)
		}
		aged := time.Since(start)
		if aged < age-age/10 || aged > age+age/10 {
			t.Errorf("sent away after %v, with an age of %v", aged, age)
		}
		p.open(3, bidiPath)
		if reset := p.expectReset(3); !reset.GetNotProcessed() {
			t.Errorf("reset %v", reset)
		}
		end := new(bridgev1.End)
		p.decode(p.expectLate(frameEnd, 1), end)
		if end.GetStatus().GetCode() != int32(codes.Unavailable) || time.Since(start)-aged != grace {
			t.Errorf("status %v after %v of grace", end.GetStatus(), time.Since(start)-aged)
		}
		p.expectClose(bridge.CloseCodeOf(codes.Unavailable))
		p.conn.Close()
	})
}

// expectLate is expect for a frame that comes after some heartbeats, which it answers.
func (p *muxPeer) expectLate(kind byte, stream uint32) wireFrame {
	p.t.Helper()
	for {
		f, err := p.read()
		switch {
		case err != nil:
			p.t.Fatalf("waiting for type %d of stream %d: %v", kind, stream, err)
		case f.kind == framePing:
			p.send(wireFrame{framePong, 0, 0, f.payload})
		case f.kind == kind && f.stream == stream:
			return f
		case f.kind != frameWindow:
			p.t.Fatalf("got %v, want type %d of stream %d", f, kind, stream)
		}
	}
}

// AUTH replaces the connection's metadata for later calls, if the hook agrees; a call that runs keeps its own.
func TestMuxAuth(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 10)
	show := func(ctx context.Context) {
		seen <- strings.Join(metadata.ValueFromIncomingContext(ctx, "authorization"), ",")
	}
	s := serve(t, &echoServer{
		unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			show(ctx)
			return &testgrpc.SimpleResponse{}, nil
		},
	}, bridge.WithAuth(func(_ context.Context, current, next metadata.MD) error {
		if len(current["authorization"]) == 0 || current["authorization"][0][:1] != next["authorization"][0][:1] {
			return status.Error(codes.PermissionDenied, "another subject")
		}
		return nil
	}))
	p := s.dialMuxSilent(t, nil)
	p.send(wireFrame{frameSettings, 0, 0, p.encode(&bridgev1.Settings{Metadata: []*bridgev1.Metadatum{text("authorization", "a1")}})})
	p.expectSettings()
	id := uint32(1)
	for _, test := range []struct {
		next []*bridgev1.Metadatum
		code codes.Code
		then string
	}{
		{[]*bridgev1.Metadatum{text("authorization", "a2")}, codes.OK, "a2"},
		{[]*bridgev1.Metadatum{text("authorization", "b1")}, codes.PermissionDenied, "a2"},
		{[]*bridgev1.Metadatum{text("authorization", "a\n")}, codes.InvalidArgument, "a2"},
		{[]*bridgev1.Metadatum{text("authorization", "a3")}, codes.OK, "a3"},
	} {
		p.send(wireFrame{frameAuth, 0, 0, p.encode(&bridgev1.Auth{Metadata: test.next})})
		answer := new(bridgev1.Auth)
		p.decode(p.expect(frameAuth, 0), answer)
		if answer.GetStatus().GetCode() != int32(test.code) {
			t.Errorf("answer %v, want %v", answer, test.code)
		}
		p.call(id, &bridgev1.Open{Method: unaryPath}, &testgrpc.SimpleRequest{})
		p.skipTo(frameEnd, id)
		if got := receive(t, seen); got != test.then {
			t.Errorf("authorization %q, want %q", got, test.then)
		}
		id += 2
	}
}

// A client that answers PINGs is kept.
func TestMuxHeartbeatKeepsAnIdleConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, &echoServer{})
		defer shutdown()
		p := s.dialMux(t)
		defer p.conn.Close()
		for start := time.Now(); time.Since(start) < time.Hour; {
			f := p.skipTo(framePing, 0)
			p.send(wireFrame{framePong, 0, 0, f.payload})
		}
		if stats := s.handler.Stats(); stats.Open != 1 || stats.Silent != 0 {
			t.Errorf("stats %+v", stats)
		}
	})
}

// A client that answers nothing, as one whose network was cut without a word, is found within two heartbeats, and its calls are
// cancelled.
func TestMuxHeartbeatEndsASilentConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const heartbeat = 20 * time.Second
		seen := make(chan error, 1)
		s, shutdown := servePipes(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			_, err := stream.Recv()
			seen <- stream.Context().Err()
			return err
		}}, bridge.WithHeartbeat(heartbeat))
		defer shutdown()
		p := s.dialMux(t)
		p.open(1, bidiPath)
		silent := time.Now()
		go swallow(p.conn.NetConn())
		if err := <-seen; err != context.Canceled {
			t.Errorf("the service saw %v", err)
		}
		checkSilence(t, time.Since(silent), heartbeat, 1, 2)
		synctest.Wait()
		if stats := s.handler.Stats(); stats.Silent != 1 || stats.Open != 0 {
			t.Errorf("stats %+v", stats)
		}
	})
}

// WebSocket's own pings are answered too.
func TestMuxWebSocketPing(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	pong := make(chan string, 1)
	p.conn.SetPongHandler(func(payload string) error {
		pong <- payload
		return nil
	})
	if err := p.conn.WriteControl(websocket.PingMessage, []byte("hi"), time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	p.send(wireFrame{framePing, 0, 0, []byte("01234567")})
	p.skipTo(framePong, 0)
	p.checkAlive(1)
	if got := receive(t, pong); got != "hi" {
		t.Errorf("pong %q", got)
	}
}

// A client may close whenever it likes; it gets its close code back, and its calls are cancelled.
func TestMuxClientCloses(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	p := s.dialMux(t)
	p.open(1, bidiPath)
	message := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := p.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	p.expectClose(bridge.CloseOK)
	p.conn.Close()
	s.idle(t)
}

// A call that is lost has a cancelled context by the time that Recv or Send tells so, in any number of calls at once.
func TestMuxLostCallsAreCancelled(t *testing.T) {
	t.Parallel()
	const calls = 100
	began, seen := make(chan struct{}, calls), make(chan error, calls)
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		began <- struct{}{}
		_, err := stream.Recv()
		if stream.Context().Err() == nil || status.Code(err) != codes.Canceled {
			err = fmt.Errorf("context %v, Recv: %v", stream.Context().Err(), err)
		}
		seen <- err
		return nil
	}})
	for range 10 {
		p := s.dialMux(t)
		for i := range uint32(calls) {
			p.open(2*i+1, bidiPath)
		}
		for range calls {
			receive(t, began)
		}
		p.conn.Close()
		for range calls {
			if err := receive(t, seen); status.Code(err) != codes.Canceled {
				t.Fatal(err)
			}
		}
	}
}

// Before stream numbers run out, the client is sent to another connection.
func TestMuxStreamsAreUsedUp(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	p := s.dialMux(t)
	p.checkAlive(1<<31 - 1)
	p.open(1<<31+1, bidiPath)
	away := new(bridgev1.GoAway)
	p.decode(p.expect(frameGoAway, 0), away)
	if away.GetLastStream() != 1<<31+1 {
		t.Errorf("GOAWAY %v", away)
	}
	p.send(wireFrame{kind: frameEndSend, stream: 1<<31 + 1})
	p.expectEnd(1<<31 + 1)
	p.expectClose(bridge.CloseCodeOf(codes.Unavailable))
}
