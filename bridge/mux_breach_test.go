package bridge_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// What a client may not do ends the connection with the code that docs/protocol.md says, and cancels its calls.
func TestMuxBreaches(t *testing.T) {
	t.Parallel()
	openBidi, err := proto.Marshal(&bridgev1.Open{Method: bidiPath})
	if err != nil {
		t.Fatal(err)
	}
	open := func(id uint32) wireFrame { return wireFrame{frameOpen, 0, id, openBidi} }
	for name, test := range map[string]struct {
		frames []wireFrame
		code   bridge.CloseCode
	}{
		"unknown type":                  {[]wireFrame{{kind: 12}}, bridge.CloseProtocolError},
		"highest unknown type":          {[]wireFrame{{kind: 127}}, bridge.CloseProtocolError},
		"unknown flag":                  {[]wireFrame{open(1), {kind: frameData, flags: 16, stream: 1}}, bridge.CloseProtocolError},
		"flag of another type":          {[]wireFrame{open(1), {kind: frameData, flags: inline, stream: 1}}, bridge.CloseProtocolError},
		"settings twice":                {[]wireFrame{{kind: frameSettings}}, bridge.CloseProtocolError},
		"settings on a stream":          {[]wireFrame{{kind: frameSettings, stream: 1}}, bridge.CloseProtocolError},
		"data of the connection":        {[]wireFrame{{kind: frameData}}, bridge.CloseProtocolError},
		"data before open":              {[]wireFrame{{kind: frameData, stream: 1}}, bridge.CloseProtocolError},
		"data of an even stream":        {[]wireFrame{open(3), {kind: frameData, stream: 2}}, bridge.CloseProtocolError},
		"reset before open":             {[]wireFrame{{kind: frameReset, stream: 1}}, bridge.CloseProtocolError},
		"window before open":            {[]wireFrame{{frameWindow, 0, 1, []byte{0, 0, 0, 1}}}, bridge.CloseProtocolError},
		"open of an even stream":        {[]wireFrame{open(2)}, bridge.CloseProtocolError},
		"open twice":                    {[]wireFrame{open(1), open(1)}, bridge.CloseStreamReused},
		"open going back":               {[]wireFrame{open(5), open(3)}, bridge.CloseStreamReused},
		"open that is no Open":          {[]wireFrame{{frameOpen, 0, 1, []byte{0xff}}}, bridge.CloseProtocolError},
		"inline without a length":       {[]wireFrame{{frameOpen, inline, 1, []byte{0, 0, 0}}}, bridge.CloseProtocolError},
		"inline beyond its frame":       {[]wireFrame{{frameOpen, inline, 1, []byte{0, 0, 0, 9, 1}}}, bridge.CloseProtocolError},
		"inline of more than a chunk":   {[]wireFrame{{frameOpen, inline, 1, inlinePayload(openBidi, make([]byte, 16<<10+1))}}, bridge.CloseProtocolError},
		"compressed without a message":  {[]wireFrame{{frameOpen, compressed, 1, openBidi}}, bridge.CloseProtocolError},
		"headers from a client":         {[]wireFrame{open(1), {kind: frameHeaders, stream: 1}}, bridge.CloseProtocolError},
		"end from a client":             {[]wireFrame{open(1), {kind: frameEnd, stream: 1}}, bridge.CloseProtocolError},
		"more and the half-close":       {[]wireFrame{open(1), {frameData, more | endSend, 1, []byte("a")}}, bridge.CloseProtocolError},
		"compressed within a message":   {[]wireFrame{open(1), {frameData, more, 1, []byte("a")}, {frameData, compressed, 1, []byte("a")}}, bridge.CloseProtocolError},
		"half-close within a message":   {[]wireFrame{open(1), {frameData, more, 1, []byte("a")}, {kind: frameEndSend, stream: 1}}, bridge.CloseProtocolError},
		"data after the half-close":     {[]wireFrame{open(1), {kind: frameEndSend, stream: 1}, {frameData, 0, 1, []byte("a")}}, bridge.CloseProtocolError},
		"chunk too long":                {[]wireFrame{open(1), {frameData, 0, 1, make([]byte, 16<<10+1)}}, bridge.CloseProtocolError},
		"window of nothing":             {[]wireFrame{{frameWindow, 0, 0, []byte{0, 0, 0, 0}}}, bridge.CloseProtocolError},
		"window of too much":            {[]wireFrame{{frameWindow, 0, 0, []byte{0x80, 0, 0, 0}}}, bridge.CloseProtocolError},
		"window that overflows":         {[]wireFrame{{frameWindow, 0, 0, []byte{0x7f, 0xff, 0xff, 0xff}}}, bridge.CloseProtocolError},
		"stream window that overflows":  {[]wireFrame{open(1), {frameWindow, 0, 1, []byte{0x7f, 0xff, 0xff, 0xff}}}, bridge.CloseProtocolError},
		"short window":                  {[]wireFrame{{frameWindow, 0, 0, []byte{1}}}, bridge.CloseProtocolError},
		"short ping":                    {[]wireFrame{{framePing, 0, 0, []byte("1234567")}}, bridge.CloseProtocolError},
		"long frame":                    {[]wireFrame{{200, 0, 0, make([]byte, 200<<10)}}, bridge.CloseProtocolError},
		"long reset":                    {[]wireFrame{open(1), {frameReset, 0, 1, make([]byte, 64<<10+1)}}, bridge.CloseProtocolError},
		"reset that is no Reset":        {[]wireFrame{open(1), {frameReset, 0, 1, []byte{0xff}}}, bridge.CloseProtocolError},
		"auth that is no Auth":          {[]wireFrame{{frameAuth, 0, 0, []byte{0xff}}}, bridge.CloseProtocolError},
		"data over the stream's window": {append([]wireFrame{open(1)}, bytesOver(64<<10)...), bridge.CloseProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cancelled := make(chan struct{}, 2)
			s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
				<-stream.Context().Done()
				cancelled <- struct{}{}
				return nil
			}})
			p := s.dialMux(t)
			p.openWith(0xffff_0001, &bridgev1.Open{Method: bidiPath})
			p.conn.Close()
			receive(t, cancelled)

			p = s.dialMux(t)
			for _, f := range test.frames {
				p.trySend(f)
			}
			if reason := p.expectClose(test.code); reason == "" || strings.Contains(reason, "%!") {
				t.Errorf("reason %q", reason)
			}
			p.conn.Close()
			s.idle(t)
		})
	}
}

// bytesOver are more bytes than a window has, in an unfinished message.
func bytesOver(window int) (frames []wireFrame) {
	for sent := 0; sent <= window; sent += 16 << 10 {
		frames = append(frames, wireFrame{frameData, more, 1, make([]byte, 16<<10)})
	}
	return frames
}

func TestMuxFirstFrame(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	for name, test := range map[string]struct {
		frame wireFrame
		code  bridge.CloseCode
	}{
		"not settings":          {wireFrame{framePing, 0, 0, []byte("01234567")}, bridge.CloseProtocolError},
		"ignorable":             {wireFrame{kind: 255}, bridge.CloseProtocolError},
		"malformed settings":    {wireFrame{frameSettings, 0, 0, []byte{0xff}}, bridge.CloseProtocolError},
		"window over the limit": {wireFrame{frameSettings, 0, 0, encodeMessage(t, &bridgev1.Settings{StreamWindowBytes: 1 << 31})}, bridge.CloseProtocolError},
		"metadata that is none": {wireFrame{frameSettings, 0, 0, encodeMessage(t, &bridgev1.Settings{Metadata: []*bridgev1.Metadatum{text("A", "b")}})}, bridge.CloseProtocolError},
	} {
		p := s.dialMuxSilent(t, nil)
		p.send(test.frame)
		p.expectSettings()
		if reason := p.expectClose(test.code); reason == "" {
			t.Errorf("%s: no reason", name)
		}
	}
}

func encodeMessage(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestMuxTextMessage(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	if err := p.conn.WriteMessage(websocket.TextMessage, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	p.expectClose(bridge.CloseWrongFrameType)
}

func TestMuxShortFrame(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	if err := p.conn.WriteMessage(websocket.BinaryMessage, []byte{8, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	p.expectClose(bridge.CloseProtocolError)
}

// Frames that crossed the end of their stream are dropped, and so are those of types that may be ignored.
func TestMuxLateFramesAreDropped(t *testing.T) {
	t.Parallel()
	p := serve(t, &echoServer{}).dialMux(t)
	p.call(1, &bridgev1.Open{Method: emptyPath}, &testgrpc.Empty{})
	p.expect(frameHeaders, 1)
	p.expect(frameData, 1)
	p.expectEnd(1)
	p.send(
		wireFrame{kind: frameEndSend, stream: 1},
		wireFrame{frameWindow, 0, 1, []byte{0, 0, 0, 1}},
		wireFrame{kind: frameReset, stream: 1},
		wireFrame{kind: 128, flags: 0xff, stream: 77, payload: []byte("what")},
		wireFrame{kind: frameGoAway},
		wireFrame{kind: framePong, payload: []byte("01234567")},
	)
	// DATA of a stream that has ended still returns the connection's credit.
	for range 100 {
		p.send(wireFrame{frameData, 0, 1, bytes.Repeat([]byte("x"), 16<<10)})
	}
	p.checkAlive(3)
	if got := p.granted[0]; got < 1<<20 {
		t.Errorf("%d bytes granted", got)
	}
}

// A client may stop anywhere in the middle of a frame.
func TestMuxLostWithinAFrame(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	p := s.dialMux(t)
	p.open(1, bidiPath)
	if _, err := p.conn.NetConn().Write([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3, 4, 5}); err != nil {
		t.Fatal(err)
	}
	p.conn.Close()
	s.idle(t)
}
