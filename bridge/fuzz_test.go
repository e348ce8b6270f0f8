package bridge_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// Whatever a client sends after the handshake: the server does not panic, the client gets a close frame once it has sent its
// own or the call has ended, and the service's handler returns.
func FuzzFrameSequence(f *testing.F) {
	join := func(frames ...[]byte) (all []byte) {
		for _, frame := range frames {
			all = append(all, frame...)
		}
		return all
	}
	text := func(s string) []byte { return rawFrame(flagFin|opText, []byte(s)) }
	f.Add(byte(0), join(text("{}"), text("")))
	f.Add(byte(1), join(text(`{"payload":{"body":"YQ=="}}`), text(`{"payload":{}}`), text("")))
	f.Add(byte(2), join(text(`{"@open":{"timeoutMs":1}}`), rawFrame(flagFin|opBinary, nil), text("")))
	f.Add(byte(3), join(rawFrame(opText, []byte("{")), rawFrame(flagFin|opPing, []byte("x")), rawFrame(flagFin|opContinuation, []byte("}"))))
	f.Add(byte(4), join(rawFrame(flagFin|flagRSV1|opBinary, []byte{1, 2, 3})))
	f.Add(byte(5), join(rawFrame(flagFin|opClose, []byte{3, 232}), text("{}")))
	f.Add(byte(6), join(text("{}"), text("{}"), text(""), text("")))
	f.Add(byte(7), []byte{flagFin | opText, 0x80 | 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Add(byte(8), []byte{flagFin})
	f.Add(byte(0x80), join(text(`{"@open":{"timeoutMs":1000,"metadata":{"a":"b"}}}`), text("{}"), text("")))
	f.Add(byte(0x83), join(text(`{"@open":{}}`), text(`{"@open":{}}`)))

	echo := &echoServer{}
	h, err := bridge.NewHandler(bridge.WithMaxRecvMsgSize(4<<10), bridge.WithWriteTimeout(5*time.Second))
	if err != nil {
		f.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, echo)
	s := serveHandler(f, h)
	paths := []string{unaryPath, clientPath, serverPath, bidiPath, emptyPath}
	f.Fuzz(func(t *testing.T, which byte, bytes []byte) {
		path := paths[int(which)%len(paths)]
		switch int(which) / len(paths) % 3 {
		case 1:
			path += "?encoding=json"
		case 2:
			path += "?encoding=proto"
		}
		var subprotocols []string
		if which&0x80 != 0 {
			subprotocols = []string{bridge.SubprotocolPlain}
		}
		c := s.dial(t, path, subprotocols...)
		raw := c.conn.NetConn()
		raw.Write(bytes)
		raw.(*net.TCPConn).CloseWrite() // the client sends no more: the call has to end
		for {
			if _, _, err = c.conn.ReadMessage(); err != nil {
				break
			}
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatalf("the call does not end")
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) && !errors.Is(err, io.EOF) && !isReset(err) {
			t.Fatalf("the socket ended with %v", err)
		}
		c.conn.Close()
		waitUntil(t, func() bool { return h.Stats().Open == 0 })
	})
	h.Drain(context.Background())
}
