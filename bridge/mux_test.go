package bridge_test

import (
	"testing"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

func TestMuxUnaryCallInOneFrame(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	p.call(1, &bridgev1.Open{Method: unaryPath}, &testgrpc.SimpleRequest{Payload: &testgrpc.Payload{Body: []byte("hello")}})
	p.expect(frameHeaders, 1)
	response := new(testgrpc.SimpleResponse)
	p.decode(p.expect(frameData, 1), response)
	if got := string(response.GetPayload().GetBody()); got != "hello" {
		t.Errorf("echo %q", got)
	}
	if end := p.expectEnd(1); end.GetStatus().GetCode() != 0 {
		t.Errorf("end: %v", end)
	}
}

// The settings of the server are those of its options, and none is below the start values.
func TestMuxSettings(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}, bridge.WithStreamWindow(128<<10), bridge.WithMaxConcurrentStreams(200)).dialMux(t)
	want := &bridgev1.Settings{
		StreamWindowBytes: 128 << 10, ConnectionWindowBytes: 1 << 20, MaxChunkBytes: 16 << 10, MaxConcurrentStreams: 200,
		MaxMessageBytes: 4 << 20, MaxMetadataBytes: 16 << 10, Encodings: []string{"gzip"}, PingIntervalMs: 20000,
	}
	if !proto.Equal(p.settings, want) {
		t.Errorf("settings %v, want %v", p.settings, want)
	}
}

// Calls may be pipelined behind the client's SETTINGS, before the server's are known.
func TestMuxPipelinedBehindSettings(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMuxSilent(t, nil)
	p.send(wireFrame{kind: frameSettings})
	p.call(1, &bridgev1.Open{Method: emptyPath}, &testgrpc.Empty{})
	p.call(3, &bridgev1.Open{Method: emptyPath}, &testgrpc.Empty{})
	p.expectSettings()
	ended := 0
	for ended < 2 {
		if p.next().kind == frameEnd {
			ended++
		}
	}
}

func TestMuxBidi(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	p.open(1, bidiPath)
	for i, body := range []string{"one", "", "three"} {
		p.send(wireFrame{frameData, 0, 1, p.encode(echoOf(body))})
		if i == 0 {
			p.expect(frameHeaders, 1)
		}
		if got := bodyOf(t, p.expectMessage(1)); got != body {
			t.Errorf("echo %q, want %q", got, body)
		}
	}
	p.send(wireFrame{kind: frameEndSend, stream: 1})
	p.expectEnd(1)
}

// An empty payload is a message; the half-close may be a flag of the last one.
func TestMuxEmptyMessages(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	p.open(1, bidiPath)
	p.send(wireFrame{frameData, 0, 1, nil}, wireFrame{frameData, endSend, 1, nil})
	p.expect(frameHeaders, 1)
	for range 2 {
		if f := p.expect(frameData, 1); f.flags != 0 || len(f.payload) != 0 {
			t.Errorf("answer %v", f)
		}
	}
	p.expectEnd(1)
}
