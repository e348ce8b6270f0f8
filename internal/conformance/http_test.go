package conformance

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/rialto-rpc/rialto/bridge"
)

const httpServerRole = "http-server"

// upstreamReceiveLimit is more than any case sends, so that the limit of the bridge is the one that counts.
const upstreamReceiveLimit = 16 << 20

// TestHTTP runs all cases for Connect and gRPC-Web, over HTTP/1.1 and HTTP/2, in protobuf and JSON, plain and gzip, for all kinds
// of call, against the bridge in front of grpc-go's server.
func TestHTTP(t *testing.T) {
	t.Parallel()
	s := buildSuite(t)
	s.run(t, trial{
		mode: "server", config: "testdata/http.yaml",
		role: httpServerRole, args: []string{s.grpcServer, s.descriptors},
		atLeast: 1370,
	})
}

// serveHTTP is the program that the runner starts for each kind of server. It serves until it is told to stop.
func serveHTTP(grpcServer, descriptors string) error {
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
	upstream, err := startUpstream(ctx, grpcServer)
	if err != nil {
		return fmt.Errorf("start %s: %w", grpcServer, err)
	}
	defer upstream.Close()
	handler, err := newHandler(upstream, descriptors, int(request.receiveLimit))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(request.httpVersion == http1)
	server.Protocols.SetUnencryptedHTTP2(request.httpVersion == http2)
	// Ends with Close.
	go server.Serve(listener)
	defer server.Close()
	here := listener.Addr().(*net.TCPAddr)
	if err := writeMessage(os.Stdout, serverResponse{here.IP.String(), uint64(here.Port)}.encode()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// startUpstream starts grpc-go's server, which ends with ctx.
func startUpstream(ctx context.Context, program string) (*grpc.ClientConn, error) {
	cmd := exec.CommandContext(ctx, program)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := writeMessage(stdin, serverRequest{protocolGRPC, http2, upstreamReceiveLimit}.encode()); err != nil {
		return nil, err
	}
	message, err := readMessage(stdout)
	if err != nil {
		return nil, err
	}
	there, err := decodeServerResponse(message)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(net.JoinHostPort(there.host, strconv.FormatUint(there.port, 10)),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func newHandler(upstream *grpc.ClientConn, descriptors string, receiveLimit int) (*bridge.Handler, error) {
	set, err := readDescriptors(descriptors)
	if err != nil {
		return nil, err
	}
	options := []bridge.HandlerOption{bridge.WithUpstream(upstream, bridge.WithUpstreamDescriptors(set))}
	if receiveLimit > 0 {
		options = append(options, bridge.WithMaxRecvMsgSize(receiveLimit))
	}
	return bridge.NewHandler(options...)
}

func readDescriptors(path string) (*descriptorpb.FileDescriptorSet, error) {
	encoded, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := new(descriptorpb.FileDescriptorSet)
	return set, proto.Unmarshal(encoded, set)
}
