package bridge_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/rialto-rpc/rialto/bridge"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// quickBackoff lets a test see several tries.
func quickBackoff() bridge.DialOption {
	return bridge.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{
		BaseDelay: time.Millisecond, Multiplier: 1.5, MaxDelay: 20 * time.Millisecond,
	}})
}

// slowBackoff lets a test see that a try is put off.
func slowBackoff() bridge.DialOption {
	return bridge.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: time.Hour, Multiplier: 1, MaxDelay: time.Hour}})
}

// switchedDialer is a TCP dialer that a test turns off and on, and whose connections it cuts.
type switchedDialer struct {
	off   atomic.Bool
	tries atomic.Int32
	last  atomic.Pointer[net.Conn]
}

var errSwitchedOff = errors.New("switched off")

func (d *switchedDialer) dial(ctx context.Context, addr string) (net.Conn, error) {
	d.tries.Add(1)
	if d.off.Load() {
		return nil, errSwitchedOff
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	d.last.Store(&conn)
	return conn, err
}

func emptyCall(t testing.TB, cc *bridge.ClientConn, opts ...grpc.CallOption) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := testgrpc.NewTestServiceClient(cc).EmptyCall(ctx, &testgrpc.Empty{}, opts...)
	return err
}

// Nothing is connected before the first call; all calls share one socket; when that breaks, calls that run end with
// UNAVAILABLE and the next call connects again.
func TestClientConnectsWhenCalled(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	dialer := &switchedDialer{}
	cc := dialServer(t, s, bridge.WithContextDialer(dialer.dial))
	if got := cc.GetState(); got != connectivity.Idle || s.handler.Stats().Accepted != 0 {
		t.Errorf("state %v, %+v before the first call", got, s.handler.Stats())
	}
	for range 3 {
		if err := emptyCall(t, cc); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := testgrpc.NewTestServiceClient(cc).FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stream.Send(echoOf("x"))
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	if got := cc.GetState(); got != connectivity.Ready || s.handler.Stats().Accepted != 1 {
		t.Errorf("state %v, %+v", got, s.handler.Stats())
	}
	(*dialer.last.Load()).Close()
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the call that ran: %v", err)
	}
	if err := emptyCall(t, cc); err != nil || s.handler.Stats().Accepted != 2 {
		t.Errorf("the next call: %v, %+v", err, s.handler.Stats())
	}
}

// A server that is not there: a call fails at once, and says why, as long as the backoff lasts; then it tries again.
func TestClientFailsFastAndBacksOff(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	dialer := &switchedDialer{}
	dialer.off.Store(true)
	cc := dialServer(t, s, bridge.WithContextDialer(dialer.dial), slowBackoff())
	for range 3 {
		err := emptyCall(t, cc)
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "switched off") {
			t.Errorf("error %v", err)
		}
	}
	if got := dialer.tries.Load(); got != 1 || cc.GetState() != connectivity.TransientFailure {
		t.Errorf("%d tries, state %v", got, cc.GetState())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := testgrpc.NewTestServiceClient(cc).EmptyCall(ctx, &testgrpc.Empty{}, grpc.WaitForReady(true))
	if status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "switched off") {
		t.Errorf("a call that waits, at its deadline: %v", err)
	}

	cc.ResetConnectBackoff()
	if err := emptyCall(t, cc); status.Code(err) != codes.Unavailable || dialer.tries.Load() != 2 {
		t.Errorf("after the backoff was reset: %v, %d tries", err, dialer.tries.Load())
	}

	cc = dialServer(t, s, bridge.WithContextDialer(dialer.dial), quickBackoff())
	if err := emptyCall(t, cc); status.Code(err) != codes.Unavailable {
		t.Errorf("error %v", err)
	}
	dialer.off.Store(false)
	waitUntil(t, func() bool { return emptyCall(t, cc) == nil })
}

// A call that waits for the server is made when it is there.
func TestWaitForReady(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	dialer := &switchedDialer{}
	dialer.off.Store(true)
	cc := dialServer(t, s, bridge.WithContextDialer(dialer.dial), quickBackoff())
	done := make(chan error, 10)
	for range cap(done) {
		go func() { done <- emptyCall(t, cc, grpc.WaitForReady(true)) }()
	}
	waitUntil(t, func() bool { return dialer.tries.Load() >= 3 })
	dialer.off.Store(false)
	for range cap(done) {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}

// What a server answers instead of a WebSocket stands in the error of the calls.
func TestClientToldWhyNot(t *testing.T) {
	t.Parallel()
	refuse := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "who are you?\nmore", http.StatusForbidden)
	}))
	t.Cleanup(refuse.Close)
	s := serve(t, &echoServer{}, bridge.WithBasePath("/other"))
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	impatient := bridge.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: 50 * time.Millisecond})
	for name, test := range map[string]struct {
		target string
		option bridge.DialOption
		want   string
	}{
		"refused":      {refuse.URL, nil, "403 Forbidden: who are you?"},
		"another path": {s.http.URL, nil, "does not speak rialto.v1 at /rialto"},
		"no answer":    {"ws://" + silent.Addr().String(), impatient, "no handshake within 50ms"},
		"no TLS":       {strings.Replace(s.http.URL, "http", "wss", 1), nil, "TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := emptyCall(t, dialTarget(t, test.target, test.option))
			if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "more") {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// Over TLS the service sees the client's certificate, the client the server's, and secure credentials are sent.
func TestClientOverTLS(t *testing.T) {
	t.Parallel()
	h, err := bridge.NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan metadata.MD, 1)
	testgrpc.RegisterTestServiceServer(h, &echoServer{
		unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			seen <- md
			return &testgrpc.SimpleResponse{}, nil
		},
	})
	web := httptest.NewTLSServer(h)
	t.Cleanup(func() { h.Drain(context.Background()); web.Close() })
	roots := web.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	cc := dialTarget(t, web.URL, bridge.WithTLSConfig(&tls.Config{RootCAs: roots}),
		bridge.WithPerRPCCredentials(staticCredentials{secure: true}))
	t.Cleanup(func() { cc.Close() }) // before the drain
	var p peer.Peer
	if _, err := testgrpc.NewTestServiceClient(cc).UnaryCall(t.Context(), &testgrpc.SimpleRequest{}, grpc.Peer(&p)); err != nil {
		t.Fatal(err)
	}
	if md := receive(t, seen); len(md.Get("x-audience")) != 1 {
		t.Errorf("metadata %v", md)
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 || info.SecurityLevel != credentials.PrivacyAndIntegrity {
		t.Errorf("peer %+v", p)
	}
	err = emptyCall(t, dialTarget(t, web.URL))
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with the system's roots: %v", err)
	}
}

// A connection needs no network, and the handshake has the caller's headers.
func TestClientInProcess(t *testing.T) {
	t.Parallel()
	h, err := bridge.NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, &echoServer{})
	listener := bufconn.Listen(1 << 16)
	header := make(chan http.Header, 1)
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header <- r.Header
		h.ServeHTTP(w, r)
	})}
	go web.Serve(listener)
	t.Cleanup(func() { h.Drain(context.Background()); web.Close() })
	cc := dialTarget(t, "ws://bridge", bridge.WithHandshakeHeader(http.Header{"Cookie": {"a=b"}}),
		bridge.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			if addr != "bridge:80" {
				return nil, fmt.Errorf("address %q", addr)
			}
			return listener.DialContext(ctx)
		}))
	t.Cleanup(func() { cc.Close() })
	if err := emptyCall(t, cc); err != nil {
		t.Fatal(err)
	}
	got := receive(t, header)
	if got.Get("Cookie") != "a=b" || got.Get("User-Agent") != "rialto-bridge-go" {
		t.Errorf("header %v", got)
	}
}

// More calls than the server takes at once wait for room, and one whose context ends leaves the line.
func TestClientWaitsForRoom(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	var running, most atomic.Int32
	s := serve(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		now := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return &testgrpc.SimpleResponse{}, nil
	}})
	client := testgrpc.NewTestServiceClient(dialServer(t, s))
	const calls = 250
	done := make(chan error, calls)
	for range calls {
		go func() {
			_, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{})
			done <- err
		}()
	}
	waitUntil(t, func() bool { return running.Load() == 100 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := client.EmptyCall(ctx, &testgrpc.Empty{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a call without room, at its deadline: %v", err)
	}
	close(goOn)
	for range calls {
		if err := receive(t, done); err != nil {
			t.Fatal(err)
		}
	}
	if got := most.Load(); got > 100 {
		t.Errorf("%d calls at once", got)
	}
}

// GOAWAY: calls that run finish on their socket, which then closes; later ones go to a new one; calls the server did not begin
// are made again there, with all that was sent.
func TestClientObeysGoAway(t *testing.T) {
	t.Parallel()
	s := newScriptedServer(t)
	cc := dialTarget(t, s.http.URL)
	client := testgrpc.NewTestServiceClient(cc)
	running, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := s.next()
	old.expectOpen(1)
	crossing, err := client.FullDuplexCall(metadata.AppendToOutgoingContext(t.Context(), "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	crossing.Send(echoOf("one"))
	crossing.Send(echoOf("two"))
	crossing.CloseSend()
	old.expectOpen(3)
	old.sendMessage(frameGoAway, 0, &bridgev1.GoAway{LastStream: 1, Message: "night"})
	received := make(chan error, 1)
	go func() {
		_, err := crossing.Recv()
		received <- err
	}()
	next := s.next()
	open, messages := next.expectCall(1)
	if open.GetMethod() != bidiPath || len(open.GetMetadata()) != 1 {
		t.Errorf("OPEN %v", open)
	}
	want := [][]byte{wireBytes(t, echoOf("one")), wireBytes(t, echoOf("two"))}
	if !slices.EqualFunc(messages, want, bytes.Equal) {
		t.Errorf("messages %q, want %q", messages, want)
	}
	next.answer(1)
	if err := receive(t, received); err != nil {
		t.Error(err)
	}
	old.answer(1)
	if _, err := running.Recv(); err != nil {
		t.Errorf("the call that ran: %v", err)
	}
	old.skipToClose()
	if cc.GetState() != connectivity.Ready {
		t.Errorf("state %v", cc.GetState())
	}
}

// GOAWAY says how long to wait before connecting anew; calls wait as well, rather than fail.
func TestClientWaitsAfterGoAway(t *testing.T) {
	t.Parallel()
	s := newScriptedServer(t)
	cc := dialTarget(t, s.http.URL)
	done := make(chan error, 1)
	call := func() { done <- emptyCall(t, cc) }
	go call()
	p := s.next()
	p.expectOpen(1)
	p.answer(1)
	if err := receive(t, done); err != nil {
		t.Fatal(err)
	}
	const pause = 100
	start := time.Now()
	p.sendMessage(frameGoAway, 0, &bridgev1.GoAway{LastStream: 1, ReconnectMinMs: pause, ReconnectMaxMs: pause})
	p.skipToClose()
	go call()
	p = s.next()
	if waited := time.Since(start); waited < pause*time.Millisecond {
		t.Errorf("connected again after %v", waited)
	}
	p.expectOpen(1)
	p.answer(1)
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}

// A call that the server refuses unbegun is made again, a few times; one that it has begun, or of which too much was sent to
// be kept, is not.
func TestClientRepeatsWhatWasNotBegun(t *testing.T) {
	t.Parallel()
	refusal := &bridgev1.Reset{Code: int32(codes.ResourceExhausted), Message: "full", NotProcessed: true}
	s := newScriptedServer(t)
	cc := dialTarget(t, s.http.URL)
	done := make(chan error, 1)
	go func() { done <- emptyCall(t, cc) }()
	p := s.next()
	for stream := uint32(1); stream < 5; stream += 2 {
		p.expectOpen(stream)
		p.sendMessage(frameReset, stream, refusal)
	}
	p.expectOpen(5)
	p.answer(5)
	if err := receive(t, done); err != nil {
		t.Errorf("refused twice: %v", err)
	}

	go func() { done <- emptyCall(t, cc) }()
	for stream := uint32(7); stream < 17; stream += 2 {
		p.expectOpen(stream)
		p.sendMessage(frameReset, stream, refusal)
	}
	if err := receive(t, done); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("refused for ever: %v", err)
	}

	go func() {
		_, err := testgrpc.NewTestServiceClient(cc).UnaryCall(t.Context(),
			&testgrpc.SimpleRequest{Payload: payload(strings.Repeat("x", 100))}, grpc.MaxRetryRPCBufferSize(99))
		done <- err
	}()
	p.expectOpen(17)
	p.sendMessage(frameReset, 17, refusal)
	if err := receive(t, done); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("refused with too much to keep: %v", err)
	}

	go func() { done <- emptyCall(t, cc) }()
	p.expectOpen(19)
	p.sendMessage(frameReset, 19, &bridgev1.Reset{Code: int32(codes.Unavailable)})
	if err := receive(t, done); status.Code(err) != codes.Unavailable {
		t.Errorf("reset after it was begun: %v", err)
	}
}

// Close ends what runs, what waits, and what comes later; nothing is left.
func TestClientClose(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	cc := dialServer(t, s)
	finished := make(chan error, 1)
	stream, err := testgrpc.NewTestServiceClient(cc).FullDuplexCall(t.Context(), grpc.OnFinish(func(err error) { finished <- err }))
	if err != nil {
		t.Fatal(err)
	}
	if err := cc.Close(); err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("the call that ran: %v", err)
	}
	if err := receive(t, finished); status.Code(err) != codes.Canceled {
		t.Errorf("OnFinish: %v", err)
	}
	if err := emptyCall(t, cc); status.Code(err) != codes.Canceled {
		t.Errorf("a call after Close: %v", err)
	}
	if err := cc.Close(); status.Code(err) != codes.Canceled || cc.GetState() != connectivity.Shutdown {
		t.Errorf("Close again: %v, state %v", err, cc.GetState())
	}
	s.idle(t)

	dialer := &switchedDialer{}
	dialer.off.Store(true)
	cc = dialServer(t, s, bridge.WithContextDialer(dialer.dial), slowBackoff())
	waiting := make(chan error, 1)
	go func() { waiting <- emptyCall(t, cc, grpc.WaitForReady(true)) }()
	waitUntil(t, func() bool { return cc.GetState() == connectivity.TransientFailure })
	cc.Close()
	if err := receive(t, waiting); status.Code(err) != codes.Canceled {
		t.Errorf("the call that waited: %v", err)
	}

	// While connecting, with a server that takes the connection and says nothing.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	cc = dialTarget(t, "ws://"+silent.Addr().String())
	go func() { waiting <- emptyCall(t, cc) }()
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cc.Close()
	if err := receive(t, waiting); status.Code(err) != codes.Canceled {
		t.Errorf("the call that waited for a handshake: %v", err)
	}
}

// A server that says nothing any more is found within two heartbeats of its last word.
func TestClientFindsLostServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const heartbeat = 20 * time.Second
		s := newPipedScriptedServer(t)
		cc := dialTarget(t, "ws://service", bridge.WithContextDialer(s.pipes.pipe), bridge.WithHeartbeat(heartbeat))
		done := make(chan error, 1)
		go func() { done <- emptyCall(t, cc) }()
		p := s.next()
		p.expectOpen(1)
		silent := time.Now()
		go swallow(p.conn.NetConn())
		if err := <-done; status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "silent") {
			t.Errorf("error %v", err)
		}
		checkSilence(t, time.Since(silent), heartbeat, 1, 2)
	})
}

// A connection that ends before the server's SETTINGS is a failed try.
func TestClientLosesServerBeforeSettings(t *testing.T) {
	t.Parallel()
	s := newScriptedServer(t)
	cc := dialTarget(t, s.http.URL, slowBackoff())
	done := make(chan error, 1)
	go func() { done <- emptyCall(t, cc) }()
	p := s.nextSilent()
	p.conn.Close()
	if err := receive(t, done); status.Code(err) != codes.Unavailable {
		t.Errorf("error %v", err)
	}
	waitUntil(t, func() bool { return cc.GetState() == connectivity.TransientFailure })
}
