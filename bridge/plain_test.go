package bridge_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
)

// The seed of the project: a bare socket talks JSON to a bidi RPC, with no library.
func TestBareSocketTalksToBidiRPC(t *testing.T) {
	t.Parallel()
	c := serve(t, &echoServer{}).dial(t, bidiPath)
	c.sendText(`{"payload":{"body":"aGVsbG8="}}`)
	c.expectText(`{"payload":{"body":"aGVsbG8="}}`)
	c.sendText(`{"payload":{"body":"YWdhaW4="}}`)
	c.expectText(`{"payload":{"body":"YWdhaW4="}}`)
	c.sendText("")
	c.expectClose(1000)
}

func payload(body string) *testgrpc.Payload { return &testgrpc.Payload{Body: []byte(body)} }

// wireForm is one encoding of plain mode, for tests that run in both.
type wireForm struct {
	name string
	send func(*client, proto.Message)
	recv func(*client, proto.Message)
}

var wireForms = []wireForm{
	{"json", (*client).sendJSON, (*client).recvJSON},
	{"proto", (*client).sendProto, (*client).recvProto},
}

func (c *client) sendJSON(m proto.Message) {
	c.t.Helper()
	data, err := protojson.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sendText(string(data))
}

func (c *client) recvJSON(m proto.Message) {
	c.t.Helper()
	kind, data, err := c.conn.ReadMessage()
	if err != nil || kind != 1 {
		c.t.Fatalf("frame of type %d, error %v; want text", kind, err)
	}
	if err := protojson.Unmarshal(data, m); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) sendProto(m proto.Message) {
	c.t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sendBinary(data)
}

func (c *client) recvProto(m proto.Message) {
	c.t.Helper()
	kind, data, err := c.conn.ReadMessage()
	if err != nil || kind != 2 {
		c.t.Fatalf("frame of type %d, error %v; want binary", kind, err)
	}
	if err := proto.Unmarshal(data, m); err != nil {
		c.t.Fatal(err)
	}
}

// All four kinds of call, in both encodings, with the encoding from the URL and from the first frame.
func TestFourKindsOfCall(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	for _, form := range wireForms {
		for _, query := range []string{"", "?encoding=" + form.name} {
			t.Run(form.name+query, func(t *testing.T) {
				t.Parallel()
				t.Run("unary", func(t *testing.T) {
					c := s.dial(t, unaryPath+query)
					form.send(c, &testgrpc.SimpleRequest{Payload: payload("one")})
					var out testgrpc.SimpleResponse
					form.recv(c, &out)
					if got := string(out.GetPayload().GetBody()); got != "one" {
						t.Errorf("reply %q", got)
					}
					c.expectClose(1000)
				})
				t.Run("server streaming", func(t *testing.T) {
					c := s.dial(t, serverPath+query)
					form.send(c, &testgrpc.StreamingOutputCallRequest{
						Payload: payload("many"), ResponseParameters: make([]*testgrpc.ResponseParameters, 3),
					})
					for range 3 {
						var out testgrpc.StreamingOutputCallResponse
						form.recv(c, &out)
						if got := string(out.GetPayload().GetBody()); got != "many" {
							t.Errorf("reply %q", got)
						}
					}
					c.expectClose(1000)
				})
				t.Run("client streaming", func(t *testing.T) {
					c := s.dial(t, clientPath+query)
					for _, body := range []string{"a", "bc", ""} {
						form.send(c, &testgrpc.StreamingInputCallRequest{Payload: payload(body)})
					}
					c.sendText("")
					var out testgrpc.StreamingInputCallResponse
					form.recv(c, &out)
					if out.GetAggregatedPayloadSize() != 3 {
						t.Errorf("sum %d", out.GetAggregatedPayloadSize())
					}
					c.expectClose(1000)
				})
				t.Run("bidi", func(t *testing.T) {
					c := s.dial(t, bidiPath+query)
					for _, body := range []string{"ping", "pong"} {
						form.send(c, &testgrpc.StreamingOutputCallRequest{Payload: payload(body)})
						var out testgrpc.StreamingOutputCallResponse
						form.recv(c, &out)
						if got := string(out.GetPayload().GetBody()); got != body {
							t.Errorf("echo %q", got)
						}
					}
					c.sendText("")
					c.expectClose(1000)
				})
			})
		}
	}
}

// With the encoding in the URL the call starts before any frame; without it, or without a call to make, only a frame does.
func TestEncodingInURLStartsTheCall(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		return stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: payload("first")})
	}})
	for _, subprotocols := range [][]string{nil, {bridge.SubprotocolPlain}} {
		c := s.dial(t, bidiPath+"?encoding=json", subprotocols...)
		if subprotocols != nil {
			c.expectText(`{"@headers":{}}`)
		}
		c.expectText(`{"payload":{"body":"Zmlyc3Q="}}`)
	}
}

// How frames of a client end a call: each row is a sequence of frames and the close code it leads to.
func TestFrameSequences(t *testing.T) {
	t.Parallel()
	type frames []string // "t:" text, "b:" binary
	const message = `t:{"payload":{"body":"YQ=="}}`
	tests := []struct {
		name   string
		path   string
		frames frames
		code   int
		reason string
	}{
		{"half-close at once is a JSON call without messages", bidiPath, frames{"t:"}, 1000, ""},
		{"half-close of a protobuf call", bidiPath + "?encoding=proto", frames{"b:", "t:"}, 1000, ""},
		{"empty binary frame is an empty message", clientPath, frames{"b:", "b:", "t:"}, 1000, ""},
		{"explicit half-close after a unary message", emptyPath, frames{"t:{}", "t:"}, 1000, ""},
		{"unary call without a message", unaryPath, frames{"t:"}, 4013, "cardinality violation: received no request message from non-client-streaming RPC"},
		{"server streaming call without a message", serverPath, frames{"t:"}, 4013, "cardinality violation: received no request message from non-client-streaming RPC"},
		{"binary frame in a JSON call", bidiPath, frames{message, "b:"}, 4415, "binary frame in a JSON call"},
		{"binary frame in a JSON call by URL", bidiPath + "?encoding=json", frames{"b:"}, 4415, "binary frame in a JSON call"},
		{"text frame in a protobuf call", bidiPath, frames{"b:", message}, 4415, "text frame in a protobuf call"},
		{"text frame in a protobuf call by URL", bidiPath + "?encoding=proto", frames{message}, 4415, "text frame in a protobuf call"},
		{"malformed JSON", bidiPath, frames{`t:{"payload":}`}, 4003, "malformed JSON at byte 11: invalid character '}' looking for beginning of value"},
		{"JSON that ends early", bidiPath, frames{`t:{"payload":`}, 4003, "malformed JSON at byte 11: unexpected end of JSON input"},
		{"text that is no JSON", bidiPath, frames{`t: `}, 4003, "malformed JSON at byte 1: unexpected end of JSON input"},
		{"JSON that is no object", bidiPath, frames{`t:[]`}, 4003, "unexpected token [ at byte 0"},
		{"two JSON values", bidiPath, frames{`t:{} {}`}, 4003, "malformed JSON at byte 3: invalid character '{' after top-level value"},
		{"unknown JSON field", bidiPath, frames{`t:{"payload":{"bodi":"YQ=="}}`}, 4003, `payload.bodi: unknown field "bodi" at byte 12`},
		{"@open without the subprotocol", bidiPath, frames{`t:{"@open":{}}`}, 4003, `@open: unknown field "@open" at byte 1`},
		{"wrong JSON type", bidiPath, frames{`t:{"payload":{"body":5}}`}, 4003, "payload.body: invalid value for bytes field body: 5 at byte 19"},
		{"malformed protobuf", bidiPath, frames{"b:\xff"}, 4003, "malformed protobuf message"},
		{"unknown protobuf field", clientPath, frames{"b:\xfa\x01\x01a", "t:"}, 1000, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, &echoServer{}).dial(t, test.path)
			for _, f := range test.frames {
				if text, ok := strings.CutPrefix(f, "t:"); ok {
					c.sendText(text)
				} else {
					c.sendBinary([]byte(strings.TrimPrefix(f, "b:")))
				}
			}
			if reason := c.skipToClose(test.code); reason != test.reason {
				t.Errorf("reason %q, want %q", reason, test.reason)
			}
		})
	}
}

// block is a handler that waits for the end of its call and says what it saw.
func block(entered chan<- struct{}, seen chan<- error) func(context.Context) error {
	return func(ctx context.Context) error {
		entered <- struct{}{}
		<-ctx.Done()
		seen <- ctx.Err()
		return ctx.Err()
	}
}

// blockingServer is an echoServer all of whose handlers wait for the end of their call, without receiving.
func blockingServer() (echo *echoServer, entered chan struct{}, seen chan error) {
	entered, seen = make(chan struct{}, 16), make(chan error, 16)
	wait := block(entered, seen)
	return &echoServer{
		unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			return nil, wait(ctx)
		},
		output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
			return wait(stream.Context())
		},
		input:    func(stream testgrpc.TestService_StreamingInputCallServer) error { return wait(stream.Context()) },
		fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error { return wait(stream.Context()) },
	}, entered, seen
}

// While the handler of a call that takes one message runs, further frames end the call at once, and the handler is cancelled.
func TestFramesAfterTheOnlyMessage(t *testing.T) {
	t.Parallel()
	for _, path := range []string{unaryPath, serverPath} {
		for _, test := range []struct {
			name   string
			frames []string
			code   int
		}{
			{"second message", []string{"{}"}, 4013},
			{"half-close, then a message", []string{"", "{}"}, 4400},
			{"two half-closes", []string{"", ""}, 4400},
		} {
			t.Run(path+" "+test.name, func(t *testing.T) {
				t.Parallel()
				echo, entered, seen := blockingServer()
				c := serve(t, echo).dial(t, path)
				c.sendText("{}")
				receive(t, entered)
				for _, text := range test.frames {
					c.sendText(text)
				}
				c.expectClose(test.code)
				if err := receive(t, seen); err != context.Canceled {
					t.Errorf("the handler saw %v", err)
				}
			})
		}
	}
}

func TestFrameAfterHalfClose(t *testing.T) {
	t.Parallel()
	for _, path := range []string{clientPath, bidiPath} {
		for _, text := range []string{"", "{}"} {
			t.Run(path+" "+text, func(t *testing.T) {
				t.Parallel()
				seen := make(chan error, 1)
				ended := make(chan struct{})
				afterEOF := func(stream interface {
					Context() context.Context
					RecvMsg(any) error
				}) error {
					if err := stream.RecvMsg(&testgrpc.SimpleRequest{}); err != io.EOF {
						t.Errorf("half-close: %v", err)
					}
					if err := stream.RecvMsg(&testgrpc.SimpleRequest{}); err != io.EOF {
						t.Errorf("half-close again: %v", err)
					}
					close(ended)
					<-stream.Context().Done()
					seen <- stream.RecvMsg(&testgrpc.SimpleRequest{})
					return nil
				}
				c := serve(t, &echoServer{
					input:    func(s testgrpc.TestService_StreamingInputCallServer) error { return afterEOF(s) },
					fullBidi: func(s testgrpc.TestService_FullDuplexCallServer) error { return afterEOF(s) },
				}).dial(t, path)
				c.sendText("")
				receive(t, ended)
				c.sendText(text)
				c.expectClose(4400)
				if code := status.Code(receive(t, seen)); code != codes.Canceled {
					t.Errorf("RecvMsg: %v", code)
				}
			})
		}
	}
}

// A close of the client's before the end cancels the call, and is answered with the same code.
func TestClientCloseCancels(t *testing.T) {
	t.Parallel()
	for _, path := range []string{unaryPath, serverPath} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			echo, entered, seen := blockingServer()
			s := serve(t, echo)
			c := s.dialRaw(t, path+"?encoding=json")
			c.send(rawFrame(flagFin|opText, []byte("{}")))
			receive(t, entered)
			c.send(rawFrame(flagFin|opClose, []byte{0x0b, 0xb8})) // 3000
			c.expectCloseAnswer(3000)
			if err := receive(t, seen); err != context.Canceled {
				t.Errorf("the handler saw %v", err)
			}
		})
	}
	t.Run("in Recv", func(t *testing.T) {
		t.Parallel()
		seen := make(chan error, 1)
		s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			_, err := stream.Recv()
			seen <- err
			<-stream.Context().Done()
			return stream.Send(&testgrpc.StreamingOutputCallResponse{})
		}})
		c := s.dialRaw(t, bidiPath+"?encoding=json")
		c.send(rawFrame(flagFin|opClose, nil))
		c.expectCloseAnswer(0)
		if code := status.Code(receive(t, seen)); code != codes.Canceled {
			t.Errorf("Recv: %v", code)
		}
	})
}

// A connection that is cut, without a close frame, cancels the call.
func TestCutConnectionCancels(t *testing.T) {
	t.Parallel()
	echo, entered, seen := blockingServer()
	c := serve(t, echo).dialRaw(t, unaryPath)
	c.send(rawFrame(flagFin|opText, []byte("{}")))
	receive(t, entered)
	c.conn.Close()
	if err := receive(t, seen); err != context.Canceled {
		t.Errorf("the handler saw %v", err)
	}
}

// The status arrives although the client keeps sending: the server reads what comes until the client has the close frame.
func TestStatusSurvivesUnreadFrames(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{fullBidi: func(testgrpc.TestService_FullDuplexCallServer) error {
		return status.Error(codes.FailedPrecondition, "not now")
	}})
	for range 20 {
		c := s.dial(t, bidiPath+"?encoding=proto")
		for range 100 {
			if c.conn.WriteMessage(2, make([]byte, 10_000)) != nil {
				break
			}
		}
		if reason := c.expectClose(4009); reason != "not now" {
			t.Fatalf("reason %q", reason)
		}
	}
}
