package client_test

import (
	"context"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rialto-rpc/rialto/client"
	"github.com/rialto-rpc/rialto/internal/server"
)

// exampleServer is a whole server for one example.
type exampleServer struct {
	http, grpc string // addresses
	dir        string
	cancel     context.CancelFunc
	ended      chan error
	closers    []io.Closer // in their order
}

func startExampleServer() *exampleServer {
	dir, err := os.MkdirTemp("", "rialto-example-")
	if err != nil {
		log.Fatal(err)
	}
	ready := make(chan server.Addresses, 1)
	config := server.Config{
		HTTP: "127.0.0.1:0", GRPC: "127.0.0.1:0", DataDir: dir, Guests: true,
		MaxMessageBytes: 1 << 20, MaxRooms: 200, Heartbeat: 20 * time.Second,
		FirstFrameTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second,
		OnReady: func(a server.Addresses) error { ready <- a; return nil },
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, config) }() // ends with cancel, awaited by stop
	select {
	case a := <-ready:
		return &exampleServer{http: a.HTTP, grpc: a.GRPC, dir: dir, cancel: cancel, ended: ended}
	case err := <-ended:
		log.Fatal(err)
		panic("not reached")
	}
}

// client is somebody at this server, as long as that runs.
func (s *exampleServer) client(name string) *client.Client {
	conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(conn, client.WithDisplayName(name))
	if err != nil {
		log.Fatal(err)
	}
	s.closers = append(s.closers, c, conn)
	return c
}

func (s *exampleServer) stop() {
	for _, closer := range s.closers {
		closer.Close()
	}
	s.cancel()
	<-s.ended
	os.RemoveAll(s.dir)
}
