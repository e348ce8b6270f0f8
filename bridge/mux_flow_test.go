package bridge_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// muxSender sends a long message as credit allows, while the answers are read.
type muxSender struct {
	p          *muxPeer
	stream     uint32
	rest       []byte
	connection int
	window     int
}

func newMuxSender(p *muxPeer, stream uint32, message []byte) *muxSender {
	return &muxSender{p: p, stream: stream, rest: message, connection: 1 << 20, window: 64 << 10}
}

// send sends all that there is credit for.
func (s *muxSender) send() {
	for len(s.rest) > 0 && min(s.connection, s.window) > 0 {
		n := min(len(s.rest), s.connection, s.window, 16<<10)
		f := wireFrame{kind: frameData, stream: s.stream, payload: s.rest[:n]}
		if s.rest = s.rest[n:]; len(s.rest) > 0 {
			f.flags = more
		}
		s.connection, s.window = s.connection-n, s.window-n
		s.p.send(f)
	}
}

// take notes credit; true if f was WINDOW.
func (s *muxSender) take(f wireFrame) bool {
	if f.kind != frameWindow {
		return false
	}
	n := int(binary.BigEndian.Uint32(f.payload))
	switch f.stream {
	case 0:
		s.connection += n
	case s.stream:
		s.window += n
	}
	return true
}

// Messages of all sizes, cut as the client likes, come back whole; neither side ever sends without credit.
func TestMuxMessageSizes(t *testing.T) {
	t.Parallel()
	const largest = 64 << 20
	s := serve(t, &echoServer{}, bridge.WithMaxRecvMsgSize(largest+100))
	for _, size := range []int{1, 16<<10 - 20, 16 << 10, 64 << 10, 64<<10 + 1, 1 << 20, largest} {
		p := s.dialMux(t)
		p.conn.SetReadDeadline(time.Now().Add(10 * patience))
		p.open(1, bidiPath)
		body := bytes.Repeat([]byte("x"), size)
		sender := newMuxSender(p, 1, p.encode(&testgrpc.StreamingOutputCallRequest{Payload: &testgrpc.Payload{Body: body}}))
		var answer []byte
		for answering := true; answering; {
			sender.send()
			f, err := p.read()
			if err != nil {
				t.Fatalf("size %d: %v", size, err)
			}
			switch {
			case sender.take(f):
			case f.kind == frameData:
				answer = append(answer, f.payload...)
				answering = f.flags&more != 0
			case f.kind == frameEnd:
				t.Fatalf("size %d: the call has ended", size)
			}
		}
		if got := bodyOf(t, answer); len(got) != size {
			t.Errorf("size %d: %d bytes came back", size, len(got))
		}
		p.conn.Close()
	}
	s.idle(t)
}

// A call whose service does not receive, and one whose client does not read, never delay their neighbours.
func TestMuxStalledStreamsDelayNobody(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := serve(t, &echoServer{
		fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			select {
			case <-release:
			case <-stream.Context().Done():
			}
			return nil
		},
		output: func(in *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
			for range 100 {
				if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: in.GetPayload()}); err != nil {
					return err
				}
			}
			return nil
		},
	})
	p := s.dialMux(t)
	p.byHand = true
	stalled := []uint32{1, 3, 5, 7, 9, 11, 13, 15, 17, 19}
	for _, id := range stalled { // ten windows of what nobody receives, more than half of the connection's
		p.open(id, bidiPath)
		for range 4 {
			p.send(wireFrame{frameData, more, id, make([]byte, 16<<10)})
		}
	}
	big := &testgrpc.StreamingOutputCallRequest{Payload: &testgrpc.Payload{Body: make([]byte, 10<<10)}}
	p.call(21, &bridgev1.Open{Method: serverPath}, big) // a megabyte that nobody reads
	for id := uint32(23); id < 223; id += 2 {
		p.checkAlive(id)
	}
	if got := p.creditOf(21); got != 0 {
		t.Errorf("of the stalled answer %d bytes of credit are unused", got)
	}
	if p.granted[0] == 0 {
		t.Error("the connection's credit did not come back")
	}
	for _, id := range stalled {
		if p.granted[id] != 0 {
			t.Errorf("stream %d, which nobody receives, was granted %d bytes", id, p.granted[id])
		}
	}
	close(release)
	p.grant(0, 1<<20)
	p.grant(21, 2<<20)
	p.skipTo(frameEnd, 21)
	p.conn.Close()
	s.idle(t)
}

// What a stream and the connection are granted is what was received of them, in the end all of it.
func TestMuxCreditIsReplenished(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		for {
			if _, err := stream.Recv(); err != nil {
				return nil
			}
		}
	}})
	p := s.dialMux(t)
	p.open(1, bidiPath)
	message := p.encode(echoOf(string(make([]byte, 1000))))
	sender := newMuxSender(p, 1, nil)
	sent := 0
	for sent < 4<<20 {
		for sender.window < len(message) || sender.connection < len(message) {
			f, err := p.read()
			if err != nil {
				t.Fatalf("no more credit after %d bytes: %v", sent, err)
			}
			sender.take(f)
		}
		sender.rest = message
		sender.send()
		sent += len(message)
	}
	p.send(wireFrame{framePing, 0, 0, []byte("01234567")})
	p.skipTo(framePong, 0)
	if missing := sent - p.granted[0]; missing < 0 || missing > 512<<10 {
		t.Errorf("connection: %d bytes sent, %d granted", sent, p.granted[0])
	}
	if missing := sent - p.granted[1]; missing < 0 || missing > 64<<10 {
		t.Errorf("stream: %d bytes sent, %d granted", sent, p.granted[1])
	}
}

// Messages that are never received cost credit, also empty ones.
func TestMuxEmptyMessagesCostCredit(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		<-stream.Context().Done()
		return nil
	}}).dialMux(t)
	p.open(1, bidiPath)
	for range 64 << 10 {
		p.send(wireFrame{frameData, 0, 1, nil})
	}
	p.checkAlive(3)
	p.send(wireFrame{frameData, 0, 1, nil})
	p.expectClose(bridge.CloseProtocolError)
}

// A service that sends waits for the client, on each stream by itself, and goes on when credit comes.
func TestMuxSenderWaitsForCredit(t *testing.T) {
	t.Parallel()
	sent := make(chan int, 1000)
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		for i := range 64 {
			if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, 8<<10)}}); err != nil {
				return err
			}
			sent <- i
		}
		close(sent)
		return nil
	}})
	p := s.dialMux(t)
	p.byHand = true
	p.open(1, bidiPath)
	for p.creditOf(1) > 0 {
		p.next()
	}
	p.checkAlive(3)
	if n := len(sent); n > 17 {
		t.Errorf("%d messages of 8 KiB were taken from the service, for a window of 64 KiB and a queue of as much", n)
	}
	p.byHand = false
	p.grant(1, 64<<10)
	p.skipTo(frameEnd, 1)
	n := 0
	for range sent {
		n++
	}
	if n != 64 {
		t.Errorf("%d messages were sent", n)
	}
}

// A goroutine of the service that waits for credit in SendMsg does not outlive the call: what it sends would come after END.
func TestMuxEndWakesSender(t *testing.T) {
	t.Parallel()
	sending, sent := make(chan struct{}), make(chan error, 1)
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		go func() {
			message := &testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, 8<<10)}}
			for i := 0; ; i++ {
				if i == 16 { // a window, and as much again in the queue: the next one waits
					close(sending)
				}
				if err := stream.Send(message); err != nil {
					sent <- err
					return
				}
			}
		}()
		<-sending
		return status.Error(codes.Unavailable, "enough")
	}})
	p := s.dialMux(t)
	p.byHand = true
	p.open(1, bidiPath)
	select {
	case err := <-sent:
		if status.Code(err) != codes.Canceled {
			t.Errorf("the sender got %v", err)
		}
	case <-time.After(patience):
		t.Error("the sender still waits")
	}
	p.grant(1, 1<<20)
	if f := p.skipTo(frameEnd, 1); !bytes.Contains(f.payload, []byte("enough")) {
		t.Errorf("END %q", f.payload)
	}
}

// Chunks of several streams take turns: a short answer does not wait for a long one.
func TestMuxTurns(t *testing.T) {
	t.Parallel()
	ready := make(chan struct{})
	s := serve(t, &echoServer{output: func(in *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
		select {
		case <-ready:
		case <-stream.Context().Done():
		}
		return stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, 200<<10)}})
	}})
	p := s.dialMuxSilent(t, nil)
	p.byHand = true
	p.send(wireFrame{frameSettings, 0, 0, p.encode(&bridgev1.Settings{StreamWindowBytes: 1 << 20})})
	p.expectSettings()
	p.credit = map[uint32]int{1: 1 << 20, 3: 1 << 20, 5: 1 << 20}
	for _, id := range []uint32{1, 3, 5} {
		p.call(id, &bridgev1.Open{Method: serverPath}, &testgrpc.StreamingOutputCallRequest{})
	}
	close(ready)
	chunks := map[uint32]int{}
	for range 3 * 13 {
		f := p.next()
		for f.kind != frameData {
			f = p.next()
		}
		chunks[f.stream]++
		if len(chunks) == 3 { // once all three are under way
			low, high := min(chunks[1], chunks[3], chunks[5]), max(chunks[1], chunks[3], chunks[5])
			if low > 0 && low < 13 && high-low > 13 {
				t.Errorf("chunks so far: %v", chunks)
			}
		}
	}
	for id, n := range chunks {
		if n != 13 {
			t.Errorf("stream %d: %d chunks", id, n)
		}
	}
}
