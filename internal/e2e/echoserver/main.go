// Echoserver serves rialto.e2e.EchoService on a bridge, for tests of clients that are not written in Go: one method for each
// kind of call, over google.protobuf.BytesValue, so that they need no generated code.
//
// It prints its address and runs until its standard input ends. A line "drain" on it tells the clients to go elsewhere
// and lets their calls end.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	_ "google.golang.org/grpc/encoding/gzip" // what clients may compress with

	"github.com/rialto-rpc/rialto/bridge"
)

const drainTime = 10 * time.Second

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "echoserver:", err)
		os.Exit(1)
	}
}

func run() error {
	h, err := bridge.NewHandler(bridge.WithMaxRecvMsgSize(80<<20), bridge.WithReconnectSpread(10*time.Millisecond))
	if err != nil {
		return err
	}
	h.RegisterService(&echoService, new(echo))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	// Owner: run. Ends when the server is closed below; run waits for it.
	go func() { served <- server.Serve(listener) }()
	fmt.Println(listener.Addr())

	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		if commands.Text() == "drain" {
			ctx, cancel := context.WithTimeout(context.Background(), drainTime)
			err := h.Drain(ctx)
			cancel()
			fmt.Println("drained", err)
		}
	}
	server.Close()
	<-served
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.Drain(ctx)
	return nil
}
