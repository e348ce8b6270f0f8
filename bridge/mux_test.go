package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
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

// Messages of all sizes, cut as the client likes, come back whole; neither side ever sends without credit.
func TestMuxMessageSizes(t *testing.T) {
	t.Parallel()
	const largest = 64 << 20
	s := serve(t, &echoServer{}, bridge.WithMaxRecvMsgSize(largest+100))
	for _, size := range []int{1, 16<<10 - 20, 16 << 10, 64 << 10, 64<<10 + 1, 1 << 20, 5 << 20, largest} {
		p := s.dialMux(t)
		p.conn.SetReadDeadline(time.Now().Add(10 * patience))
		p.open(1, bidiPath)
		body := bytes.Repeat([]byte("x"), size)
		message := p.encode(&testgrpc.StreamingOutputCallRequest{Payload: &testgrpc.Payload{Body: body}})
		sent := make(chan struct{})
		echo := make(chan []byte, 1)
		frames := make(chan wireFrame, 1)
		go func() { // reads for both: the test writes below
			defer close(frames)
			for {
				kind, data, err := p.conn.ReadMessage()
				if err != nil || kind != 2 {
					return
				}
				frames <- wireFrame{data[0], data[1], uint32(data[5]), data[6:]}
			}
		}()
		go func() { <-sent }()
		connection, stream := 1<<20, 64<<10
		var answer []byte
		for answering := true; answering; {
			for len(message) > 0 && min(connection, stream) > 0 {
				n := min(len(message), connection, stream, 16<<10)
				f := wireFrame{kind: frameData, stream: 1, payload: message[:n]}
				if message = message[n:]; len(message) > 0 {
					f.flags = more
				}
				connection, stream = connection-n, stream-n
				p.send(f)
			}
			f, ok := <-frames
			if !ok {
				t.Fatal("connection ended")
			}
			switch {
			case f.kind == frameWindow && f.stream == 0:
				connection += int(uint32(f.payload[0])<<24 | uint32(f.payload[1])<<16 | uint32(f.payload[2])<<8 | uint32(f.payload[3]))
			case f.kind == frameWindow:
				stream += int(uint32(f.payload[0])<<24 | uint32(f.payload[1])<<16 | uint32(f.payload[2])<<8 | uint32(f.payload[3]))
			case f.kind == frameData:
				p.account(f)
				answer = append(answer, f.payload...)
				answering = f.flags&more != 0
			case f.kind == frameEnd:
				end := new(bridgev1.End)
				p.decode(f, end)
				t.Fatalf("size %d: %v", size, end)
			}
		}
		close(sent)
		echo <- answer
		if got := bodyOf(t, <-echo); len(got) != size {
			t.Errorf("size %d: %d bytes came back", size, len(got))
		}
		p.conn.Close()
		for range frames {
		}
	}
}

var _ = errors.New
var _ = io.EOF
var _ = strings.Repeat
var _ = context.Background
var _ = time.Second
var _ = grpc.SetHeader
var _ = codes.OK
var _ = metadata.Pairs
var _ = peer.FromContext
var _ = status.New
