package bridge_test

import (
	"testing"

	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/internal/interoptest"
)

func interopHandler(t testing.TB) *bridge.Handler {
	t.Helper()
	h, err := bridge.NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, interoptest.NewServer())
	return h
}

// Every usable case of grpc-go's interop suite, against its own server on the bridge's handler: over TCP.
func TestInteropOverClient(t *testing.T) {
	t.Parallel()
	interoptest.Run(t, func(t testing.TB) grpc.ClientConnInterface {
		return dialServer(t, serveHandler(t, interopHandler(t)))
	})
}

// The same with the client in the server's process, without a network.
func TestInteropInProcess(t *testing.T) {
	t.Parallel()
	interoptest.Run(t, func(t testing.TB) grpc.ClientConnInterface {
		pipes := newPipeListener()
		servePipesTo(t, pipes, interopHandler(t))
		return dialTarget(t, "ws://service", bridge.WithContextDialer(pipes.pipe))
	})
}

// The same with the suite's server behind the bridge, as an upstream.
func TestInteropThroughUpstream(t *testing.T) {
	t.Parallel()
	interoptest.Run(t, func(t testing.TB) grpc.ClientConnInterface {
		b := startBackend(t, func(s *grpc.Server) {
			testgrpc.RegisterTestServiceServer(s, interoptest.NewServer())
			reflection.Register(s)
		})
		return dialServer(t, front(t, b.addr, exposed))
	})
}
