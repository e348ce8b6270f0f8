// Bridgefront puts a bridge in front of each gRPC server that it is told of, for suites that start servers of their own: it
// reads the address of a server from a line of its standard input and prints the bridge's. It runs until its standard
// input ends. Its arguments are a file with the descriptors of the services that the bridges expose, and the origins of pages
// that may use them.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // what clients may compress with
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/rialto-rpc/rialto/bridge"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "bridgefront:", err)
		os.Exit(1)
	}
}

func run(descriptors string, allowedOrigins []string) error {
	encoded, err := os.ReadFile(descriptors)
	if err != nil {
		return err
	}
	set := new(descriptorpb.FileDescriptorSet)
	if err := proto.Unmarshal(encoded, set); err != nil {
		return err
	}
	var fronts []*front
	defer func() {
		for _, f := range fronts {
			f.close()
		}
	}()
	servers := bufio.NewScanner(os.Stdin)
	for servers.Scan() {
		f, err := newFront(servers.Text(), set, allowedOrigins)
		if err != nil {
			return err
		}
		fronts = append(fronts, f)
		fmt.Println(f.listener.Addr())
	}
	return servers.Err()
}

// front is a bridge in front of one server.
type front struct {
	upstream *grpc.ClientConn
	handler  *bridge.Handler
	listener net.Listener
	server   *http.Server
	served   chan struct{} // closed when the listener is no longer served
}

func newFront(address string, set *descriptorpb.FileDescriptorSet, allowedOrigins []string) (*front, error) {
	upstream, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	h, err := bridge.NewHandler(
		bridge.WithUpstream(upstream, bridge.WithUpstreamDescriptors(set)),
		bridge.WithAllowedOrigins(allowedOrigins...),
	)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &front{
		upstream: upstream, handler: h, listener: listener, served: make(chan struct{}),
		server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second},
	}
	// Owner: the front. Ends when close closes the server, and close waits for it.
	go func() {
		defer close(f.served)
		f.server.Serve(listener)
	}()
	return f, nil
}

func (f *front) close() {
	f.server.Close()
	<-f.served
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.handler.Drain(ctx)
	f.upstream.Close()
}
