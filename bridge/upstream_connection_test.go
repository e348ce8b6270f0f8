package bridge_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// logged is a log to look into.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) option() bridge.HandlerOption {
	return bridge.WithLogger(slog.New(slog.NewTextHandler(l, nil)))
}

// The server behind the bridge is not there, comes, goes and comes back.
func TestUpstreamDownAndBack(t *testing.T) {
	t.Parallel()
	var shop place
	var log logged
	s := frontAt(t, &shop, exposed, log.option())
	expectDown := func() {
		t.Helper()
		c := s.dial(t, unaryPath+"?encoding=json")
		c.sendText("{}")
		if got := c.expectClose(4014); got != "passthrough:///shop: connection refused" {
			t.Errorf("reason %q", got)
		}
	}
	expectUp := func() {
		t.Helper()
		waitUntil(t, func() bool { // grpc-go waits some milliseconds before it dials again
			c := s.dial(t, unaryPath)
			c.sendText(`{"payload":{"body":"aGVsbG8="}}`)
			kind, data, _ := c.conn.ReadMessage()
			return kind == 1 && string(data) == `{"payload":{"body":"aGVsbG8="}}`
		})
	}
	expectDown()
	expectDown()
	b := startBackend(t, echoes(&echoServer{}))
	shop.backend.Store(b)
	expectUp()
	shop.backend.Store(nil)
	b.stop()
	waitUntil(t, func() bool { // the connection's end takes a moment to be seen
		c := s.dial(t, unaryPath)
		c.sendText("{}")
		return !strings.HasSuffix(c.skipToEnd(), "connection was lost")
	})
	expectDown()
	shop.backend.Store(startBackend(t, echoes(&echoServer{})))
	expectUp()
	if got := strings.Count(log.String(), "cannot be reached"); got != 2 {
		t.Errorf("logged %d times that the upstream cannot be reached, want once for each time it was away:\n%s", got, &log)
	}
	if got := strings.Count(log.String(), "answers again"); got != 2 {
		t.Errorf("logged %d times that the upstream answers again:\n%s", got, &log)
	}
}

// skipToEnd reads up to the end and returns the close frame's reason.
func (c *client) skipToEnd() string {
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			return strings.TrimPrefix(err.Error(), "websocket: close ")
		}
	}
}

// A connection that is lost under a call is UNAVAILABLE, in words that name nothing behind the bridge.
func TestUpstreamLostUnderCall(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{false, true} {
		begun := make(chan struct{}, 1)
		b := startBackend(t, echoes(&echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			if answered {
				stream.Send(&testgrpc.StreamingOutputCallResponse{})
			}
			begun <- struct{}{}
			<-stream.Context().Done()
			return nil
		}}))
		proxy := startCutter(t, b.addr)
		s := front(t, proxy.addr, exposed)
		c := s.dial(t, bidiPath+"?encoding=json")
		if answered {
			c.expectText("{}")
		}
		receive(t, begun)
		proxy.cut()
		if got := c.expectClose(4014); got != proxy.addr+": the connection was lost" {
			t.Errorf("answered %v: reason %q", answered, got)
		}
	}
}

// cutter passes connections on until it cuts them.
type cutter struct {
	addr string

	mu    sync.Mutex
	conns []net.Conn
}

func startCutter(t testing.TB, target string) *cutter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &cutter{addr: listener.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() { // ends with the listener
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", target)
			if err != nil {
				near.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, near, far)
			p.mu.Unlock()
			running.Go(func() { near.(*net.TCPConn).ReadFrom(far); near.Close() })
			running.Go(func() { far.(*net.TCPConn).ReadFrom(near); far.Close() })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		p.cut()
		running.Wait()
	})
	return p
}

func (p *cutter) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		conn.Close()
	}
}

// What is wrong with the way to the upstream is told without what lies behind it.
func TestUpstreamConnectionErrorsLeakNothing(t *testing.T) {
	t.Parallel()
	plaintext := startBackend(t, echoes(&echoServer{}))
	for name, tt := range map[string]struct {
		conn func() (*grpc.ClientConn, error)
		want string
	}{
		"TLS": {func() (*grpc.ClientConn, error) {
			return grpc.NewClient("passthrough:///shop", grpc.WithTransportCredentials(credentials.NewTLS(nil)),
				grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return net.Dial("tcp", plaintext.addr) }))
		}, "passthrough:///shop: the TLS handshake failed"},
		"unknown": {func() (*grpc.ClientConn, error) {
			return grpc.NewClient("passthrough:///shop", grpc.WithTransportCredentials(credentials.NewTLS(nil)),
				grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
					return nil, &net.AddrError{Err: "secret", Addr: "10.0.0.1"}
				}))
		}, "passthrough:///shop: no connection"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := tt.conn()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			var log logged
			c := frontOf(t, conn, nil, log.option()).dial(t, "/shop.v1.Shop/Echo?encoding=json")
			c.sendText("{}")
			if got := c.expectClose(4014); got != tt.want {
				t.Errorf("reason %q, want %q", got, tt.want)
			}
			if !strings.Contains(log.String(), "transport") {
				t.Errorf("the operator does not learn the cause: %s", &log)
			}
		})
	}
}

// Drain ends what the upstream's side runs too; goleak sees what it forgets.
func TestDrainEndsProxiedCalls(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 1)
	s := frontEcho(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		begun <- struct{}{}
		<-stream.Context().Done()
		return nil
	}})
	c := s.dial(t, bidiPath+"?encoding=json")
	receive(t, begun)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	drained := make(chan error, 1)
	go func() { drained <- s.handler.Drain(ctx) }()
	c.expectClose(4014)
	receive(t, drained)
}
