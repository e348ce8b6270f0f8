package bench

import (
	"context"
	"io"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// connectHTTP1 is connect-go over HTTP/1.1, which has no bidi calls: a connection for each call that runs.
var connectHTTP1 = way{
	name:  "connect-http1",
	serve: serveConnect,
	dial: func(t testing.TB, addr string) echoClient {
		return dialConnect(t, addr, (*http.Protocols).SetHTTP1)
	},
	unaryOnly: true,
}

// connectH2C is connect-go over HTTP/2 without TLS, over one connection.
var connectH2C = way{
	name:  "connect-h2c",
	serve: serveConnect,
	dial: func(t testing.TB, addr string) echoClient {
		return dialConnect(t, addr, (*http.Protocols).SetUnencryptedHTTP2)
	},
}

func serveConnect() (string, error) {
	mux := http.NewServeMux()
	mux.Handle(unaryPath, connect.NewUnaryHandler(unaryPath,
		func(ctx context.Context, in *connect.Request[testgrpc.SimpleRequest]) (*connect.Response[testgrpc.SimpleResponse], error) {
			return connect.NewResponse(&testgrpc.SimpleResponse{Payload: in.Msg.GetPayload()}), nil
		}))
	mux.Handle(bidiPath, connect.NewBidiStreamHandler(bidiPath, connectEcho))
	return serveHTTP(mux)
}

func connectEcho(
	_ context.Context, stream *connect.BidiStream[testgrpc.StreamingOutputCallRequest, testgrpc.StreamingOutputCallResponse],
) error {
	for {
		in, err := stream.Receive()
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

// dialConnect asks for no compression, since nobody else here has it.
func dialConnect(t testing.TB, addr string, choose func(*http.Protocols, bool)) echoClient {
	protocols := new(http.Protocols)
	choose(protocols, true)
	transport := &http.Transport{Protocols: protocols, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	httpClient := &http.Client{Transport: transport}
	uncompressed := connect.WithAcceptCompression("gzip", nil, nil)
	unary := connect.NewClient[testgrpc.SimpleRequest, testgrpc.SimpleResponse](httpClient, "http://"+addr+unaryPath, uncompressed)
	bidi := connect.NewClient[testgrpc.StreamingOutputCallRequest, testgrpc.StreamingOutputCallResponse](
		httpClient, "http://"+addr+bidiPath, uncompressed)
	return echoClient{
		unary: func(ctx context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			response, err := unary.CallUnary(ctx, connect.NewRequest(in))
			if err != nil {
				return nil, err
			}
			return response.Msg, nil
		},
		bidi: func(ctx context.Context) (bidiStream, error) {
			return connectStream{bidi.CallBidiStream(ctx)}, nil
		},
	}
}

type connectStream struct {
	*connect.BidiStreamForClient[testgrpc.StreamingOutputCallRequest, testgrpc.StreamingOutputCallResponse]
}

func (s connectStream) Recv() (*testgrpc.StreamingOutputCallResponse, error) { return s.Receive() }
