package bridge_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// Calls to an upstream share a multiplexed socket as calls in process do; each in turn begins while others are open.
func TestUpstreamMultiplexed(t *testing.T) {
	t.Parallel()
	s := frontEcho(t, &echoServer{unary: func(ctx context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		grpc.SetHeader(ctx, metadata.Pairs("x-head", "h"))
		grpc.SetTrailer(ctx, metadata.Pairs("x-tail", "t"))
		if in.GetPayload() == nil {
			return nil, status.Error(codes.NotFound, "nothing to echo")
		}
		return &testgrpc.SimpleResponse{Payload: in.GetPayload()}, nil
	}})
	p := s.dialMux(t)
	p.open(1, bidiPath)
	p.send(wireFrame{frameData, 0, 1, p.encode(echoOf("one"))})
	p.expect(frameHeaders, 1)
	if got := bodyOf(t, p.expectMessage(1)); got != "one" {
		t.Errorf("stream 1: %q", got)
	}

	p.call(3, &bridgev1.Open{Method: unaryPath}, &testgrpc.SimpleRequest{Payload: payload("two")})
	headers := new(bridgev1.Headers)
	p.decode(p.expect(frameHeaders, 3), headers)
	if got := metadataOf(headers.GetMetadata()).Get("x-head"); len(got) != 1 || got[0] != "h" {
		t.Errorf("stream 3: headers %v", headers)
	}
	if got := bodyOf(t, p.expectMessage(3)); got != "two" {
		t.Errorf("stream 3: %q", got)
	}
	if end := p.expectEnd(3); end.GetStatus().GetCode() != 0 || metadataOf(end.GetMetadata()).Get("x-tail") == nil {
		t.Errorf("stream 3: end %v", end)
	}

	p.call(5, &bridgev1.Open{Method: unaryPath}, &testgrpc.SimpleRequest{})
	end := new(bridgev1.End)
	p.decode(p.skipTo(frameEnd, 5), end)
	if st := end.GetStatus(); st.GetCode() != int32(codes.NotFound) || st.GetMessage() != "nothing to echo" {
		t.Errorf("stream 5: end %v", end)
	}

	p.call(7, &bridgev1.Open{Method: "/grpc.testing.TestService/Nothing"}, &testgrpc.Empty{})
	if got := p.expectEnd(7).GetStatus(); got.GetCode() != int32(codes.Unimplemented) {
		t.Errorf("stream 7: %v", got)
	}
	p.call(9, &bridgev1.Open{Method: "/grpc.health.v1.Health/Check"}, &testgrpc.Empty{})
	if got := p.expectEnd(9).GetStatus(); got.GetCode() != int32(codes.Unimplemented) {
		t.Errorf("stream 9: %v", got)
	}

	p.send(wireFrame{kind: frameEndSend, stream: 1})
	if end := p.expectEnd(1); end.GetStatus().GetCode() != 0 {
		t.Errorf("stream 1: end %v", end)
	}
}

// encodings tells a test how the requests that a server gets are compressed.
type encodings struct{ seen chan string }

func (e encodings) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (e encodings) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (e encodings) HandleConn(context.Context, stats.ConnStats)                       {}
func (e encodings) HandleRPC(_ context.Context, s stats.RPCStats) {
	if header, ok := s.(*stats.InHeader); ok && strings.HasPrefix(header.FullMethod, "/"+testService) {
		e.seen <- header.Compression
	}
}

// The upstream's side of a call is compressed as the client's is.
func TestUpstreamUsesTheCallsEncoding(t *testing.T) {
	t.Parallel()
	seen := encodings{make(chan string, 2)}
	b := startBackend(t, echoes(&echoServer{}), grpc.StatsHandler(seen))
	s := front(t, b.addr, exposed)
	request := &testgrpc.SimpleRequest{Payload: payload(strings.Repeat("a", 4<<10))}
	for _, encoding := range []string{"", "gzip"} {
		p := s.dialMux(t)
		p.call(1, &bridgev1.Open{Method: unaryPath, Encoding: encoding}, request)
		if got := receive(t, seen.seen); got != encoding {
			t.Errorf("asked for %q: the upstream's requests are in %q", encoding, got)
		}
		answer := p.skipTo(frameData, 1)
		if (answer.flags&compressed != 0) != (encoding != "") {
			t.Errorf("asked for %q: answered with %v", encoding, answer)
		}
		p.skipTo(frameEnd, 1)
	}
}

// A stream whose client gives no credit holds up its own upstream call, and no other.
func TestUpstreamStalledStreamHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	s := frontEcho(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		defer close(ended)
		for stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, 64<<10)}}) == nil {
		}
		return nil
	}})
	p := s.dialMux(t)
	p.byHand = true // no credit beyond the first window
	p.open(1, bidiPath)
	for got := 0; got < 64<<10; {
		got += len(p.skipTo(frameData, 1).payload)
	}
	p.call(3, &bridgev1.Open{Method: unaryPath}, &testgrpc.SimpleRequest{Payload: payload("small")})
	p.skipTo(frameEnd, 3)
	p.send(wireFrame{kind: frameReset, stream: 1, payload: p.encode(&bridgev1.Reset{Code: int32(codes.Canceled)})})
	receive(t, ended) // the cancel reaches the upstream
}

// Metadata of SETTINGS and OPEN goes to the upstream; trusted names come from the handshake only.
func TestUpstreamMultiplexedMetadata(t *testing.T) {
	t.Parallel()
	arrived := make(chan metadata.MD, 1)
	s := frontEcho(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		arrived <- md
		return &testgrpc.SimpleResponse{}, nil
	}}, bridge.WithTrustedHeaders("x-user"))
	p := s.dialMuxSilent(t, map[string][]string{"X-User": {"ana"}, "X-Real-Ip": {"192.0.2.2"}})
	p.send(wireFrame{kind: frameSettings, payload: p.encode(&bridgev1.Settings{
		Metadata: []*bridgev1.Metadatum{text("x-user", "mallory"), text("x-all", "1"), text("x-one", "settings")},
	})})
	p.expectSettings()
	p.call(1, &bridgev1.Open{Method: unaryPath, Metadata: []*bridgev1.Metadatum{
		text("x-user", "eve"), text("x-one", "open"), text("x-forwarded-for", "10.0.0.1"), text("cookie", "a=b"),
	}}, &testgrpc.SimpleRequest{})
	md := receive(t, arrived)
	for key, want := range map[string]string{
		"x-user": "ana", "x-all": "1", "x-one": "open", "x-forwarded-for": "", "x-real-ip": "", "cookie": "",
	} {
		if got := strings.Join(md.Get(key), ","); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	p.skipTo(frameEnd, 1)
}
