package bridge_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/rialto-rpc/rialto/bridge"
)

// The control frames of a call in both encodings, frame by frame.
func TestControlFrames(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		if err := stream.SetHeader(metadata.Pairs("x-one", "1", "x-many", "a")); err != nil {
			return err
		}
		if err := grpc.SetHeader(stream.Context(), metadata.Pairs("x-many", "b", "x-bytes-bin", "\x00\x01\x02")); err != nil {
			return err
		}
		stream.SetTrailer(metadata.Pairs("x-trailer", "<t>", "grpc-status", "0", "x-bytes-bin", "\xff"))
		for {
			if _, err := stream.Recv(); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			if err := stream.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
				return err
			}
		}
	}})
	for _, encoding := range []string{"json", "proto"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, bidiPath+"?encoding="+encoding, bridge.SubprotocolPlain)
			for i := range 2 {
				if encoding == "json" {
					c.sendText("{}")
				} else {
					c.sendBinary(nil)
				}
				if i == 0 {
					c.expectText(`{"@headers":{"x-bytes-bin":"AAEC","x-many":["a","b"],"x-one":"1"}}`)
				}
				if encoding == "json" {
					c.expectText("{}")
				} else if kind, data, err := c.conn.ReadMessage(); kind != 2 || len(data) != 0 || err != nil {
					t.Fatalf("frame of type %d %q, %v", kind, data, err)
				}
			}
			c.sendText("")
			c.expectText(`{"@end":{"status":{"code":0,"message":""},"trailers":{"x-bytes-bin":"/w==","x-trailer":"<t>"}}}`)
			c.expectClose(1000)
		})
	}
}

// Headers reach the client before the end although no message was sent; SendHeader sends them at once.
func TestHeadersWithoutMessages(t *testing.T) {
	t.Parallel()
	sent := make(chan struct{})
	s := serve(t, &echoServer{
		unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			grpc.SetHeader(ctx, metadata.Pairs("x", "set"))
			return nil, status.Error(codes.NotFound, "nothing")
		},
		output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
			stream.SetHeader(metadata.Pairs("x", "set"))
			if err := stream.SendHeader(metadata.Pairs("y", "sent")); err != nil {
				return err
			}
			<-sent
			if err := stream.SendHeader(nil); err == nil {
				return status.Error(codes.Internal, "SendHeader twice is no error")
			}
			if err := stream.SetHeader(metadata.Pairs("z", "late")); err == nil {
				return status.Error(codes.Internal, "SetHeader after SendHeader is no error")
			}
			return nil
		},
	})
	c := s.dial(t, unaryPath, bridge.SubprotocolPlain)
	c.sendText("{}")
	c.expectText(`{"@headers":{"x":"set"}}`)
	c.expectText(`{"@end":{"status":{"code":5,"message":"nothing"},"trailers":{}}}`)
	c.expectClose(4005)

	c = s.dial(t, serverPath, bridge.SubprotocolPlain)
	c.sendText("{}")
	c.expectText(`{"@headers":{"x":"set","y":"sent"}}`)
	close(sent)
	c.expectText(`{"@end":{"status":{"code":0,"message":""},"trailers":{}}}`)
	c.expectClose(1000)
}

// The whole status is in @end, whatever the close reason can hold; without the subprotocol there is the close frame only.
func TestStatusInEndAndInClose(t *testing.T) {
	t.Parallel()
	message := strings.Repeat("ä", 100)
	s := serve(t, &echoServer{unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		st := status.New(codes.InvalidArgument, message)
		withDetails, err := st.WithDetails(&errdetails.ErrorInfo{Reason: "R", Domain: "d"})
		if err != nil {
			return nil, err
		}
		p := withDetails.Proto()
		p.Details = append(p.Details, &anypb.Any{TypeUrl: "type.googleapis.com/not.linked.In", Value: []byte{1, 2}})
		return nil, status.ErrorProto(p)
	}})
	c := s.dial(t, unaryPath)
	c.sendText("{}")
	if reason := c.expectClose(4003); reason != strings.Repeat("ä", 61) {
		t.Errorf("reason %q", reason)
	}
	c = s.dial(t, unaryPath, bridge.SubprotocolPlain)
	c.sendBinary(nil)
	kind, data, err := c.conn.ReadMessage()
	if err != nil || kind != 1 {
		t.Fatalf("frame of type %d, %v", kind, err)
	}
	got := strings.ReplaceAll(string(data), " ", "") // protojson's random spaces are compacted, or they would show here
	if got != string(data) {
		t.Errorf("@end is not compact: %s", data)
	}
	want := `{"@end":{"status":{"code":3,"message":"` + message + `","details":[` +
		`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R","domain":"d"},` +
		`{"@type":"type.googleapis.com/not.linked.In","value":"AQI="}]},"trailers":{}}}`
	if got != want {
		t.Errorf("@end\n got %s\nwant %s", got, want)
	}
	c.expectClose(4003)
}

// Errors that name a field carry google.rpc.BadRequest.
func TestBadRequestNamesTheField(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	for _, test := range []struct {
		name, path string
		text       string
		binary     []byte
		field      string
	}{
		{"unknown field", unaryPath, `{"payload":{"bodi":""}}`, nil, "payload.bodi"},
		{"wrong type in a list", serverPath, `{"responseParameters":[{},{"size":"x"}]}`, nil, "responseParameters[1].size"},
		{"after a line break and a long rune", unaryPath, "{\"responseStatus\":{\"message\":\"é\"},\n\"payload\":7}", nil, "payload"},
		{"invalid UTF-8 in protobuf", unaryPath, "", []byte{0x3a, 4, 0x12, 2, 0xff, 0xfe}, "message"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, test.path, bridge.SubprotocolPlain)
			if test.binary != nil {
				c.sendBinary(test.binary)
			} else {
				c.sendText(test.text)
			}
			_, data, err := c.conn.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":%q,`, test.field)
			if !strings.Contains(string(data), want) {
				t.Errorf("%s does not contain %s", data, want)
			}
			c.expectClose(4003)
		})
	}
}

func TestOpenFrame(t *testing.T) {
	t.Parallel()
	const long = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	s, seen := metadataServer(t, bridge.WithMaxMetadataBytes(300))
	for _, test := range []struct {
		name, open string
		code       int
		reason     string            // of a call that does not begin
		want       map[string]string // metadata that the service sees; "" means: must not be there
	}{
		{"empty", `{"@open":{}}`, 1000, "", nil},
		{"spaces", " {\n\t\"@open\" : { } } ", 1000, "", nil},
		{"string and array", `{"@open":{"metadata":{"x":"1","Y-Many":["a","b"]}}}`, 1000, "", map[string]string{"x": "1", "y-many": "a b"}},
		{"no values", `{"@open":{"metadata":{"x":null,"y":[],"z":""}}}`, 1000, "", map[string]string{"x": "", "y": "", "z": ""}},
		{"bytes", `{"@open":{"metadata":{"k-bin":["AAE=","AAE","_-8"]}}}`, 1000, "", map[string]string{"k-bin": "\x00\x01 \x00\x01 \xff\xef"}},
		{"reserved names", `{"@open":{"metadata":{":authority":"evil","grpc-timeout":"1S","Host":"evil","cookie":"a=b","te":"x",
			"connection":"x","x-forwarded-for":"1","X-Forwarded-Proto":"1","x-real-ip":"1","via":"1","forwarded":"1",
			"x-envoy-peer":"1","proxy-authorization":"1","sec-fetch-site":"none","user-agent":"evil","content-type":"evil",
			"keep-alive":"1","transfer-encoding":"1","upgrade":"1","trailer":"1","origin":"evil","ok":"1"}}}`, 1000, "",
			map[string]string{":authority": "localhost", "grpc-timeout": "", "host": "", "cookie": "", "te": "", "connection": "",
				"x-forwarded-for": "", "x-forwarded-proto": "", "x-real-ip": "", "via": "", "forwarded": "", "x-envoy-peer": "",
				"proxy-authorization": "", "sec-fetch-site": "", "user-agent": "Go", "content-type": "application/grpc+json",
				"keep-alive": "", "transfer-encoding": "", "upgrade": "", "trailer": "", "origin": "", "ok": "1"}},
		{"illegal name", `{"@open":{"metadata":{"a b":"1"}}}`, 4003, `metadata: "a b" is not a metadata key`, nil},
		{"empty name", `{"@open":{"metadata":{"":"1"}}}`, 4003, `metadata: "" is not a metadata key`, nil},
		{"illegal value", `{"@open":{"metadata":{"a":"x\n"}}}`, 4003, "metadata.a: not printable ASCII", nil},
		{"not base64", `{"@open":{"metadata":{"a-bin":"!"}}}`, 4003, "metadata.a-bin: not base64", nil},
		{"value is a number", `{"@open":{"metadata":{"a":1}}}`, 4003, "@open.metadata: number is not what belongs here", nil},
		{"too much", `{"@open":{"metadata":{"a":"` + long + `","b":"` + long + `"}}}`, 4008, "metadata larger than max (300 bytes)", nil},
		{"many empty values", `{"@open":{"metadata":{"a":["","","","","","","","","",""]}}}`, 4008, "metadata larger than max (300 bytes)", nil},
		{"unknown member", `{"@open":{"timeout":5}}`, 4003, `@open: unknown field "timeout"`, nil},
		{"unknown frame member", `{"@open":{},"x":1}`, 4003, `@open: unknown field "x"`, nil},
		{"malformed", `{"@open":{]}`, 4003, "malformed JSON at byte 10: invalid character ']' looking for beginning of object key string", nil},
		{"no object", `{"@open":5}`, 4003, "@open: number is not what belongs here", nil},
		{"timeout of zero", `{"@open":{"timeoutMs":0}}`, 4003, "timeoutMs: must be positive", nil},
		{"negative timeout", `{"@open":{"timeoutMs":-1}}`, 4003, "timeoutMs: must be positive", nil},
		{"fractional timeout", `{"@open":{"timeoutMs":1.5}}`, 4003, "@open.timeoutMs: number 1.5 is not what belongs here", nil},
		{"timeout beyond all times", `{"@open":{"timeoutMs":9223372036854775807}}`, 1000, "", nil},
		{"unknown encoding", `{"@open":{"encoding":"xml"}}`, 4003, "encoding: want json or proto", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := s.dialHeader(t, unaryPath, map[string][]string{"Host": {"localhost"}, "User-Agent": {"Go"}}, bridge.SubprotocolPlain)
			c.sendText(test.open)
			if test.code != 1000 {
				if reason := c.skipToClose(test.code); reason != test.reason {
					t.Errorf("reason %q, want %q", reason, test.reason)
				}
				return
			}
			c.sendText("{}")
			md := receive(t, seen)
			for key, want := range test.want {
				if got := strings.Join(md.Get(key), " "); got != want {
					t.Errorf("metadata %s: %q, want %q", key, got, want)
				}
			}
			c.skipToClose(1000)
		})
	}
}

// An @open frame that names the encoding starts the call by itself; one that does not leaves it to the next frame.
func TestOpenFrameAndEncoding(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		return stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: payload("a")})
	}})
	for _, test := range []struct {
		open string
		next []byte
		kind int
	}{
		{`{"@open":{"encoding":"json"}}`, nil, 1},
		{`{"@open":{"encoding":"proto"}}`, nil, 2},
		{`{"@open":{}}`, []byte("{}"), 1},
		{`{"@open":{}}`, []byte{0xfa, 1, 1, 'a'}, 2},
	} {
		c := s.dial(t, bidiPath, bridge.SubprotocolPlain)
		c.sendText(test.open)
		if test.next != nil {
			c.conn.WriteMessage(test.kind, test.next)
		}
		c.expectText(`{"@headers":{}}`)
		if kind, _, err := c.conn.ReadMessage(); kind != test.kind || err != nil {
			t.Errorf("%s %q: frame of type %d, %v", test.open, test.next, kind, err)
		}
	}
}

func TestOpenFrameOutOfPlace(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	for _, test := range []struct {
		path   string
		frames []string
	}{
		{bidiPath, []string{`{"@open":{}}`, `{"@open":{}}`}},
		{bidiPath, []string{`{}`, `{"@open":{}}`}},
		{bidiPath + "?encoding=json", []string{`{"@open":{}}`}},
		{bidiPath + "?encoding=proto", []string{`{"@open":{}}`}},
	} {
		c := s.dial(t, test.path, bridge.SubprotocolPlain)
		for _, text := range test.frames {
			c.sendText(text)
		}
		if reason := c.skipToClose(4400); !strings.Contains(reason, "@open") {
			t.Errorf("%s %q: reason %q", test.path, test.frames, reason)
		}
	}
}

// A deadline ends the call for the client at once and cancels the handler, in Recv or out of it.
func TestTimeoutEndsTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const timeout = 50 * time.Millisecond
		seen := make(chan error, 1)
		s, shutdown := servePipes(t, &echoServer{
			unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
				if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) != timeout {
					t.Errorf("deadline %v", deadline)
				}
				<-ctx.Done()
				seen <- ctx.Err()
				return nil, ctx.Err()
			},
			fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
				_, err := stream.Recv()
				seen <- stream.Context().Err()
				return err
			},
		})
		defer shutdown()
		for path, frames := range map[string][]string{
			unaryPath: {`{"@open":{"timeoutMs":50}}`, `{}`},
			bidiPath:  {`{"@open":{"timeoutMs":50,"encoding":"json"}}`},
		} {
			start := time.Now()
			c := s.dialPlain(t, path, bridge.SubprotocolPlain)
			for _, frame := range frames {
				c.sendText(frame)
			}
			c.expectText(`{"@end":{"status":{"code":4,"message":"context deadline exceeded"},"trailers":{}}}`)
			c.expectClose(4004)
			if took := time.Since(start); took != timeout {
				t.Errorf("%s: ended after %v", path, took)
			}
			if err := <-seen; err != context.DeadlineExceeded {
				t.Errorf("%s: the handler saw %v", path, err)
			}
			c.conn.Close()
		}
	})
}
