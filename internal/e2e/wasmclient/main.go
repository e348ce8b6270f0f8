//go:build js

// Command wasmclient calls the bridge that served its page, over the browser's WebSocket, and posts what came of it to /result:
// "ok", or an error. It is what TestClientInChromium runs.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall/js"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
)

func main() {
	origin := js.Global().Get("location").Get("origin").String()
	result := "ok"
	if err := run(origin); err != nil {
		result = err.Error()
	}
	response, err := http.Post(origin+"/result", "text/plain", strings.NewReader(result))
	if err != nil {
		panic(err)
	}
	response.Body.Close()
}

func run(origin string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for name, option := range map[string]bridge.DialOption{
		"dialer":  bridge.WithContextDialer(func(context.Context, string) (net.Conn, error) { return nil, net.ErrClosed }),
		"headers": bridge.WithHandshakeHeader(http.Header{"X-A": {"b"}}),
	} {
		if _, err := bridge.Dial(origin, option); err == nil {
			return fmt.Errorf("an option that browsers cannot honour is no error: %s", name)
		}
	}
	cc, err := bridge.Dial(origin)
	if err != nil {
		return err
	}
	client := testgrpc.NewTestServiceClient(cc)
	for name, call := range map[string]func(context.Context, testgrpc.TestServiceClient) error{
		"unary": unary, "bidi": bidi, "unknown method": unknown,
	} {
		if err := call(ctx, client); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := cc.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if _, err := client.EmptyCall(ctx, &testgrpc.Empty{}); status.Code(err) != codes.Canceled {
		return fmt.Errorf("a call after Close: %v", err)
	}
	return nil
}

// unary sends and receives more than all windows take at once, and more than the browser may keep.
func unary(ctx context.Context, client testgrpc.TestServiceClient) error {
	body := bytes.Repeat([]byte("0123456789"), 300_000)
	var server peer.Peer
	response, err := client.UnaryCall(ctx, &testgrpc.SimpleRequest{
		ResponseSize: int32(len(body)), Payload: &testgrpc.Payload{Body: body},
	}, grpc.Peer(&server))
	if err != nil {
		return err
	}
	if got := len(response.GetPayload().GetBody()); got != len(body) || server.Addr == nil {
		return fmt.Errorf("%d bytes, peer %v", got, server.Addr)
	}
	return nil
}

func bidi(ctx context.Context, client testgrpc.TestServiceClient) error {
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	for n := range int32(100) {
		if err := stream.Send(&testgrpc.StreamingOutputCallRequest{
			ResponseParameters: []*testgrpc.ResponseParameters{{Size: n}},
		}); err != nil {
			return err
		}
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		if got := len(response.GetPayload().GetBody()); got != int(n) {
			return fmt.Errorf("%d bytes, want %d", got, n)
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the end is %w", err)
	}
	return nil
}

func unknown(ctx context.Context, client testgrpc.TestServiceClient) error {
	if _, err := client.UnimplementedCall(ctx, &testgrpc.Empty{}); status.Code(err) != codes.Unimplemented {
		return fmt.Errorf("got %v", err)
	}
	return nil
}
