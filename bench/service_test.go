package bench

import (
	"context"
	"io"
	"net"
	"net/http"

	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// The paths of the service, for clients that are not generated.
const (
	unaryPath = testgrpc.TestService_UnaryCall_FullMethodName
	bidiPath  = testgrpc.TestService_FullDuplexCall_FullMethodName
)

// echoService sends back the payload it gets.
type echoService struct {
	testgrpc.UnimplementedTestServiceServer
}

func (echoService) UnaryCall(_ context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{Payload: in.GetPayload()}, nil
}

func (echoService) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	for {
		in, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: in.GetPayload()}); err != nil {
			return err
		}
	}
}

// serveGRPC starts a grpc.Server. It ends with the process.
func serveGRPC() (addr string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := grpc.NewServer()
	testgrpc.RegisterTestServiceServer(s, echoService{})
	go s.Serve(listener)
	return listener.Addr().String(), nil
}

// serveHTTP starts an HTTP server that takes HTTP/1.1, and HTTP/2 without TLS. It ends with the process.
func serveHTTP(h http.Handler) (addr string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{Handler: h, Protocols: protocols}
	go s.Serve(listener)
	return listener.Addr().String(), nil
}
