package bridge

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/peer"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/genproto/googleapis/rpc/status"
)

// Whatever a server sends: the client does not panic, what it writes keeps the rules, every call ends, and nothing is left.
func FuzzMuxClient(f *testing.F) {
	for _, seed := range [][]byte{
		{0, 0}, {1, 1, 2, 1, 3, 1}, {2, 16, 2, 1, 3, 33, 2, 3, 3, 3}, {4, 1, 4, 3, 4, 5}, {7, 1, 1, 3, 2, 3, 3, 3}, {5, 9, 6, 200, 8, 0, 9, 4, 1, 2, 3, 4},
		{3, 1, 3, 3, 3, 5, 3, 7}, {10, 12, 3, 17}, {2, 255, 2, 255, 2, 255, 3, 1},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			cc, err := Dial("ws://localhost", WithContextDialer(func(context.Context, string) (net.Conn, error) {
				return nil, errors.New("no second connection")
			}))
			if err != nil {
				t.Fatal(err)
			}
			sock := newScriptedSocket(serverScript(data))
			gate := &gatedSocket{scriptedSocket: sock, gate: make(chan struct{})}
			l, ok := cc.connected(gate, &peer.Peer{}, nil)
			if !ok {
				t.Fatal("not connected")
			}
			cc.running.Go(l.run)
			var calls sync.WaitGroup
			makeCalls(t.Context(), &calls, testgrpc.NewTestServiceClient(cc))
			synctest.Wait()
			close(gate.gate)
			synctest.Wait()
			sock.abort()
			calls.Wait()
			cc.Close()
			checkClientFrames(t, sock.written)
			checkCredit(t, sock.heard, sock.written)
			checkNothingLeft(t, l.session)
		})
	})
}

// makeCalls makes calls of all kinds, which get the streams 1, 3, 5 and 7 in some order.
func makeCalls(ctx context.Context, calls *sync.WaitGroup, client testgrpc.TestServiceClient) {
	calls.Go(func() { client.UnaryCall(ctx, &testgrpc.SimpleRequest{}) })
	calls.Go(func() {
		if stream, err := client.StreamingOutputCall(ctx, &testgrpc.StreamingOutputCallRequest{}); err == nil {
			receiveAll(stream.Recv)
		}
	})
	for range 2 {
		calls.Go(func() {
			stream, err := client.FullDuplexCall(ctx)
			if err != nil {
				return
			}
			calls.Go(func() {
				for range 3 {
					stream.Send(&testgrpc.StreamingOutputCallRequest{Payload: &testgrpc.Payload{Body: make([]byte, 100_000)}})
				}
				stream.CloseSend()
			})
			stream.Header()
			receiveAll(stream.Recv)
			stream.Trailer()
		})
	}
}

func receiveAll(receive func() (*testgrpc.StreamingOutputCallResponse, error)) {
	for {
		if _, err := receive(); err != nil {
			return
		}
	}
}

// serverScript makes frames of bytes: most of them legal, so that the fuzzer gets far.
func serverScript(data []byte) (messages [][]byte) {
	send := func(f muxFrame) { messages = append(messages, appendFrame(nil, f)) }
	send(muxFrame{kind: kindSettings})
	for len(data) >= 2 {
		op, arg := data[0], data[1]
		data = data[2:]
		stream, flags := uint32(arg&6)+1, frameFlags(arg>>4)
		switch op % 12 {
		case 0:
			send(muxFrame{kind: kindWindow, stream: stream, payload: binary.BigEndian.AppendUint32(nil, uint32(arg)<<12|1)})
		case 1:
			send(muxFrame{kind: kindHeaders, stream: stream, payload: marshalControl(&bridgev1.Headers{})})
		case 2:
			send(muxFrame{kind: kindData, flags: flags & (flagMore | flagCompressed), stream: stream, payload: bytes.Repeat([]byte{0x0a, 0}, int(arg))})
		case 3:
			send(muxFrame{kind: kindEnd, stream: stream, payload: marshalControl(&bridgev1.End{Status: &status.Status{Code: int32(arg >> 4)}})})
		case 4:
			send(muxFrame{kind: kindReset, stream: stream, payload: marshalControl(&bridgev1.Reset{Code: int32(arg >> 4), NotProcessed: arg >= 128})})
		case 5:
			send(muxFrame{kind: kindPing, payload: make([]byte, pingBytes)})
		case 6:
			send(muxFrame{kind: kindWindow, payload: binary.BigEndian.AppendUint32(nil, uint32(arg)<<12|1)})
		case 7:
			send(muxFrame{kind: kindGoAway, payload: marshalControl(&bridgev1.GoAway{LastStream: stream})})
		case 8:
			send(muxFrame{kind: kindData, stream: stream})
		case 9:
			n := min(int(arg), len(data))
			messages = append(messages, data[:n:n])
			data = data[n:]
		case 10:
			send(muxFrame{kind: frameKind(arg), flags: flags, stream: stream})
		case 11:
			send(muxFrame{kind: kindPong, payload: make([]byte, pingBytes)})
		}
	}
	return messages
}

// checkClientFrames checks that what a client wrote are frames, in an order that the protocol allows.
func checkClientFrames(t *testing.T, written [][]byte) {
	t.Helper()
	half, ended := map[uint32]bool{}, map[uint32]bool{}
	last := uint32(0)
	for i, message := range written {
		f, err := parseFrame(message)
		if err != nil {
			t.Fatalf("the client wrote % x: %v", message, err)
		}
		if (i == 0) != (f.kind == kindSettings) {
			t.Fatalf("%v is frame %d", f.kind, i)
		}
		if f.stream == 0 {
			continue
		}
		if f.kind == kindOpen {
			if f.stream <= last {
				t.Fatalf("OPEN of stream %d after %d", f.stream, last)
			}
			last = f.stream
		} else if f.stream > last {
			t.Fatalf("%v of stream %d before its OPEN", f.kind, f.stream)
		}
		if ended[f.stream] {
			t.Fatalf("%v after RESET of stream %d", f.kind, f.stream)
		}
		if half[f.stream] && (f.kind == kindData || f.kind == kindEndSend) {
			t.Fatalf("%v after the half-close of stream %d", f.kind, f.stream)
		}
		half[f.stream] = half[f.stream] || f.kind == kindEndSend || f.flags&flagEndSend != 0
		ended[f.stream] = f.kind == kindReset
	}
}

// gatedSocket is a scriptedSocket that says nothing before its gate is open.
type gatedSocket struct {
	*scriptedSocket
	gate chan struct{}
}

func (s *gatedSocket) read(buf []byte, limit int) ([]byte, error) {
	select {
	case <-s.gate:
		return s.scriptedSocket.read(buf, limit)
	case <-s.closed:
		return nil, io.ErrUnexpectedEOF
	}
}
