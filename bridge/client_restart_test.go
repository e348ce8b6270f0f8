package bridge_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// A server that goes away drains: whoever calls all the time sees no error, on the old server or on the new one.
func TestClientThroughRestart(t *testing.T) {
	t.Parallel()
	var target atomic.Pointer[server]
	target.Store(serve(t, &echoServer{}, bridge.WithReconnectSpread(time.Millisecond)))
	cc := dialTarget(t, "ws://service", bridge.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", target.Load().http.Listener.Addr().String())
	}))
	stop := make(chan struct{})
	done := make(chan error, 8)
	var calls atomic.Int32
	for range cap(done) {
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				if err := emptyCall(t, cc); err != nil {
					done <- err
					return
				}
				calls.Add(1)
			}
		}()
	}
	for range 3 {
		before := calls.Load()
		waitUntil(t, func() bool { return calls.Load() > before+100 })
		old := target.Swap(serve(t, &echoServer{}, bridge.WithReconnectSpread(time.Millisecond)))
		if err := old.handler.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	for range cap(done) {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}

// A call that is made again, and whose server takes no more of what was sent before, can receive meanwhile, and be cancelled.
func TestClientRepeatsToASlowServer(t *testing.T) {
	t.Parallel()
	s := newScriptedServer(t)
	client := testgrpc.NewTestServiceClient(dialTarget(t, s.http.URL))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := client.FullDuplexCall(ctx, grpc.MaxRetryRPCBufferSize(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() {
		var err error
		for err == nil { // far more than fits into the window and the queue
			err = stream.Send(echoOf(strings.Repeat("x", 60_000)))
		}
		sent <- err
	}()
	p := s.next()
	p.expectOpen(1)
	taken := func(stream uint32, n int) {
		for n > 0 {
			n -= len(p.expect(frameData, stream).payload)
		}
	}
	taken(1, 64<<10)
	p.send(wireFrame{frameWindow, 0, 1, []byte{0, 2, 0, 0}})
	taken(1, 128<<10)
	p.sendMessage(frameReset, 1, &bridgev1.Reset{Code: int32(codes.Unavailable), NotProcessed: true})
	p.expectOpen(3)
	taken(3, 64<<10)
	p.send(wireFrame{kind: frameData, stream: 3})
	if _, err := stream.Recv(); err != nil {
		t.Errorf("while it is made again: %v", err)
	}
	cancel()
	p.expect(frameReset, 3)
	if err := receive(t, sent); err != io.EOF {
		t.Errorf("Send: %v", err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("Recv: %v", err)
	}
}

// service is a server that is replaced now and then, as its clients' dialer sees it.
type service struct {
	current atomic.Pointer[pipeServer]

	mu    sync.Mutex
	conns []net.Conn // the clients' ends, since the last cut
}

func (s *service) dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := s.current.Load().pipe(ctx, addr)
	if err == nil {
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
	}
	return conn, err
}

// cut ends all connections at once, as the end of a process does.
func (s *service) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		conn.Close()
	}
	s.conns = nil
}

// A server restarts under a thousand sockets with a call each: drained, whose clients come back spread over the time they were
// told, and killed. Every call ends with UNAVAILABLE, every client works again, and the old server has nothing left.
func TestRestartUnderAThousandSockets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const sockets = 1000
		const grace, spread = 10 * time.Second, 5 * time.Second
		var target service
		start := func() func() {
			s, shutdown := servePipes(t, &echoServer{}, bridge.WithReconnectSpread(spread))
			target.current.Store(s)
			return shutdown
		}
		var clients []*thousandth
		stopFirst := start()
		for range sockets {
			cc := dialTarget(t, "ws://service", bridge.WithContextDialer(target.dial))
			clients = append(clients, &thousandth{cc: cc})
		}
		forAll(clients, func(c *thousandth) { c.begin(t) })
		first := target.current.Load()
		if stats := first.handler.Stats(); stats.Open != sockets {
			t.Fatalf("stats %+v", stats)
		}

		stopSecond := start()
		ctx, cancel := context.WithTimeout(t.Context(), grace)
		defer cancel()
		drained := make(chan error, 1)
		began := time.Now()
		go func() { drained <- first.handler.Drain(ctx) }()
		synctest.Wait() // GOAWAY has come
		back := make([]time.Duration, sockets)
		forAll(clients, func(c *thousandth) {
			if err := emptyCall(t, c.cc); err != nil {
				t.Errorf("a call while the old server drains: %v", err)
			}
			c.back = time.Since(began)
		})
		early := 0
		for i, c := range clients {
			if back[i] = c.back; back[i] > spread {
				t.Errorf("back after %v", back[i])
			}
			if back[i] < spread/2 {
				early++
			}
		}
		if early < sockets/3 || early > 2*sockets/3 {
			t.Errorf("of %d clients %d came back within half of the time", sockets, early)
		}
		forAll(clients, func(c *thousandth) { c.expectLost(t) })
		if err := <-drained; err != context.DeadlineExceeded || time.Since(began) != grace {
			t.Errorf("drain: %v after %v", err, time.Since(began))
		}
		if stats := first.handler.Stats(); stats.Open != 0 {
			t.Errorf("the drained server: %+v", stats)
		}
		stopFirst()

		forAll(clients, func(c *thousandth) { c.begin(t) })
		second := target.current.Load()
		stopThird := start()
		target.cut()
		forAll(clients, func(c *thousandth) {
			c.expectLost(t)
			if err := emptyCall(t, c.cc); err != nil {
				t.Errorf("a call after the old server's end: %v", err)
			}
			c.cc.Close()
		})
		synctest.Wait()
		for name, s := range map[string]*pipeServer{"killed": second, "last": target.current.Load()} {
			if stats := s.handler.Stats(); stats.Open != 0 || stats.Accepted != sockets {
				t.Errorf("the %s server: %+v", name, stats)
			}
		}
		stopSecond()
		stopThird()
	})
}

// thousandth is one of many clients, each with a socket of its own.
type thousandth struct {
	cc     *bridge.ClientConn
	stream testgrpc.TestService_FullDuplexCallClient
	back   time.Duration // when it was connected again
}

func forAll(clients []*thousandth, do func(*thousandth)) {
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() { do(c) })
	}
	all.Wait()
}

// begin makes a call that goes on.
func (c *thousandth) begin(t *testing.T) {
	stream, err := testgrpc.NewTestServiceClient(c.cc).FullDuplexCall(t.Context(), grpc.WaitForReady(true))
	if err == nil {
		c.stream = stream
		err = stream.Send(echoOf("hello"))
	}
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Error(err)
	}
}

func (c *thousandth) expectLost(t *testing.T) {
	if _, err := c.stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the call that ran: %v", err)
	}
}
