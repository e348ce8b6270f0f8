package bridge_test

import (
	"io"
	"net"
	"testing"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// One client's round trips through a bidi echo over loopback: the bridge in both encodings, and native grpc-go.
//
//	go test ./bridge -run '^$' -bench Echo
func BenchmarkEcho(b *testing.B) {
	for _, frame := range []struct {
		name string
		kind int
		data string
	}{
		{"bridge/json", websocket.TextMessage, `{"payload":{"body":"aGVsbG8sIHdvcmxkIQ=="}}`},
		{"bridge/proto", websocket.BinaryMessage, "\x1a\x0f\x12\x0dhello, world!"},
	} {
		b.Run(frame.name, func(b *testing.B) {
			c := serve(b, &echoServer{}).dial(b, bidiPath)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.conn.WriteMessage(frame.kind, []byte(frame.data)); err != nil {
					b.Fatal(err)
				}
				if _, r, err := c.conn.NextReader(); err != nil {
					b.Fatal(err)
				} else if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("native", func(b *testing.B) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		native := grpc.NewServer()
		testgrpc.RegisterTestServiceServer(native, &echoServer{})
		go native.Serve(listener)
		b.Cleanup(native.Stop)
		conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		stream, err := testgrpc.NewTestServiceClient(conn).FullDuplexCall(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		in := &testgrpc.StreamingOutputCallRequest{Payload: payload("hello, world!")}
		b.ReportAllocs()
		for b.Loop() {
			if err := stream.Send(in); err != nil {
				b.Fatal(err)
			}
			if _, err := stream.Recv(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
