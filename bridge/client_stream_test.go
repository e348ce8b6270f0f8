package bridge_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
)

// testClient returns a client of an echoServer.
func testClient(t testing.TB, echo *echoServer, opts ...bridge.DialOption) testgrpc.TestServiceClient {
	t.Helper()
	return testgrpc.NewTestServiceClient(dialServer(t, serve(t, echo), opts...))
}

func outputOf(body string, n int) *testgrpc.StreamingOutputCallRequest {
	return &testgrpc.StreamingOutputCallRequest{
		Payload: payload(body), ResponseParameters: make([]*testgrpc.ResponseParameters, n),
	}
}

// All four kinds of call, with messages from nothing to larger than the windows.
func TestClientKindsAndSizes(t *testing.T) {
	t.Parallel()
	client := testClient(t, &echoServer{})
	for _, size := range []int{0, 1, 16 << 10, 16<<10 + 1, 64 << 10, 200_000, 3 << 20} {
		body := strings.Repeat("x", size)
		unary, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{Payload: payload(body)})
		if err != nil || len(unary.GetPayload().GetBody()) != size {
			t.Fatalf("unary, %d bytes: %v", size, err)
		}
		input, err := client.StreamingInputCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := input.Send(&testgrpc.StreamingInputCallRequest{Payload: payload(body)}); err != nil {
				t.Fatal(err)
			}
		}
		if sum, err := input.CloseAndRecv(); err != nil || int(sum.GetAggregatedPayloadSize()) != 3*size {
			t.Fatalf("client stream, %d bytes: %v, %v", size, sum, err)
		}
		output, err := client.StreamingOutputCall(t.Context(), outputOf(body, 3))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if m, err := output.Recv(); err != nil || len(m.GetPayload().GetBody()) != size {
				t.Fatalf("server stream, %d bytes: %v", size, err)
			}
		}
		for range 2 { // the end stays the end
			if _, err := output.Recv(); err != io.EOF {
				t.Fatalf("server stream, %d bytes: %v, want io.EOF", size, err)
			}
		}
		bidi, err := client.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := bidi.Send(echoOf(body)); err != nil {
				t.Fatal(err)
			}
			if m, err := bidi.Recv(); err != nil || len(m.GetPayload().GetBody()) != size {
				t.Fatalf("bidi, %d bytes: %v", size, err)
			}
		}
		bidi.CloseSend()
		if _, err := bidi.Recv(); err != io.EOF {
			t.Fatalf("bidi, %d bytes: %v, want io.EOF", size, err)
		}
	}
}

// Metadata both ways, text and bytes, several values; what is the transport's is not sent.
func TestClientMetadata(t *testing.T) {
	t.Parallel()
	seen := make(chan metadata.MD, 1)
	client := testClient(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		md, _ := metadata.FromIncomingContext(stream.Context())
		seen <- md
		stream.SendHeader(metadata.Pairs("h", "1", "h", "2", "h-bin", "\x00\xff"))
		stream.SetTrailer(metadata.Pairs("t", "a", "t-bin", ""))
		return nil
	}}, bridge.WithUserAgent("test/1"), bridge.WithPerRPCCredentials(staticCredentials{}))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "A", "1", "a", "2", "b-bin", "\xff\x00", "grpc-tags", "x", "cookie", "x", "user-agent", "x")
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	md := receive(t, seen)
	for key, want := range map[string][]string{
		"a": {"1", "2"}, "b-bin": {"\xff\x00"}, "grpc-tags": nil, "cookie": nil, "user-agent": {"test/1 rialto-bridge-go"},
		"x-method": {bidiPath},
	} {
		if got := md.Get(key); !slices.Equal(got, want) {
			t.Errorf("the service sees %s = %q, want %q", key, got, want)
		}
	}
	header, err := stream.Header()
	if err != nil || !slices.Equal(header.Get("h"), []string{"1", "2"}) || !slices.Equal(header.Get("h-bin"), []string{"\x00\xff"}) {
		t.Errorf("headers %v, %v", header, err)
	}
	if _, err := stream.Recv(); err != io.EOF {
		t.Fatal(err)
	}
	if trailer := stream.Trailer(); !slices.Equal(trailer.Get("t"), []string{"a"}) || !slices.Equal(trailer.Get("t-bin"), []string{""}) {
		t.Errorf("trailers %v", trailer)
	}
	if p, ok := peer.FromContext(stream.Context()); !ok || p.Addr == nil {
		t.Errorf("peer %v", p)
	}
}

// What had arrived when the connection broke is received, and then the loss.
func TestClientReceivesWhatCameBeforeTheLoss(t *testing.T) {
	t.Parallel()
	s := newScriptedServer(t)
	cc := dialTarget(t, s.http.URL)
	stream, err := testgrpc.NewTestServiceClient(cc).FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := s.next()
	p.expect(frameOpen, 1)
	message := wireBytes(t, &testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: []byte("x")}})
	p.send(wireFrame{kind: frameHeaders, stream: 1}, wireFrame{frameData, 0, 1, message}, wireFrame{frameData, 0, 1, message},
		wireFrame{frameData, more, 1, message})
	p.conn.NetConn().Close()
	waitUntil(t, func() bool { return cc.GetState() != connectivity.Ready })
	for range 2 {
		if response, err := stream.Recv(); err != nil || string(response.GetPayload().GetBody()) != "x" {
			t.Errorf("received %v, %v", response, err)
		}
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("then %v", err)
	}
}

// What cannot be metadata, or is more than a frame can hold, ends the call before it is sent; and so do credentials that fail.
func TestClientRefusesBadMetadata(t *testing.T) {
	t.Parallel()
	client := testClient(t, &echoServer{})
	for name, test := range map[string]struct {
		md    metadata.MD
		creds failingCredentials
		code  codes.Code
	}{
		"key":            {md: metadata.MD{"a b": {"x"}}, code: codes.Internal},
		"value":          {md: metadata.MD{"a": {"x\n"}}, code: codes.Internal},
		"too much":       {md: metadata.MD{"a": {strings.Repeat("x", 64<<10)}}, code: codes.ResourceExhausted},
		"more than told": {md: metadata.MD{"a": {strings.Repeat("x", 17<<10)}}, code: codes.ResourceExhausted},
		"pseudo-header":  {md: metadata.MD{":path": {"x"}}, code: codes.OK},
		"credentials":    {creds: failingCredentials{errors.New("no token")}, code: codes.Unauthenticated},
		"credentials with a status": {
			creds: failingCredentials{status.Error(codes.PermissionDenied, "no")}, code: codes.PermissionDenied,
		},
		"credentials with a service's status": {
			creds: failingCredentials{status.Error(codes.NotFound, "no")}, code: codes.Internal,
		},
	} {
		var opts []grpc.CallOption
		if test.creds.err != nil {
			opts = append(opts, grpc.PerRPCCredentials(test.creds))
		}
		_, err := client.EmptyCall(metadata.NewOutgoingContext(t.Context(), test.md), &testgrpc.Empty{}, opts...)
		if status.Code(err) != test.code {
			t.Errorf("%s: %v, want %v", name, err, test.code)
		}
	}
	_, err := client.EmptyCall(t.Context(), &testgrpc.Empty{}, grpc.PerRPCCredentials(staticCredentials{secure: true}))
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("secure credentials: %v", err)
	}
}

type failingCredentials struct{ err error }

func (c failingCredentials) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return nil, c.err
}

func (failingCredentials) RequireTransportSecurity() bool { return false }

// A status arrives with its details, its trailers, and without headers: trailers only.
func TestClientStatus(t *testing.T) {
	t.Parallel()
	refusal, err := status.New(codes.FailedPrecondition, "not now: ☺").WithDetails(&errdetails.ErrorInfo{Reason: "NIGHT"})
	if err != nil {
		t.Fatal(err)
	}
	client := testClient(t, &echoServer{
		unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			grpc.SetTrailer(ctx, metadata.Pairs("t", "x"))
			return nil, refusal.Err()
		},
		output: func(*testgrpc.StreamingOutputCallRequest, testgrpc.TestService_StreamingOutputCallServer) error {
			return refusal.Err()
		},
	})
	header, trailer := metadata.Pairs("old", "x"), metadata.MD{}
	_, err = client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
	got := status.Convert(err)
	if got.Code() != codes.FailedPrecondition || got.Message() != "not now: ☺" || len(got.Details()) != 1 {
		t.Errorf("status %v, details %v", got, got.Details())
	}
	if header != nil || len(trailer.Get("t")) != 1 {
		t.Errorf("headers %v, trailers %v", header, trailer)
	}
	stream, err := client.StreamingOutputCall(t.Context(), outputOf("", 0))
	if err != nil {
		t.Fatal(err)
	}
	if header, err := stream.Header(); header != nil || err != nil {
		t.Errorf("Header of a trailers-only call: %v, %v", header, err)
	}
	for range 2 {
		if _, err := stream.Recv(); status.Code(err) != codes.FailedPrecondition {
			t.Errorf("Recv: %v", err)
		}
	}
}

// Sending to a call that has ended gives io.EOF, and receiving tells why; the half-close may be repeated.
func TestClientSendAfterTheEnd(t *testing.T) {
	t.Parallel()
	client := testClient(t, &echoServer{
		fullBidi: func(testgrpc.TestService_FullDuplexCallServer) error { return status.Error(codes.Aborted, "no more") },
		input: func(stream testgrpc.TestService_StreamingInputCallServer) error {
			return stream.SendAndClose(&testgrpc.StreamingInputCallResponse{AggregatedPayloadSize: 7})
		},
	})
	bidi, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bidi.Recv(); status.Code(err) != codes.Aborted {
		t.Fatal(err)
	}
	if err := bidi.Send(echoOf("x")); err != io.EOF {
		t.Errorf("Send after the end: %v, want io.EOF", err)
	}
	for range 2 {
		if err := bidi.CloseSend(); err != nil {
			t.Errorf("CloseSend after the end: %v", err)
		}
	}
	if err := bidi.Send(echoOf("x")); status.Code(err) != codes.Internal {
		t.Errorf("Send after CloseSend: %v", err)
	}
	if _, err := bidi.Recv(); status.Code(err) != codes.Aborted {
		t.Errorf("Recv after all that: %v", err)
	}

	// An early answer ends a client-streaming call, which learns it when it sends.
	input, err := client.StreamingInputCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool { return input.Send(&testgrpc.StreamingInputCallRequest{}) == io.EOF })
	if response, err := input.CloseAndRecv(); err != nil || response.GetAggregatedPayloadSize() != 7 {
		t.Errorf("CloseAndRecv: %v, %v", response, err)
	}
}

// Header waits for what the server sends, be it headers, a message or the end of the call's context.
func TestClientHeaderWaits(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	client := testClient(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		select {
		case <-goOn:
			return stream.Send(&testgrpc.StreamingOutputCallResponse{})
		case <-stream.Context().Done():
			return nil
		}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	cancelled, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	answered, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	headers := make(chan metadata.MD, 2)
	for _, stream := range []grpc.ClientStream{cancelled, answered} {
		go func() {
			header, err := stream.Header()
			if err != nil {
				t.Error(err)
			}
			headers <- header
		}()
	}
	select {
	case header := <-headers:
		t.Fatalf("Header did not wait: %v", header)
	case <-time.After(10 * time.Millisecond):
	}
	cancel()
	if header := receive(t, headers); header != nil {
		t.Errorf("Header of a cancelled call: %v", header)
	}
	if _, err := cancelled.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("Recv of a cancelled call: %v", err)
	}
	close(goOn)
	if header := receive(t, headers); header == nil {
		t.Error("Header of a call with a message is nil")
	}
	if _, err := answered.Recv(); err != nil {
		t.Error(err)
	}
	if _, err := answered.Recv(); err != io.EOF {
		t.Error(err)
	}
}

// The end of a call's context ends it on both sides, whatever either is doing, and frees its place.
func TestClientContextEndsCall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		code codes.Code
	}{
		"cancel": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, codes.Canceled},
		"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, codes.DeadlineExceeded},
	} {
		for doing, do := range map[string]func(testgrpc.TestService_FullDuplexCallClient) error{
			"receiving": func(stream testgrpc.TestService_FullDuplexCallClient) error { _, err := stream.Recv(); return err },
			"sending": func(stream testgrpc.TestService_FullDuplexCallClient) error {
				for {
					if err := stream.Send(echoOf(strings.Repeat("x", 50_000))); err == io.EOF {
						return stream.RecvMsg(nil)
					} else if err != nil {
						return err
					}
				}
			},
			"nothing": func(stream testgrpc.TestService_FullDuplexCallClient) error {
				<-stream.Context().Done() // ended with the program's context
				return stream.RecvMsg(nil)
			},
		} {
			t.Run(name+" while "+doing, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					seen, finished := make(chan error, 1), make(chan error, 1)
					s, shutdown := servePipes(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
						<-stream.Context().Done()
						seen <- stream.Context().Err()
						return nil
					}})
					defer shutdown()
					cc := dialTarget(t, "ws://service", bridge.WithContextDialer(s.pipe))
					defer cc.Close()
					ctx, cancel := test.end(t.Context())
					defer cancel()
					stream, err := testgrpc.NewTestServiceClient(cc).FullDuplexCall(ctx, grpc.OnFinish(func(err error) { finished <- err }))
					if err != nil {
						t.Fatal(err)
					}
					if err := do(stream); status.Code(err) != test.code {
						t.Errorf("the client sees %v", err)
					}
					if err := <-seen; err == nil {
						t.Error("the service's context has not ended")
					}
					if err := <-finished; status.Code(err) != test.code {
						t.Errorf("OnFinish: %v", err)
					}
				})
			})
		}
	}
}

// Limits hold after decompression, and a message over one ends its call on both sides.
func TestClientMessageLimits(t *testing.T) {
	t.Parallel()
	client := testClient(t, &echoServer{}, bridge.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(100_000)))
	large := strings.Repeat("x", 100_001)
	for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor("gzip")}} {
		_, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{Payload: payload(large)}, opts...)
		if status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%v: %v", opts, err)
		}
		_, err = client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{Payload: payload(large)},
			append(opts, grpc.MaxCallRecvMsgSize(200_000))...)
		if err != nil {
			t.Errorf("%v with a higher limit: %v", opts, err)
		}
	}
	stream, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg("no message"); status.Code(err) != codes.Internal {
		t.Errorf("Send of what is no message: %v", err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Internal {
		t.Errorf("Recv after that: %v", err)
	}
	if _, err := client.EmptyCall(t.Context(), &testgrpc.Empty{}, grpc.UseCompressor("nosuch")); status.Code(err) != codes.Internal {
		t.Errorf("unknown compressor: %v", err)
	}
}
