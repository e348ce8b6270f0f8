package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

const patience = time.Minute

// call is one RPC over one of the wires of the table.
type call interface {
	send(frames []frame)
	probe()            // sends an empty message
	receive() received // the next message, or the end
}

// received is a message of a call, or its end.
type received struct {
	message []byte // encoded for the wire; nil at the end
	ended   bool
	close   int            // the close code, on a WebSocket
	status  *status.Status // the end's status, as far as the wire tells it
	resp    *chatv1.ConnectResponse
}

func openCall(t *testing.T, s *running, wire, method string) call {
	t.Helper()
	path := fullMethod(method)
	token := s.guest(t)
	if strings.HasSuffix(wire, "-no-token") || strings.HasSuffix(path, "/Connect") {
		token = ""
	}
	wire = strings.TrimSuffix(wire, "-no-token")
	if wire == "grpc" {
		return openGRPC(t, s, path, token)
	}
	return openSocket(t, s, wire, path, token)
}

// fullMethod completes the table's short names.
func fullMethod(method string) string {
	switch method {
	case "Connect":
		method = "ChatService/Connect"
	case "Post":
		method = "MessageService/PostMessage"
	}
	return "/rialto.chat.v1." + method
}

// encode turns the table's JSON into the method's binary request. A method that does not exist gets an empty one.
func encode(t *testing.T, path string, jsonText []byte) []byte {
	t.Helper()
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "."))
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		return nil
	}
	m := dynamicpb.NewMessage(d.(protoreflect.MethodDescriptor).Input())
	if err := protojson.Unmarshal(jsonText, m); err != nil {
		t.Fatalf("the table's input: %v", err)
	}
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// socketCall is a call over a plain WebSocket.
type socketCall struct {
	t    *testing.T
	ws   *websocket.Conn
	wire string
	path string
	end  *statuspb.Status // of @end
}

func openSocket(t *testing.T, s *running, wire, path, token string) *socketCall {
	t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: patience}
	url := "ws://" + s.http + path
	switch wire {
	case "json", "proto":
		url += "?encoding=" + wire
	case "plain":
		dialer.Subprotocols = []string{"rialto.plain.v1"}
	case "auto":
	default:
		t.Fatalf("unknown wire %q", wire)
	}
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	ws, _, err := dialer.DialContext(t.Context(), url, header)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { ws.Close() })
	return &socketCall{t: t, ws: ws, wire: wire, path: path}
}

// send writes frames; the server may end the call meanwhile, which receive will see.
func (c *socketCall) send(frames []frame) {
	for _, f := range frames {
		kind, data := websocket.TextMessage, f.data
		switch {
		case f.kind == "raw":
			_, _ = c.ws.NetConn().Write(data)
			continue
		case f.kind == "binary":
			kind = websocket.BinaryMessage
		case c.wire == "proto":
			if json.Valid(data) && c.wantsBinary(data) {
				kind, data = websocket.BinaryMessage, encode(c.t, c.path, data)
			}
		}
		if err := c.ws.WriteMessage(kind, data); err != nil {
			return
		}
	}
}

// wantsBinary says whether a JSON row of the proto wire is converted. The rows that send text on purpose say "leave".
func (c *socketCall) wantsBinary(data []byte) bool {
	return !strings.Contains(string(data), `"leave"`)
}

func (c *socketCall) probe() {
	kind, data := websocket.TextMessage, []byte("{}")
	if c.wire == "proto" {
		kind, data = websocket.BinaryMessage, nil
	}
	if err := c.ws.WriteMessage(kind, data); err != nil {
		c.t.Fatalf("probe: %v", err)
	}
}

func (c *socketCall) receive() received {
	_ = c.ws.SetReadDeadline(time.Now().Add(patience))
	for {
		kind, data, err := c.ws.ReadMessage()
		if err != nil {
			return c.ended(err)
		}
		if kind == websocket.TextMessage && c.control(data) {
			continue
		}
		r := received{message: data}
		if strings.HasSuffix(c.path, "/Connect") {
			r.resp = new(chatv1.ConnectResponse)
			unmarshal := proto.Unmarshal
			if kind == websocket.TextMessage {
				unmarshal = protojson.Unmarshal
			}
			if err := unmarshal(data, r.resp); err != nil {
				c.t.Fatalf("response %q: %v", data, err)
			}
		}
		return r
	}
}

// control takes in a control frame of rialto.plain.v1.
func (c *socketCall) control(data []byte) bool {
	var frame struct {
		Headers json.RawMessage `json:"@headers"`
		End     *struct {
			Status json.RawMessage `json:"status"`
		} `json:"@end"`
	}
	if c.wire != "plain" || json.Unmarshal(data, &frame) != nil {
		return false
	}
	if frame.End != nil {
		c.end = new(statuspb.Status)
		if err := protojson.Unmarshal(frame.End.Status, c.end); err != nil {
			c.t.Fatalf("@end %q: %v", data, err)
		}
	}
	return frame.Headers != nil || frame.End != nil
}

// ended tells the status from the close code, and all of it from @end where there was one.
func (c *socketCall) ended(err error) received {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		c.t.Fatalf("the socket ended without a close frame: %v", err)
	}
	r := received{ended: true, close: closed.Code}
	switch {
	case c.end != nil:
		r.status = status.FromProto(c.end)
		if want := 4000 + int(r.status.Code()); closed.Code != want {
			c.t.Errorf("close code %d beside @end with %v", closed.Code, r.status.Code())
		}
	case closed.Code == websocket.CloseNormalClosure:
		r.status = status.New(codes.OK, "")
	case closed.Code > 4000 && closed.Code < 4400:
		r.status = status.New(codes.Code(closed.Code-4000), closed.Text)
	default:
		r.status = status.New(codes.Unknown, closed.Text)
	}
	return r
}

// grpcCall is a call over native gRPC, with bytes as messages.
type grpcCall struct {
	t      *testing.T
	stream grpc.ClientStream
	path   string
}

func openGRPC(t *testing.T, s *running, path, token string) *grpcCall {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := s.conn.NewStream(ctx, desc, path, grpc.ForceCodecV2(bytesCodec{}))
	if err != nil {
		t.Fatal(err)
	}
	return &grpcCall{t: t, stream: stream, path: path}
}

func (c *grpcCall) send(frames []frame) {
	for _, f := range frames {
		data := f.data
		if f.kind == "text" {
			data = encode(c.t, c.path, data)
		}
		if err := c.stream.SendMsg(&data); err != nil {
			return // receive says why
		}
	}
	if !strings.HasSuffix(c.path, "/Connect") {
		_ = c.stream.CloseSend()
	}
}

func (c *grpcCall) probe() {
	if err := c.stream.SendMsg(new([]byte)); err != nil {
		c.t.Fatalf("probe: %v", err)
	}
}

func (c *grpcCall) receive() received {
	var data []byte
	if err := c.stream.RecvMsg(&data); err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return received{ended: true, status: status.Convert(err)}
	}
	r := received{message: data}
	if strings.HasSuffix(c.path, "/Connect") {
		r.resp = new(chatv1.ConnectResponse)
		if err := proto.Unmarshal(data, r.resp); err != nil {
			c.t.Fatal(err)
		}
	}
	return r
}

// bytesCodec sends and receives messages as they are on the wire.
type bytesCodec struct{}

var _ encoding.CodecV2 = bytesCodec{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
