// Command echo is the smallest bidirectional gRPC service in a browser: the service, the bridge, one page.
package main

import (
	"embed"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/rialto-rpc/rialto/bridge"
	echov1 "github.com/rialto-rpc/rialto/examples/echo/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

//go:embed index.html
var page embed.FS

type service struct { // an ordinary gRPC service, which knows nothing of browsers
	echov1.UnimplementedEchoServiceServer
}

func (service) Talk(stream grpc.BidiStreamingServer[echov1.TalkRequest, echov1.TalkResponse]) error {
	for count := uint32(1); ; count++ {
		request, err := stream.Recv()
		if err == io.EOF {
			return nil // the page has ended; so do we, with OK
		} else if err != nil {
			return err
		} else if request.GetText() == "" {
			return status.Error(codes.InvalidArgument, "text: must not be empty")
		}
		if err := stream.Send(&echov1.TalkResponse{Text: request.GetText(), Count: count}); err != nil {
			return err
		}
	}
}

func main() {
	address := flag.String("http", "localhost:8081", "where to listen")
	flag.Parse()
	h, err := bridge.NewHandler()
	if err != nil {
		log.Fatal(err)
	}
	echov1.RegisterEchoServiceServer(h, service{}) // as on a grpc.Server
	http.Handle("/echo.v1.EchoService/", h)
	http.Handle("/", http.FileServerFS(page))
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}
