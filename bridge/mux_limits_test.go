package bridge_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// Opening and resetting calls by the thousand ends the connection; every handler that began sees its call cancelled.
func TestMuxResetStorm(t *testing.T) {
	t.Parallel()
	var running atomic.Int64
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		running.Add(1)
		defer running.Add(-1)
		<-stream.Context().Done()
		return nil
	}})
	p := s.dialMux(t)
	open := p.encode(&bridgev1.Open{Method: bidiPath})
	sent := uint32(0)
	for ; sent < 10_000; sent++ {
		id := 2*sent + 1
		if p.trySend(wireFrame{frameOpen, 0, id, open}) != nil || p.trySend(wireFrame{kind: frameReset, stream: id}) != nil {
			break
		}
	}
	if err := p.closeCode(); err != bridge.CloseTooMany {
		t.Errorf("closed with %v after %d calls", err, sent)
	}
	p.conn.Close()
	s.idle(t)
	if n := running.Load(); n != 0 {
		t.Errorf("%d handlers still run", n)
	}
}

// closeCode is the code that the connection was closed with. A reset of it, by the kernel, may come first; then it is not known.
func (p *muxPeer) closeCode() bridge.CloseCode {
	for {
		if _, err := p.read(); err != nil {
			return closeCodeOf(err)
		}
	}
}

// Calls that end well may be as many as they like.
func TestMuxManyCalls(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	open := p.encode(&bridgev1.Open{Method: emptyPath})
	id := uint32(1)
	for range 50 {
		for range 100 {
			p.send(wireFrame{frameOpen, inline | endSend, id, inlinePayload(open, nil)})
			id += 2
		}
		for ended := 0; ended < 100; {
			switch f := p.next(); f.kind {
			case frameEnd:
				ended++
			case frameReset:
				t.Fatalf("refused: %v", f)
			}
		}
	}
}

// One call more than the limit is refused, and it is said that it was not begun.
func TestMuxMaxConcurrentStreams(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{}, bridge.WithMaxConcurrentStreams(150))
	p := s.dialMux(t)
	if got := p.settings.GetMaxConcurrentStreams(); got != 150 {
		t.Errorf("settings say %d", got)
	}
	id := uint32(1)
	for range 150 {
		p.open(id, bidiPath)
		id += 2
	}
	p.openWith(id, &bridgev1.Open{Method: bidiPath})
	if reset := p.expectReset(id); reset.GetCode() != int32(codes.ResourceExhausted) || !reset.GetNotProcessed() {
		t.Errorf("reset %v", reset)
	}
	p.send(wireFrame{frameData, 0, id, []byte("late")}) // is dropped
	p.send(wireFrame{kind: frameEndSend, stream: 1})
	p.expectEnd(1)
	p.open(id+2, bidiPath)
	p.send(wireFrame{kind: frameEndSend, stream: id + 2})
	p.expectEnd(id + 2)
}

func TestMuxPingFlood(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	for range 200 {
		if p.trySend(wireFrame{framePing, 0, 0, []byte("01234567")}) != nil {
			break
		}
	}
	if code := p.closeCode(); code != bridge.CloseTooMany {
		t.Errorf("closed with %v", code)
	}
}

// A client that lets itself be refused and does not read the refusals is cut off.
func TestMuxControlFramesAreBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	p := s.dialMux(t)
	long := p.encode(&bridgev1.Open{Method: bidiPath})
	for id := uint32(1); id < 20_000; id += 2 {
		if p.trySend(wireFrame{frameOpen, 0, id, long}) != nil {
			break
		}
	}
	if code := p.closeCode(); code != bridge.CloseTooMany {
		t.Errorf("closed with %v", code)
	}
	p.conn.Close()
	s.idle(t)
}

// A message over the limit ends its call, as it is or compressed, and without holding it in memory.
func TestMuxMessageTooLarge(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{}, bridge.WithMaxRecvMsgSize(100<<10))
	p := s.dialMux(t)
	p.open(1, bidiPath)
	sender := newMuxSender(p, 1, make([]byte, 100<<10+1))
	for sender.send(); len(sender.rest) > 0; sender.send() {
		f, err := p.read()
		if err != nil {
			t.Fatal(err)
		}
		sender.take(f)
	}
	end := new(bridgev1.End)
	p.decode(p.skipTo(frameEnd, 1), end)
	if end.GetStatus().GetCode() != int32(codes.ResourceExhausted) {
		t.Errorf("end %v", end)
	}
	p.openWith(3, &bridgev1.Open{Method: bidiPath, Encoding: "gzip"})
	bomb := gzipped(t, make([]byte, 5<<20))
	if len(bomb) > 16<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	p.send(wireFrame{frameData, compressed, 3, bomb})
	if st := p.expectEnd(3).GetStatus(); st.GetCode() != int32(codes.ResourceExhausted) {
		t.Errorf("end %v", st)
	}
	p.checkAlive(5)
}

// What unfinished messages may hold together is bounded.
func TestMuxAssemblyIsBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{}, bridge.WithMaxRecvMsgSize(1<<20), bridge.WithMaxAssemblyBytes(1<<20))
	p := s.dialMux(t)
	sent := map[uint32]*muxSender{}
	for id := uint32(1); id < 21; id += 2 {
		p.open(id, bidiPath)
		sent[id] = newMuxSender(p, id, make([]byte, 512<<10))
	}
	connection := 1 << 20
	refused := 0
	for refused == 0 {
		for _, sender := range sent {
			sender.connection = connection
			before := sender.connection
			sender.send()
			connection -= before - sender.connection
		}
		f, err := p.read()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case f.kind == frameWindow && f.stream == 0:
			connection += int(binary.BigEndian.Uint32(f.payload))
		case f.kind == frameWindow:
			sent[f.stream].take(f)
		case f.kind == frameEnd:
			end := new(bridgev1.End)
			p.decode(f, end)
			if end.GetStatus().GetCode() == int32(codes.ResourceExhausted) {
				refused++
			}
		}
	}
	p.conn.Close()
	s.idle(t)
}

// The service's own messages and metadata have limits too.
func TestMuxSentLimits(t *testing.T) {
	t.Parallel()
	var set atomic.Pointer[func(ctx context.Context)]
	s := serve(t, &echoServer{unary: func(ctx context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		(*set.Load())(ctx)
		if in.GetFillUsername() {
			return nil, status.Error(codes.Aborted, strings.Repeat("long ", 20<<10))
		}
		return &testgrpc.SimpleResponse{Payload: in.GetPayload()}, nil
	}, output: func(in *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
		(*set.Load())(stream.Context())
		if in.GetResponseStatus() != nil {
			return status.Error(codes.Code(in.GetResponseStatus().GetCode()), "refused")
		}
		return nil // without a message
	}}, bridge.WithMaxSendMsgSize(1000))
	p := s.dialMux(t)
	long := metadata.Pairs("x", strings.Repeat("x", 8<<10))
	for i, test := range []struct {
		set     func(context.Context)
		request *testgrpc.SimpleRequest
		code    codes.Code
	}{
		{func(context.Context) {}, &testgrpc.SimpleRequest{Payload: &testgrpc.Payload{Body: make([]byte, 1001)}}, codes.ResourceExhausted},
		{func(ctx context.Context) { grpc.SetHeader(ctx, long) }, &testgrpc.SimpleRequest{}, codes.ResourceExhausted},
		{func(ctx context.Context) { grpc.SetTrailer(ctx, long) }, &testgrpc.SimpleRequest{}, codes.ResourceExhausted},
		{func(ctx context.Context) { grpc.SetTrailer(ctx, long) }, &testgrpc.SimpleRequest{FillUsername: true}, codes.Aborted},
	} {
		set.Store(&test.set)
		id := uint32(2*i + 1)
		p.call(id, &bridgev1.Open{Method: unaryPath}, test.request)
		end := new(bridgev1.End)
		p.decode(p.skipTo(frameEnd, id), end)
		if end.GetStatus().GetCode() != int32(test.code) || len(end.GetMetadata()) != 0 {
			t.Errorf("%d: end %v %v", i, end.GetStatus().GetCode(), len(end.GetMetadata()))
		}
	}
	setHeader := func(ctx context.Context) { grpc.SetHeader(ctx, long) }
	set.Store(&setHeader)
	for i, test := range []struct {
		status *testgrpc.EchoStatus
		code   codes.Code
	}{{nil, codes.ResourceExhausted}, {&testgrpc.EchoStatus{Code: int32(codes.Aborted)}, codes.Aborted}} {
		id := uint32(2*i + 51)
		p.call(id, &bridgev1.Open{Method: serverPath}, &testgrpc.StreamingOutputCallRequest{ResponseStatus: test.status})
		if end := p.expectEnd(id); end.GetStatus().GetCode() != int32(test.code) {
			t.Errorf("headers without a message: end %v, want %v", end, test.code)
		}
	}
	p.checkAlive(101)
}

// A client that sends nothing, or drips its first frame, is not waited for.
func TestMuxSettingsTimeout(t *testing.T) {
	t.Parallel()
	for _, drips := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			const timeout = 10 * time.Second
			s, shutdown := servePipes(t, &echoServer{}, bridge.WithFirstFrameTimeout(timeout))
			defer shutdown()
			start := time.Now()
			p := newMuxPeer(t, s.dialWebSocket(t, bridge.DefaultBasePath, bridge.SubprotocolMultiplexed))
			if drips {
				dripped := drip(p.conn.NetConn(), append([]byte{0x82, 0xfe, 0x03, 0xe8}, make([]byte, 1000)...), time.Second)
				defer func() { <-dripped }()
			}
			p.expectSettings()
			p.expectClose(bridge.CloseFirstFrameTimeout)
			if took := time.Since(start); took != timeout {
				t.Errorf("closed after %v", took)
			}
			p.conn.Close()
		})
	}
}

// drip writes a byte at a time, until conn is closed; the channel is closed when it has ended.
func drip(conn io.Writer, data []byte, pause time.Duration) <-chan struct{} {
	dripped := make(chan struct{})
	go func() {
		defer close(dripped)
		for i := range data {
			time.Sleep(pause)
			if _, err := conn.Write(data[i : i+1]); err != nil {
				return
			}
		}
	}()
	return dripped
}

// A client that reads nothing is cut off after the write timeout, and its calls end.
func TestMuxStalledClientIsCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const timeout = 30 * time.Second
		ended := make(chan error, 1)
		s, shutdown := servePipes(t, &echoServer{output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
			body := bytes.Repeat([]byte("x"), 64<<10)
			for {
				if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: body}}); err != nil {
					ended <- err
					return err
				}
			}
		}}, bridge.WithWriteTimeout(timeout))
		defer shutdown()
		p := s.dialMux(t)
		start := time.Now()
		p.call(1, &bridgev1.Open{Method: serverPath}, &testgrpc.StreamingOutputCallRequest{})
		if err := <-ended; status.Code(err) != codes.Canceled || time.Since(start) != timeout {
			t.Errorf("the service saw %v after %v", err, time.Since(start))
		}
		synctest.Wait()
		if stats := s.handler.Stats(); stats.Stalled != 1 || stats.Open != 0 {
			t.Errorf("stats %+v", stats)
		}
	})
}

// What a message takes while it is decompressed is given back, so that the next one fits.
func TestMuxDecompressionGivesBack(t *testing.T) {
	t.Parallel()
	const size = 900 << 10
	s := serve(t, &echoServer{}, bridge.WithMaxRecvMsgSize(1<<20), bridge.WithMaxAssemblyBytes(1<<20))
	p := s.dialMux(t)
	p.openEncoded(1, "gzip", strings.Repeat("x", size))
	p.skipTo(frameData, 1)
	p.send(wireFrame{frameData, compressed | endSend, 1, gzipped(t, p.encode(echoOf(strings.Repeat("x", size))))})
	end := new(bridgev1.End)
	p.decode(p.skipTo(frameEnd, 1), end)
	if end.GetStatus().GetCode() != 0 {
		t.Errorf("end %v", end)
	}
}
