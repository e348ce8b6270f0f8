package bridge_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/rialto-rpc/rialto/bridge"
)

// pipeListener is a [net.Listener] for pipes, which a test with a fake clock may use where it may not use sockets. A pipe has no
// buffer: what one side does not read the other cannot write.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	close(l.closed)
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// pipe connects; it is a dialer for [bridge.WithContextDialer].
func (l *pipeListener) pipe(ctx context.Context, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connect is a connection that ends with the test.
func (l *pipeListener) connect(t testing.TB) net.Conn {
	t.Helper()
	conn, err := l.pipe(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// dialRaw does the handshake and leaves the frames to the test.
func (s *pipeServer) dialRaw(t testing.TB, path string) *rawClient {
	t.Helper()
	c, response := newRawClient(t, s.connect(t), path)
	c.expectNoExtensions(response)
	return c
}

// dialWebSocket opens a socket.
func (s *pipeServer) dialWebSocket(t testing.TB, path string, subprotocols ...string) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{
		Subprotocols:   subprotocols,
		NetDialContext: func(context.Context, string, string) (net.Conn, error) { return s.connect(t), nil },
	}
	conn, _, err := dialer.Dial("ws://localhost"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// dialPlain opens a socket for one call.
func (s *pipeServer) dialPlain(t testing.TB, path string, subprotocols ...string) *client {
	t.Helper()
	return &client{t, s.dialWebSocket(t, path, subprotocols...)}
}

// dialMux opens a multiplexed connection and exchanges SETTINGS.
func (s *pipeServer) dialMux(t testing.TB) *muxPeer {
	t.Helper()
	p := newMuxPeer(t, s.dialWebSocket(t, bridge.DefaultBasePath, bridge.SubprotocolMultiplexed))
	p.send(wireFrame{kind: frameSettings})
	p.expectSettings()
	return p
}

// servePipesTo serves a handler until the test ends.
func servePipesTo(t testing.TB, pipes *pipeListener, h *bridge.Handler) {
	t.Helper()
	web := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() { // ends with the clean-up, which waits for it
		defer close(served)
		web.Serve(pipes)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		h.Drain(ctx)
		web.Close()
		<-served
	})
}
