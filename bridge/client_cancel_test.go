package bridge_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
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
