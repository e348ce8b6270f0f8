package bridge_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
)

// encoded is a message that was encoded once.
type encoded struct {
	proto, json []byte
	err         error
}

func (e *encoded) EncodedProto() ([][]byte, error) { return halves(e.proto), e.err }
func (e *encoded) EncodedJSON() ([][]byte, error)  { return halves(e.json), e.err }

// halves returns an encoding in two parts.
func halves(data []byte) [][]byte { return [][]byte{data[:len(data)/2], data[len(data)/2:]} }

// encodedServer sends the same two messages to whoever calls: one encoded beforehand, one not.
func encodedServer(shared *encoded) *echoServer {
	return &echoServer{output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
		if err := stream.SendMsg(shared); err != nil {
			return err
		}
		return stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: payload("b")})
	}}
}

// A message that carries its encoding is sent as it is, by the bridge in both encodings and by grpc-go with Codec.
func TestEncodedMessageIsSentAsItIs(t *testing.T) {
	t.Parallel()
	data, err := proto.Marshal(&testgrpc.StreamingOutputCallResponse{Payload: payload("a")})
	if err != nil {
		t.Fatal(err)
	}
	echo := encodedServer(&encoded{proto: data, json: []byte(`{"payload":{"body":"YQ=="}}`)})
	s := serve(t, echo)
	c := s.dial(t, serverPath)
	c.sendText("{}")
	c.expectText(`{"payload":{"body":"YQ=="}}`)
	c.expectText(`{"payload":{"body":"Yg=="}}`)
	c.expectClose(1000)
	c = s.dial(t, serverPath)
	c.sendBinary(nil)
	for _, want := range []string{"a", "b"} {
		var out testgrpc.StreamingOutputCallResponse
		c.recvProto(&out)
		if got := string(out.GetPayload().GetBody()); got != want {
			t.Errorf("body %q, want %q", got, want)
		}
	}
	c.expectClose(1000)

	listener := bufconn.Listen(1 << 16)
	native := grpc.NewServer(grpc.ForceServerCodecV2(bridge.Codec()))
	testgrpc.RegisterTestServiceServer(native, echo)
	go native.Serve(listener)
	t.Cleanup(native.Stop)
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	stream, err := testgrpc.NewTestServiceClient(conn).StreamingOutputCall(t.Context(), &testgrpc.StreamingOutputCallRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", "b"} {
		out, err := stream.Recv()
		if err != nil || string(out.GetPayload().GetBody()) != want {
			t.Errorf("native: %v, %v; want %q", out, err, want)
		}
	}
}

func TestEncodedMessageThatFails(t *testing.T) {
	t.Parallel()
	s := serve(t, encodedServer(&encoded{err: errors.New("no bytes")}))
	for _, text := range []bool{true, false} {
		c := s.dial(t, serverPath)
		if text {
			c.sendText("{}")
		} else {
			c.sendBinary(nil)
		}
		if reason := c.expectClose(4000 + int(codes.Internal)); reason != "error while marshaling: no bytes" {
			t.Errorf("reason %q", reason)
		}
	}
	if _, err := bridge.Codec().Marshal(&encoded{err: status.Error(codes.Internal, "no bytes")}); err == nil {
		t.Error("Codec: no error")
	}
}
