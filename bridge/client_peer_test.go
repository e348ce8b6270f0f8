package bridge_test

import (
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// scriptedServer accepts sockets, on which the test speaks frames.
type scriptedServer struct {
	t     testing.TB
	http  *httptest.Server
	pipes *pipeListener // in place of http, with a fake clock
	peers chan *serverPeer
}

// serverPeer is a server of multiplexed mode that speaks frames.
type serverPeer struct {
	t      testing.TB
	conn   *websocket.Conn
	header http.Header // of the handshake
}

func newScriptedServer(t testing.TB) *scriptedServer {
	t.Helper()
	s := &scriptedServer{t: t, peers: make(chan *serverPeer, 100)}
	s.http = httptest.NewServer(s)
	t.Cleanup(s.http.Close)
	return s
}

func newPipedScriptedServer(t testing.TB) *scriptedServer {
	t.Helper()
	s := &scriptedServer{t: t, pipes: newPipeListener(), peers: make(chan *serverPeer, 100)}
	web := &http.Server{Handler: s}
	served := make(chan struct{})
	go func() {
		defer close(served)
		web.Serve(s.pipes)
	}()
	t.Cleanup(func() {
		web.Close()
		<-served
	})
	return s
}

func (s *scriptedServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{bridge.SubprotocolMultiplexed}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.t.Errorf("handshake: %v", err)
		return
	}
	s.t.Cleanup(func() { conn.Close() })
	if s.pipes == nil {
		conn.SetReadDeadline(time.Now().Add(patience))
	}
	s.peers <- &serverPeer{s.t, conn, r.Header}
}

// next returns the next socket that the client opens, after the exchange of SETTINGS.
func (s *scriptedServer) next() *serverPeer {
	s.t.Helper()
	p := s.nextSilent()
	p.send(wireFrame{kind: frameSettings})
	return p
}

// nextSilent returns the next socket after the client's SETTINGS.
func (s *scriptedServer) nextSilent() *serverPeer {
	s.t.Helper()
	p := receive(s.t, s.peers)
	p.expect(frameSettings, 0)
	return p
}

func (p *serverPeer) send(frames ...wireFrame) {
	p.t.Helper()
	for _, f := range frames {
		if err := p.conn.WriteMessage(websocket.BinaryMessage, f.encode()); err != nil {
			p.t.Fatalf("send %v: %v", f, err)
		}
	}
}

func (p *serverPeer) sendMessage(kind byte, stream uint32, m proto.Message) {
	p.t.Helper()
	p.send(wireFrame{kind, 0, stream, wireBytes(p.t, m)})
}

func wireBytes(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// answer ends a call well, with an empty message.
func (p *serverPeer) answer(stream uint32) {
	p.t.Helper()
	p.send(wireFrame{kind: frameHeaders, stream: stream}, wireFrame{kind: frameData, stream: stream}, wireFrame{kind: frameEnd, stream: stream})
}

func (p *serverPeer) read() (wireFrame, error) {
	kind, data, err := p.conn.ReadMessage()
	if err != nil {
		return wireFrame{}, err
	}
	if kind != websocket.BinaryMessage || len(data) < 6 {
		p.t.Fatalf("message of type %d: %x", kind, data)
	}
	return wireFrame{data[0], data[1], binary.BigEndian.Uint32(data[2:]), data[6:]}, nil
}

// next returns the next frame but WINDOW and PING.
func (p *serverPeer) next() wireFrame {
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

// expect returns the next frame but WINDOW and PING, which must be of this kind and stream.
func (p *serverPeer) expect(kind byte, stream uint32) wireFrame {
	p.t.Helper()
	f := p.next()
	if f.kind != kind || f.stream != stream {
		p.t.Fatalf("got %v, want type %d of stream %d", f, kind, stream)
	}
	return f
}

func (p *serverPeer) expectOpen(stream uint32) *bridgev1.Open {
	p.t.Helper()
	open, _ := p.splitOpen(p.expect(frameOpen, stream))
	return open
}

func (p *serverPeer) splitOpen(f wireFrame) (open *bridgev1.Open, message []byte) {
	p.t.Helper()
	payload := f.payload
	if f.flags&inline != 0 {
		length := binary.BigEndian.Uint32(payload)
		payload, message = payload[4:4+length], payload[4+length:]
	}
	open = new(bridgev1.Open)
	if err := proto.Unmarshal(payload, open); err != nil {
		p.t.Fatal(err)
	}
	return open, message
}

// expectCall reads a call up to its half-close, with messages of one chunk each.
func (p *serverPeer) expectCall(stream uint32) (open *bridgev1.Open, messages [][]byte) {
	p.t.Helper()
	f := p.expect(frameOpen, stream)
	open, message := p.splitOpen(f)
	if f.flags&inline != 0 {
		messages = append(messages, message)
	}
	for f.flags&endSend == 0 {
		if f = p.next(); f.kind == frameEndSend {
			break
		}
		messages = append(messages, f.payload)
	}
	return open, messages
}

// expectClose reads up to the close frame, which must have this code.
func (p *serverPeer) expectClose(code bridge.CloseCode) string {
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

// skipToClose reads up to the client's close frame, which must say that all is well, and answers it.
func (p *serverPeer) skipToClose() {
	p.t.Helper()
	p.expectClose(bridge.CloseOK)
}
