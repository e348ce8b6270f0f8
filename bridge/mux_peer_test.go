package bridge_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/gorilla/websocket"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// The frames of multiplexed mode, written down a second time: what the tests send and expect does not come from the code
// they test.
const (
	frameSettings = iota
	frameOpen
	frameHeaders
	frameData
	frameEndSend
	frameEnd
	frameReset
	frameWindow
	framePing
	framePong
	frameGoAway
	frameAuth

	more       = 1
	compressed = 2
	endSend    = 4
	inline     = 8
)

// wireFrame is a frame as it travels.
type wireFrame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

func (f wireFrame) String() string {
	return fmt.Sprintf("{type %d flags %d stream %d, %d bytes}", f.kind, f.flags, f.stream, len(f.payload))
}

func (f wireFrame) encode() []byte {
	data := binary.BigEndian.AppendUint32([]byte{f.kind, f.flags}, f.stream)
	return append(data, f.payload...)
}

// muxPeer is a client of multiplexed mode that speaks frames. It keeps the windows' books: it fails a server that sends without
// credit, and gives credit back at once, unless the test does so by hand.
type muxPeer struct {
	t        testing.TB
	conn     *websocket.Conn
	settings *bridgev1.Settings // the server's
	byHand   bool               // credit is given by the test

	connCredit int
	credit     map[uint32]int // by stream; what the server may send
	granted    map[uint32]int // what the server has granted beyond its start values
}

// dialMux opens a multiplexed connection and exchanges SETTINGS.
func (s *server) dialMux(t testing.TB) *muxPeer {
	t.Helper()
	p := s.dialMuxSilent(t, nil)
	p.send(wireFrame{kind: frameSettings})
	p.expectSettings()
	return p
}

// dialMuxSilent opens a multiplexed connection and sends nothing.
func (s *server) dialMuxSilent(t testing.TB, header http.Header) *muxPeer {
	t.Helper()
	c := s.dialHeader(t, bridge.DefaultBasePath, header, bridge.SubprotocolMultiplexed)
	if got := c.conn.Subprotocol(); got != bridge.SubprotocolMultiplexed {
		t.Fatalf("subprotocol %q", got)
	}
	return newMuxPeer(t, c.conn)
}

func newMuxPeer(t testing.TB, conn *websocket.Conn) *muxPeer {
	return &muxPeer{t: t, conn: conn, connCredit: 1 << 20, credit: map[uint32]int{}, granted: map[uint32]int{}}
}

func (p *muxPeer) expectSettings() {
	p.t.Helper()
	p.settings = new(bridgev1.Settings)
	p.decode(p.expect(frameSettings, 0), p.settings)
}

func (p *muxPeer) send(frames ...wireFrame) {
	p.t.Helper()
	for _, f := range frames {
		if err := p.conn.WriteMessage(websocket.BinaryMessage, f.encode()); err != nil {
			p.t.Fatalf("send %v: %v", f, err)
		}
	}
}

// trySend is send for a server that may have closed the connection.
func (p *muxPeer) trySend(f wireFrame) error {
	return p.conn.WriteMessage(websocket.BinaryMessage, f.encode())
}

// open begins a call without a message.
func (p *muxPeer) open(stream uint32, method string) {
	p.t.Helper()
	p.openWith(stream, &bridgev1.Open{Method: method})
}

func (p *muxPeer) openWith(stream uint32, open *bridgev1.Open) {
	p.t.Helper()
	p.send(wireFrame{frameOpen, 0, stream, p.encode(open)})
}

// call makes a whole unary call in one frame.
func (p *muxPeer) call(stream uint32, open *bridgev1.Open, request proto.Message) {
	p.t.Helper()
	p.send(wireFrame{frameOpen, inline | endSend, stream, inlinePayload(p.encode(open), p.encode(request))})
}

func inlinePayload(open, message []byte) []byte {
	payload := binary.BigEndian.AppendUint32(nil, uint32(len(open)))
	return slices.Concat(payload, open, message)
}

func (p *muxPeer) grant(stream uint32, n int) {
	p.t.Helper()
	if stream == 0 {
		p.connCredit += n
	} else {
		p.credit[stream] = p.creditOf(stream) + n
	}
	p.send(wireFrame{frameWindow, 0, stream, binary.BigEndian.AppendUint32(nil, uint32(n))})
}

func (p *muxPeer) creditOf(stream uint32) int {
	if n, ok := p.credit[stream]; ok {
		return n
	}
	return 64 << 10
}

func (p *muxPeer) encode(m proto.Message) []byte {
	p.t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		p.t.Fatal(err)
	}
	return data
}

func (p *muxPeer) decode(f wireFrame, m proto.Message) {
	p.t.Helper()
	if err := proto.Unmarshal(f.payload, m); err != nil {
		p.t.Fatalf("%v: %v", f, err)
	}
}

// read returns the next frame of any kind.
func (p *muxPeer) read() (wireFrame, error) {
	kind, data, err := p.conn.ReadMessage()
	if err != nil {
		return wireFrame{}, err
	}
	if kind != websocket.BinaryMessage || len(data) < 6 {
		p.t.Fatalf("message of type %d: %x", kind, data)
	}
	f := wireFrame{data[0], data[1], binary.BigEndian.Uint32(data[2:]), data[6:]}
	p.account(f)
	return f, nil
}

// account keeps the books.
func (p *muxPeer) account(f wireFrame) {
	switch f.kind {
	case frameWindow:
		p.granted[f.stream] += int(binary.BigEndian.Uint32(f.payload))
	case frameData:
		cost := max(len(f.payload), 1)
		p.connCredit -= cost
		p.credit[f.stream] = p.creditOf(f.stream) - cost
		if p.connCredit < 0 || p.credit[f.stream] < 0 || len(f.payload) > 16<<10 {
			p.t.Fatalf("%v without credit: connection %d, stream %d", f, p.connCredit, p.credit[f.stream])
		}
		if !p.byHand {
			p.grant(0, cost)
			p.grant(f.stream, cost)
		}
	}
}

// next returns the next frame that is about a call: no WINDOW, no PING.
func (p *muxPeer) next() wireFrame {
	p.t.Helper()
	for {
		f, err := p.read()
		if err != nil {
			p.t.Fatalf("waiting for a frame: %v", err)
		}
		if f.kind != frameWindow && f.kind != framePing {
			return f
		}
	}
}

// expect returns the next frame about a call, which must be of this kind and stream.
func (p *muxPeer) expect(kind byte, stream uint32) wireFrame {
	p.t.Helper()
	f := p.next()
	if f.kind != kind || f.stream != stream {
		status := new(bridgev1.End)
		if f.kind == frameEnd {
			p.decode(f, status)
		}
		p.t.Fatalf("got %v, want type %d of stream %d; %v", f, kind, stream, status)
	}
	return f
}

// expectMessage reads a whole message, in as many chunks as it takes.
func (p *muxPeer) expectMessage(stream uint32) []byte {
	p.t.Helper()
	var message []byte
	for {
		f := p.expect(frameData, stream)
		message = append(message, f.payload...)
		if f.flags&more == 0 {
			return message
		}
	}
}

// expectEnd returns the END of a stream.
func (p *muxPeer) expectEnd(stream uint32) *bridgev1.End {
	p.t.Helper()
	end := new(bridgev1.End)
	p.decode(p.expect(frameEnd, stream), end)
	return end
}

func (p *muxPeer) expectReset(stream uint32) *bridgev1.Reset {
	p.t.Helper()
	reset := new(bridgev1.Reset)
	p.decode(p.expect(frameReset, stream), reset)
	return reset
}

// expectClose reads up to the close frame, which must have this code.
func (p *muxPeer) expectClose(code bridge.CloseCode) string {
	p.t.Helper()
	for {
		_, err := p.read()
		if err == nil {
			continue
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != int(code) {
			p.t.Fatalf("connection ended with %v, want close code %d", err, code)
		}
		return closed.Text
	}
}

// skipTo reads on to the first frame of this kind and stream.
func (p *muxPeer) skipTo(kind byte, stream uint32) wireFrame {
	p.t.Helper()
	for {
		f, err := p.read()
		if err != nil {
			p.t.Fatalf("waiting for type %d of stream %d: %v", kind, stream, err)
		}
		if f.kind == kind && f.stream == stream {
			return f
		}
	}
}

// checkAlive makes a call and sees it end well: the connection still works.
func (p *muxPeer) checkAlive(stream uint32) {
	p.t.Helper()
	p.call(stream, &bridgev1.Open{Method: emptyPath}, &testgrpc.Empty{})
	p.skipTo(frameHeaders, stream)
	p.skipTo(frameData, stream)
	p.skipTo(frameEnd, stream)
}

// metadataOf is a frame's metadata by key.
func metadataOf(entries []*bridgev1.Metadatum) metadata.MD {
	md := metadata.MD{}
	for _, entry := range entries {
		value := entry.GetText()
		if binary := entry.GetBinary(); binary != nil {
			value = string(binary)
		}
		md.Append(entry.GetKey(), value)
	}
	return md
}

func text(key, value string) *bridgev1.Metadatum {
	return &bridgev1.Metadatum{Key: key, Value: &bridgev1.Metadatum_Text{Text: value}}
}

func echoOf(body string) *testgrpc.StreamingOutputCallRequest {
	return &testgrpc.StreamingOutputCallRequest{Payload: &testgrpc.Payload{Body: []byte(body)}}
}

func bodyOf(t testing.TB, message []byte) string {
	t.Helper()
	response := new(testgrpc.StreamingOutputCallResponse)
	if err := proto.Unmarshal(message, response); err != nil {
		t.Fatal(err)
	}
	return string(response.GetPayload().GetBody())
}

// idle waits until a server has no socket and no call left.
func (s *server) idle(t testing.TB) {
	t.Helper()
	waitUntil(t, func() bool { return s.handler.Stats().Open == 0 })
}

// openEncoded begins a bidi call with one compressed message.
func (p *muxPeer) openEncoded(stream uint32, encoding, body string) {
	p.t.Helper()
	p.openWith(stream, &bridgev1.Open{Method: bidiPath, Encoding: encoding})
	p.send(wireFrame{frameData, compressed, stream, gzipped(p.t, p.encode(echoOf(body)))})
}
