package bridge_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// A server that breaks the protocol is closed with the code that says how; the call that runs ends with UNAVAILABLE.
func TestClientClosesOnBreach(t *testing.T) {
	t.Parallel()
	credit := wireFrame{frameWindow, 0, 0, []byte{0x7f, 0xff, 0xff, 0xff}}
	chunk := wireFrame{frameData, more, 1, make([]byte, 16<<10)}
	for name, test := range map[string]struct {
		frames []wireFrame
		code   bridge.CloseCode
	}{
		"unknown type":           {[]wireFrame{{kind: 99}}, bridge.CloseProtocolError},
		"unknown flag":           {[]wireFrame{{frameData, 0x80, 1, nil}}, bridge.CloseProtocolError},
		"SETTINGS twice":         {[]wireFrame{{kind: frameSettings}}, bridge.CloseProtocolError},
		"OPEN":                   {[]wireFrame{{kind: frameOpen, stream: 2}}, bridge.CloseProtocolError},
		"AUTH without a request": {[]wireFrame{{kind: frameAuth}}, bridge.CloseProtocolError},
		"stream never opened":    {[]wireFrame{{kind: frameData, stream: 3}}, bridge.CloseProtocolError},
		"stream of its own":      {[]wireFrame{{kind: frameHeaders, stream: 2}}, bridge.CloseProtocolError},
		"HEADERS twice":          {[]wireFrame{{kind: frameHeaders, stream: 1}, {kind: frameHeaders, stream: 1}}, bridge.CloseProtocolError},
		"HEADERS after DATA":     {[]wireFrame{{kind: frameData, stream: 1}, {kind: frameHeaders, stream: 1}}, bridge.CloseProtocolError},
		"malformed HEADERS":      {[]wireFrame{{frameHeaders, 0, 1, []byte{0xff}}}, bridge.CloseProtocolError},
		"malformed END":          {[]wireFrame{{frameEnd, 0, 1, []byte{0xff}}}, bridge.CloseProtocolError},
		"malformed RESET":        {[]wireFrame{{frameReset, 0, 1, []byte{0xff}}}, bridge.CloseProtocolError},
		"malformed GOAWAY":       {[]wireFrame{{frameGoAway, 0, 0, []byte{0xff}}}, bridge.CloseProtocolError},
		"too much credit":        {[]wireFrame{credit}, bridge.CloseProtocolError},
		"too long a chunk":       {[]wireFrame{{frameData, 0, 1, make([]byte, 16<<10+1)}}, bridge.CloseProtocolError},
		"too many PINGs":         {repeated(wireFrame{framePing, 0, 0, make([]byte, 8)}, 200), bridge.CloseTooMany},
		"DATA without credit":    {repeated(chunk, 5), bridge.CloseProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScriptedServer(t)
			client := testgrpc.NewTestServiceClient(dialTarget(t, s.http.URL))
			stream, err := client.FullDuplexCall(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p := s.next()
			p.expectOpen(1)
			for _, f := range test.frames {
				if p.conn.WriteMessage(websocket.BinaryMessage, f.encode()) != nil {
					break
				}
			}
			p.expectClose(test.code)
			for err = nil; err == nil; _, err = stream.Recv() {
			}
			if status.Code(err) != codes.Unavailable {
				t.Errorf("the call ended with %v", err)
			}
		})
	}
}

func repeated(f wireFrame, n int) []wireFrame {
	frames := make([]wireFrame, n)
	for i := range frames {
		frames[i] = f
	}
	return frames
}

// A text message closes with its own code.
func TestClientClosesOnText(t *testing.T) {
	t.Parallel()
	s := newScriptedServer(t)
	stream, err := testgrpc.NewTestServiceClient(dialTarget(t, s.http.URL)).FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := s.next()
	p.conn.WriteMessage(websocket.TextMessage, []byte("hello"))
	p.expectClose(bridge.CloseWrongFrameType)
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the call ended with %v", err)
	}
}

// What a server may do and a careless client would stumble over.
func TestClientTakesWhatIsLegal(t *testing.T) {
	t.Parallel()
	s := newScriptedServer(t)
	client := testgrpc.NewTestServiceClient(dialTarget(t, s.http.URL))
	ctx, cancel := context.WithCancel(t.Context())
	cancelled, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p := s.next()
	p.expectOpen(1)
	cancel()
	p.expect(frameReset, 1)
	// Frames of a stream that has ended cross its end, and types from 128 on are for others.
	p.send(wireFrame{kind: frameHeaders, stream: 1}, wireFrame{kind: frameData, stream: 1}, wireFrame{kind: 200, stream: 77},
		wireFrame{kind: frameEnd, stream: 1}, wireFrame{kind: frameReset, stream: 1}, wireFrame{framePong, 0, 0, make([]byte, 8)})
	if _, err := cancelled.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("the cancelled call ended with %v", err)
	}
	// DATA without HEADERS, a message in chunks, some of them empty, and an END within a message that says why.
	stream, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.expectOpen(3)
	message := wireBytes(t, &testgrpc.StreamingOutputCallResponse{Payload: payload("hello")})
	p.send(wireFrame{frameData, more, 3, message[:3]}, wireFrame{frameData, more, 3, nil}, wireFrame{frameData, 0, 3, message[3:]},
		wireFrame{frameData, more, 3, []byte("unfinished")})
	p.sendMessage(frameEnd, 3, &bridgev1.End{Status: &spb.Status{Code: int32(codes.DataLoss)}})
	if m, err := stream.Recv(); err != nil || string(m.GetPayload().GetBody()) != "hello" {
		t.Errorf("message %v, %v", m, err)
	}
	if header, err := stream.Header(); header == nil || err != nil {
		t.Errorf("headers %v, %v", header, err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.DataLoss {
		t.Errorf("the call ended with %v", err)
	}
}

// What is wrong with a call ends that call and no other.
func TestClientEndsOnlyTheCall(t *testing.T) {
	t.Parallel()
	s := newScriptedServer(t)
	client := testgrpc.NewTestServiceClient(dialTarget(t, s.http.URL))
	bystander, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := s.next()
	p.expectOpen(1)
	stream := uint32(1)
	for name, test := range map[string]struct {
		frames []wireFrame
		want   string
	}{
		"no message":         {[]wireFrame{{kind: frameHeaders}, {kind: frameEnd}}, "received no response message"},
		"two messages":       {[]wireFrame{{kind: frameData}, {kind: frameData}, {kind: frameEnd}}, "received another message"},
		"malformed message":  {[]wireFrame{{frameData, 0, 0, []byte{0xff}}, {kind: frameEnd}}, "failed to unmarshal"},
		"COMPRESSED":         {[]wireFrame{{frameData, compressed, 0, []byte{1}}}, "compressed message in a call without an encoding"},
		"END in a message":   {[]wireFrame{{frameData, more, 0, []byte{1}}, {kind: frameEnd}}, "within a message"},
		"RESET without code": {[]wireFrame{{kind: frameReset}}, "code = Unknown"},
	} {
		stream += 2
		failed := make(chan error, 1)
		go func() {
			_, err := client.EmptyCall(t.Context(), &testgrpc.Empty{})
			failed <- err
		}()
		p.expectOpen(stream)
		for _, f := range test.frames {
			f.stream = stream
			p.send(f)
		}
		err := receive(t, failed)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want one with %q", name, err, test.want)
		}
		if last := test.frames[len(test.frames)-1]; last.kind == frameData {
			p.expect(frameReset, stream)
			continue
		}
		// The client may have given up before it saw the end: then a RESET comes before the answer to a PING.
		p.send(wireFrame{framePing, 0, 0, []byte("01234567")})
		for f := p.next(); f.kind != framePong; f = p.next() {
			if f.kind != frameReset || f.stream != stream {
				t.Errorf("%s: got %v", name, f)
			}
		}
	}
	p.answer(1)
	if _, err := bystander.Recv(); err != nil {
		t.Errorf("the other call: %v", err)
	}
	if _, err := bystander.Recv(); err != io.EOF {
		t.Errorf("the other call: %v", err)
	}
}

// A unary call is one frame behind the client's SETTINGS, and waits for nothing.
func TestClientFirstCallCostsNoRoundTrip(t *testing.T) {
	t.Parallel()
	s := newScriptedServer(t)
	client := testgrpc.NewTestServiceClient(dialTarget(t, s.http.URL))
	done := make(chan error, 1)
	go func() {
		_, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{Payload: payload("hi")})
		done <- err
	}()
	p := s.nextSilent()
	f := p.expect(frameOpen, 1)
	if f.flags != inline|endSend {
		t.Errorf("flags %d of OPEN", f.flags)
	}
	p.send(wireFrame{kind: frameSettings})
	p.answer(1)
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}
