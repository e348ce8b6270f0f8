package conformance

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rialto-rpc/rialto/bridge"
)

const serviceRole = "service"

// TestServer runs all gRPC cases for servers, 198 plain and 176 with gzip: the suites' clients, a leg of gRPC, one WebSocket from
// bridge.Dial to a bridge, and the service registered there. What fails is what grpc-go's server is known to fail, whose codes
// the bridge has.
func TestServer(t *testing.T) {
	t.Parallel()
	s := buildSuite(t)
	s.run(t, trial{
		mode: "server", config: "testdata/grpc.yaml",
		role: serviceRole, args: []string{s.descriptors},
		knownFailing: s.knownFailing("grpcserver"),
		atLeast:      370,
	})
}

// serveService is the program that the runner starts for each kind of server. It serves until it is told to stop.
func serveService(descriptors string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	message, err := readMessage(os.Stdin)
	if err != nil {
		return err
	}
	request, err := decodeServerRequest(message)
	if err != nil {
		return err
	}
	set, err := readDescriptors(descriptors)
	if err != nil {
		return err
	}
	service, err := newService(set)
	if err != nil {
		return err
	}
	limit := anyBytes
	if request.receiveLimit > 0 {
		limit = int(request.receiveLimit)
	}
	handler, err := bridge.NewHandler(bridge.WithMaxRecvMsgSize(limit))
	if err != nil {
		return err
	}
	handler.RegisterService(service.desc(), nil)
	address, err := serveHandler(handler)
	if err != nil {
		return err
	}
	if address, err = serveGRPC(address); err != nil {
		return err
	}
	host, port, err := splitAddress(address)
	if err != nil {
		return err
	}
	if err := writeMessage(os.Stdout, serverResponse{host, port}.encode()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
