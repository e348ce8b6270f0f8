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

// multiplexed is the bridge's own client and the service in process, over one WebSocket.
var multiplexed = way{
	name: "bridge",
	serve: func() (string, error) {
		h, err := bridge.NewHandler()
		if err != nil {
			return "", err
		}
		testgrpc.RegisterTestServiceServer(h, echoService{})
		return serveHTTP(h)
	},
	dial: dialBridge,
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
	dial: dialBridge,
}

func dialBridge(t testing.TB, addr string) echoClient {
	conn, err := bridge.Dial("ws://" + addr)
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
