package bridge

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// Whatever a message holds: reading it as a frame works or is a protocol error, and what works comes out the same again.
func FuzzMuxFrame(f *testing.F) {
	for _, seed := range []string{
		"", "\x00\x00\x00\x00\x00\x00", "\x01\x00\x00\x00\x00\x01", "\x01\x0c\x00\x00\x00\x01\x00\x00\x00\x02\x0a\x00", "\x01\x08\x00\x00\x00\x01\xff\xff\xff\xff",
		"\x03\x01\x00\x00\x00\x01abc", "\x03\x05\x00\x00\x00\x01", "\x07\x00\x00\x00\x00\x00\x00\x00\x00\x01", "\x07\x00\x00\x00\x00\x01\x80\x00\x00\x00",
		"\x08\x00\x00\x00\x00\x0001234567", "\x0c\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff", "\x05\x00\x00\x00\x00\x01\x0a\x02\x08\x05",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := parseFrame(data)
		if err != nil {
			checkBreach(t, err)
			return
		}
		if again := appendFrame(nil, frame); !bytes.Equal(again, data) {
			t.Fatalf("% x comes back as % x", data, again)
		}
		if frame.kind != kindOpen {
			return
		}
		open, message, err := frame.splitOpen()
		if err != nil {
			checkBreach(t, err)
			return
		}
		if md, err := metadataFromEntries(open.GetMetadata(), maxControlBytes); err == nil {
			entries, _ := metadataToEntries(md)
			if again, err := metadataFromEntries(entries, maxControlBytes); err != nil || len(again) != len(md) {
				t.Fatalf("%v comes back as %v, %v", md, again, err)
			}
		}
		payload := appendInlineOpen(nil, marshalControl(open), message)
		again, messageAgain, err := muxFrame{kind: kindOpen, flags: flagInline, payload: payload}.splitOpen()
		if err != nil || !proto.Equal(open, again) || !bytes.Equal(message, messageAgain) {
			t.Fatalf("%v comes back as %v, %v", open, again, err)
		}
	})
}

func checkBreach(t *testing.T, err error) {
	t.Helper()
	var breach *connError
	if !errors.As(err, &breach) || breach.code != CloseProtocolError || breach.reason == "" {
		t.Fatalf("error %v", err)
	}
}

// Whatever a client sends: the server does not panic, what it writes keeps the rules, every call ends, and nothing is left.
func FuzzMuxServer(f *testing.F) {
	for _, seed := range [][]byte{
		{0, 0, 10, 1, 0, 4, 0}, {0, 1, 10, 1, 200, 5, 0}, {1, 0, 1, 1, 9, 9, 4, 0, 4, 1}, {0, 0, 6, 0, 1, 0, 10, 0}, {2, 0, 2, 1, 2, 2, 3, 0, 10, 255},
		{0, 0, 10, 255, 10, 255, 10, 255, 10, 255, 10, 255, 8, 0, 4, 0}, {11, 3, 1, 2, 3, 11, 1, 9}, {0, 3, 7, 0, 12, 0, 10, 3}, {5, 1, 5, 1, 5, 1, 10, 7, 13, 0},
	} {
		f.Add(seed)
	}
	handler := newFuzzHandler(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			script, next := clientScript(data)
			sock := newScriptedSocket(append(script, epilogue(next, len(data)%2 == 1)...))
			server := newMuxServer(handler, sock, muxRequest{header: metadata.MD{}}, &peer.Peer{Addr: &net.TCPAddr{}})
			served := make(chan struct{})
			server.serve(func() { close(served) })
			synctest.Wait()
			checkAllEnded(t, server, sock, next)
			sock.abort()
			<-served
			checkServerFrames(t, sock.written)
			checkCredit(t, sock.heard, sock.written)
			checkNothingLeft(t, server.session)
		})
	})
}

// checkNothingLeft checks that a session that has ended holds nothing: no stream, no byte of a message, and of what came in DATA
// all credit has been returned or is about to be.
func checkNothingLeft(t *testing.T, s *session) {
	t.Helper()
	if n := s.count(); n != 0 {
		t.Errorf("%d streams are left", n)
	}
	if n := s.assembly.used.Load(); n != 0 {
		t.Errorf("%d bytes of assembly are left", n)
	}
	if w := &s.recvWindow; w.available+w.owed != w.size {
		t.Errorf("of the connection's window %d bytes are left behind", w.size-w.available-w.owed)
	}
}

// checkCredit checks that one end has written no more DATA than the start values and the WINDOW frames of the other allow, for
// each stream and for the connection. It knows nothing of when which was sent: a breach of the order only could hide.
func checkCredit(t *testing.T, received, written [][]byte) {
	t.Helper()
	credit := map[uint32]int{0: startConnectionWindow}
	add := func(stream uint32, n int) {
		if _, ok := credit[stream]; !ok {
			credit[stream] = startStreamWindow
		}
		credit[stream] += n
	}
	for _, message := range received {
		if f, err := parseFrame(message); err == nil && f.kind == kindWindow {
			add(f.stream, int(f.increment()))
		}
	}
	for _, message := range written {
		f, err := parseFrame(message)
		cost := 0
		switch {
		case err != nil:
			continue
		case f.kind == kindData:
			cost = dataCost(len(f.payload))
		case f.kind == kindOpen && f.flags&flagInline != 0:
			_, inlined, _ := f.splitOpen()
			cost = dataCost(len(inlined))
		}
		add(f.stream, -cost)
		credit[0] -= cost
	}
	for stream, left := range credit {
		if left < 0 {
			t.Errorf("stream %d: %d bytes were sent without credit", stream, -left)
		}
	}
}

// epilogue ends all calls of a script, well or by RESET.
func epilogue(next uint32, resets bool) (messages [][]byte) {
	send := func(f muxFrame) { messages = append(messages, appendFrame(nil, f)) }
	credit := binary.BigEndian.AppendUint32(nil, 1<<24)
	send(muxFrame{kind: kindWindow, payload: credit})
	for id := uint32(1); id < next; id += 2 {
		if resets {
			send(muxFrame{kind: kindReset, stream: id})
			continue
		}
		send(muxFrame{kind: kindWindow, stream: id, payload: credit})
		send(muxFrame{kind: kindEndSend, stream: id})
	}
	return messages
}

// checkAllEnded checks that no call is left on a connection that lives, after the epilogue: but for those whose service waits
// to be cancelled.
func checkAllEnded(t *testing.T, server *muxServer, sock *scriptedSocket, next uint32) {
	select {
	case <-sock.closed:
		return
	default:
	}
	for _, st := range server.session.all() {
		method := st.owner.(*muxCall).call.method
		if st.id < next && (method == nil || !strings.HasSuffix(method.fullName, "StreamingInputCall")) {
			t.Errorf("a call of %v is left", method)
		}
	}
}

func newFuzzHandler(f *testing.F) *Handler {
	handler, err := NewHandler(WithMaxRecvMsgSize(100_000), WithMaxAssemblyBytes(100_000))
	if err != nil {
		f.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(handler, fuzzEcho{})
	return handler
}

type fuzzEcho struct {
	testgrpc.UnimplementedTestServiceServer
}

func (fuzzEcho) UnaryCall(_ context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{Payload: in.GetPayload()}, nil
}

func (fuzzEcho) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	for {
		in, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: in.GetPayload()}); err != nil {
			return err
		}
	}
}

// StreamingInputCall receives nothing until it is cancelled.
func (fuzzEcho) StreamingInputCall(stream testgrpc.TestService_StreamingInputCallServer) error {
	<-stream.Context().Done()
	return stream.Context().Err()
}

// clientScript makes frames of bytes: most of them legal, so that the fuzzer gets far.
func clientScript(data []byte) (messages [][]byte, next uint32) {
	send := func(f muxFrame) { messages = append(messages, appendFrame(nil, f)) }
	send(muxFrame{kind: kindSettings})
	next = 1
	current := next
	methods := []string{"FullDuplexCall", "UnaryCall", "StreamingInputCall", "Nope"}
	for len(data) >= 2 {
		op, arg := data[0], data[1]
		data = data[2:]
		flags := frameFlags(arg >> 4)
		switch op % 14 {
		case 0, 1, 2:
			open := marshalControl(&bridgev1.Open{Method: "/grpc.testing.TestService/" + methods[int(arg)%len(methods)], Encoding: []string{"", "gzip"}[op%2]})
			if op%14 == 2 {
				flags |= flagInline
				open = appendInlineOpen(nil, open, bytes.Repeat([]byte{0x0a}, int(arg)))
			}
			send(muxFrame{kind: kindOpen, flags: flags & (flagInline | flagEndSend), stream: next, payload: open})
			current, next = next, next+2
		case 3:
			current = max(current, 3) - 2
		case 4:
			send(muxFrame{kind: kindEndSend, stream: current})
		case 5:
			send(muxFrame{kind: kindReset, stream: current})
		case 6:
			send(muxFrame{kind: kindWindow, stream: current, payload: binary.BigEndian.AppendUint32(nil, uint32(arg)<<16|1)})
		case 7:
			send(muxFrame{kind: kindWindow, payload: binary.BigEndian.AppendUint32(nil, uint32(arg)<<16|1)})
		case 8:
			send(muxFrame{kind: kindPing, payload: make([]byte, pingBytes)})
		case 9:
			send(muxFrame{kind: kindAuth})
		case 10:
			send(muxFrame{kind: kindData, flags: flags & (flagMore | flagCompressed), stream: current, payload: make([]byte, int(arg)*64)})
		case 11:
			n := min(int(arg), len(data))
			messages = append(messages, data[:n:n])
			data = data[n:]
		case 12:
			send(muxFrame{kind: frameKind(arg), flags: flags, stream: current})
		case 13:
			message, _ := proto.Marshal(&testgrpc.SimpleRequest{Payload: &testgrpc.Payload{Body: make([]byte, int(arg)*32)}})
			send(muxFrame{kind: kindData, flags: flags & flagEndSend, stream: current, payload: message})
		}
	}
	return messages, next
}

// checkServerFrames checks that what a server wrote are frames, in an order that the protocol allows, within the client's
// start values.
func checkServerFrames(t *testing.T, written [][]byte) {
	t.Helper()
	type state struct{ headers, data, ended bool }
	streams := make(map[uint32]*state)
	for i, message := range written {
		f, err := parseFrame(message)
		if err != nil {
			t.Fatalf("the server wrote % x: %v", message, err)
		}
		if (i == 0) != (f.kind == kindSettings) {
			t.Fatalf("%v is frame %d", f.kind, i)
		}
		if f.stream == 0 {
			continue
		}
		st := streams[f.stream]
		if st == nil {
			st = new(state)
			streams[f.stream] = st
		}
		if st.ended {
			t.Fatalf("%v after the end of stream %d", f.kind, f.stream)
		}
		switch f.kind {
		case kindHeaders:
			if st.headers || st.data {
				t.Fatalf("HEADERS of stream %d come late or twice", f.stream)
			}
			st.headers = true
		case kindData:
			st.data = true
		case kindEnd:
			end := new(bridgev1.End)
			if err := f.decode(end); err != nil || end.GetStatus() != nil && end.GetStatus().GetCode() == int32(codes.OK) {
				t.Fatalf("END % x", f.payload)
			}
			st.ended = true
		case kindReset:
			st.ended = true
		case kindOpen, kindEndSend:
			t.Fatalf("%v from a server", f.kind)
		}
	}
}

// scriptedSocket is a messageSocket whose peer says what was written down, and then nothing.
type scriptedSocket struct {
	script  [][]byte // what was not read yet
	heard   [][]byte // what was
	written [][]byte // by the session's writer
	closed  chan struct{}
	once    sync.Once
}

func newScriptedSocket(script [][]byte) *scriptedSocket {
	return &scriptedSocket{script: script, closed: make(chan struct{})}
}

func (s *scriptedSocket) start(func()) {}

func (s *scriptedSocket) read(buf []byte, limit int) ([]byte, error) {
	if len(s.script) == 0 {
		<-s.closed
		return nil, io.ErrUnexpectedEOF
	}
	message := s.script[0]
	s.script = s.script[1:]
	s.heard = append(s.heard, message)
	if len(message) > limit {
		return nil, protocolError("too long")
	}
	return append(buf, message...), nil
}

func (s *scriptedSocket) write(message []byte) error {
	s.written = append(s.written, bytes.Clone(message))
	return nil
}

func (s *scriptedSocket) flush() error { return nil }

func (s *scriptedSocket) writeClose(CloseCode, string) error {
	s.abort() // a peer that answers at once
	return nil
}

func (s *scriptedSocket) rest() {}

func (s *scriptedSocket) park(sleeper) bool { return false }

func (s *scriptedSocket) progress() (uint64, bool) { return 0, false }

func (s *scriptedSocket) shutdown(error) {}

func (s *scriptedSocket) abort() { s.once.Do(func() { close(s.closed) }) }
