package bench

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// native is grpc-go at both ends, with its default settings, over one connection.
var native = way{
	name:  "native",
	serve: serveGRPC,
	dial: func(t testing.TB, addr string) echoClient {
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return generated(conn)
	},
}

// multiplexed is the bridge's own client and the service in process, over one WebSocket, with the default settings.
var multiplexed = way{
	name:  "bridge",
	serve: func() (string, error) { return serveBridge() },
	dial:  func(t testing.TB, addr string) echoClient { return dialBridge(t, addr) },
}

// largerWindow is multiplexed with streams' windows that hold a message of 64 KiB; the default window is a few bytes too short for it,
// with what protobuf puts around it.
var largerWindow = way{
	name:  "bridge-window128k",
	serve: func() (string, error) { return serveBridge(bridge.WithStreamWindow(128 << 10)) },
	dial: func(t testing.TB, addr string) echoClient {
		return dialBridge(t, addr, bridge.WithStreamWindow(128<<10))
	},
}

func serveBridge(opts ...bridge.HandlerOption) (string, error) {
	h, err := bridge.NewHandler(opts...)
	if err != nil {
		return "", err
	}
	testgrpc.RegisterTestServiceServer(h, echoService{})
	return serveHTTP(h)
}

// proxied is the bridge's own client and, behind the bridge, a grpc-go server on a connection of its own. Bridge and server share
// a process.
var proxied = way{
	name: "bridge-proxy",
	serve: func() (string, error) {
		upstream, err := serveGRPC()
		if err != nil {
			return "", err
		}
		conn, err := grpc.NewClient(upstream, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return "", err
		}
		h, err := bridge.NewHandler(bridge.WithUpstream(conn,
			bridge.WithUpstreamServices(testgrpc.TestService_ServiceDesc.ServiceName)))
		if err != nil {
			return "", err
		}
		return serveHTTP(h)
	},
	dial: func(t testing.TB, addr string) echoClient { return dialBridge(t, addr) },
}

func dialBridge(t testing.TB, addr string, opts ...bridge.DialOption) echoClient {
	conn, err := bridge.Dial("ws://"+addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return generated(conn)
}

// generated is a client of generated code.
func generated(conn grpc.ClientConnInterface) echoClient {
	client := testgrpc.NewTestServiceClient(conn)
	return echoClient{
		unary: func(ctx context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			return client.UnaryCall(ctx, in)
		},
		bidi: func(ctx context.Context) (bidiStream, error) { return client.FullDuplexCall(ctx) },
	}
}
