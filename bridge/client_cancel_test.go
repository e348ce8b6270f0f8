package bridge_test

import (
	"context"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// cancelling credentials end the call that asks for them, while it begins.
type cancellingCredentials struct{ cancel context.CancelFunc }

func (c cancellingCredentials) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	c.cancel()
	return nil, nil
}

func (cancellingCredentials) RequireTransportSecurity() bool { return false }

// A context may end while its call is on its way to the server, before the client waits for it to end.
func TestClientContextEndsWhileCallBegins(t *testing.T) {
	t.Parallel()
	client := testClient(t, &echoServer{})
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := client.FullDuplexCall(ctx, grpc.PerRPCCredentials(cancellingCredentials{cancel}))
		if err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != codes.Canceled {
			t.Fatalf("got %v", err)
		}
	}
}

// A call that was cancelled before its answer was received says so, also where the server had ended it with OK.
func TestClientCancelAfterTheAnswer(t *testing.T) {
	t.Parallel()
	s := newScriptedServer(t)
	client := testgrpc.NewTestServiceClient(dialTarget(t, s.http.URL))
	ctx, cancel := context.WithCancel(t.Context())
	finished := make(chan error, 1)
	stream, err := client.StreamingInputCall(ctx, grpc.OnFinish(func(err error) { finished <- err }))
	if err != nil {
		t.Fatal(err)
	}
	p := s.next()
	p.expectOpen(1)
	p.answer(1)
	waitUntil(t, func() bool { return stream.Send(&testgrpc.StreamingInputCallRequest{}) == io.EOF }) // END has come
	cancel()
	if err := receive(t, finished); status.Code(err) != codes.Canceled {
		t.Errorf("OnFinish: %v", err)
	}
	for range 2 {
		if _, err := stream.CloseAndRecv(); status.Code(err) != codes.Canceled {
			t.Errorf("CloseAndRecv: %v", err)
		}
	}
}

// After cancel nothing is received any more, however quick the server is.
func TestClientReceivesNothingAfterCancel(t *testing.T) {
	t.Parallel()
	client := testClient(t, &echoServer{})
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := client.StreamingInputCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := stream.CloseAndRecv(); status.Code(err) != codes.Canceled {
			t.Fatalf("got %v", err)
		}
	}
}
