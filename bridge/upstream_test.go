package bridge_test

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
)

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// grpc-go's interoperability server behind the bridge: all four kinds of call, in both encodings.
func TestUpstreamFourKindsOfCall(t *testing.T) {
	t.Parallel()
	b := startBackend(t, func(s *grpc.Server) {
		testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
		reflection.Register(s)
	})
	s := front(t, b.addr, exposed)
	parameters := []*testgrpc.ResponseParameters{{Size: 3}, {Size: 100_000}, {Size: 0}}
	for _, form := range wireForms {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			t.Run("unary", func(t *testing.T) {
				c := s.dial(t, unaryPath)
				form.send(c, &testgrpc.SimpleRequest{ResponseSize: 5})
				var out testgrpc.SimpleResponse
				form.recv(c, &out)
				if got := len(out.GetPayload().GetBody()); got != 5 {
					t.Errorf("%d bytes", got)
				}
				c.expectClose(1000)
			})
			t.Run("server streaming", func(t *testing.T) {
				c := s.dial(t, serverPath)
				form.send(c, &testgrpc.StreamingOutputCallRequest{ResponseParameters: parameters})
				expectSizes(t, c, form, parameters)
				c.expectClose(1000)
			})
			t.Run("client streaming", func(t *testing.T) {
				c := s.dial(t, clientPath)
				for _, body := range []string{"a", "bc", ""} {
					form.send(c, &testgrpc.StreamingInputCallRequest{Payload: payload(body)})
				}
				c.sendText("")
				var out testgrpc.StreamingInputCallResponse
				form.recv(c, &out)
				if got := out.GetAggregatedPayloadSize(); got != 3 {
					t.Errorf("sum %d", got)
				}
				c.expectClose(1000)
			})
			t.Run("bidi", func(t *testing.T) {
				c := s.dial(t, bidiPath)
				for range 3 { // each after the answer to the one before
					form.send(c, &testgrpc.StreamingOutputCallRequest{ResponseParameters: parameters})
					expectSizes(t, c, form, parameters)
				}
				c.sendText("")
				c.expectClose(1000)
			})
		})
	}
}

func expectSizes(t *testing.T, c *client, form wireForm, parameters []*testgrpc.ResponseParameters) {
	t.Helper()
	for _, want := range parameters {
		var out testgrpc.StreamingOutputCallResponse
		form.recv(c, &out)
		if got := len(out.GetPayload().GetBody()); got != int(want.GetSize()) {
			t.Errorf("%d bytes, want %d", got, want.GetSize())
		}
	}
}

// Headers, trailers and a status with its details come through as the upstream said them.
func TestUpstreamHeadersTrailersAndDetails(t *testing.T) {
	t.Parallel()
	s := frontEcho(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		grpc.SendHeader(ctx, metadata.Pairs("x-head", "a", "x-head", "b", "raw-bin", "\x00\xff", "server", "them",
			"x-forwarded-for", "10.0.0.1"))
		grpc.SetTrailer(ctx, metadata.Pairs("x-tail", "z"))
		st, _ := status.New(codes.FailedPrecondition, "not now").WithDetails(&errdetails.ErrorInfo{Reason: "SHUT"})
		return nil, st.Err()
	}})
	c := s.dial(t, unaryPath+"?encoding=json", bridge.SubprotocolPlain)
	c.sendText("{}")
	var headers struct {
		Headers map[string]any `json:"@headers"`
	}
	c.decodeText(&headers)
	if got, _ := json.Marshal(headers.Headers); string(got) != `{"raw-bin":"AP8=","server":"them","x-head":["a","b"]}` {
		t.Errorf("headers %s", got)
	}
	c.expectText(`{"@end":{"status":{"code":9,"message":"not now","details":[` +
		`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SHUT"}]},"trailers":{"x-tail":"z"}}}`)
	if got := c.expectClose(4009); got != "not now" {
		t.Errorf("reason %q", got)
	}
}

func (c *client) decodeText(v any) {
	c.t.Helper()
	_, data, err := c.conn.ReadMessage()
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		c.t.Fatalf("%q: %v", data, err)
	}
}

// A status without headers before it is the upstream's too, whatever its code.
func TestUpstreamStatusIsTheUpstreams(t *testing.T) {
	t.Parallel()
	s := frontEcho(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		in, err := stream.Recv()
		if err != nil {
			return err
		}
		if in.GetPayload() != nil {
			stream.Send(&testgrpc.StreamingOutputCallResponse{})
		}
		return status.Error(codes.Code(in.GetResponseStatus().GetCode()), in.GetResponseStatus().GetMessage())
	}})
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		for _, first := range []*testgrpc.Payload{nil, payload("headers first")} {
			c := s.dial(t, bidiPath)
			c.sendProto(&testgrpc.StreamingOutputCallRequest{
				Payload: first, ResponseStatus: &testgrpc.EchoStatus{Code: int32(code), Message: "as said"},
			})
			if got := c.skipToClose(4000 + int(code)); got != "as said" {
				t.Errorf("%v: reason %q", code, got)
			}
		}
	}
}

// A client's deadline and its cancel reach the upstream; the upstream's own time limit is not needed for either.
func TestUpstreamDeadlineAndCancel(t *testing.T) {
	t.Parallel()
	deadlines, ended := make(chan time.Duration, 3), make(chan error, 3)
	s := frontEcho(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		deadline, ok := stream.Context().Deadline()
		if ok {
			deadlines <- time.Until(deadline)
		} else {
			deadlines <- 0
		}
		<-stream.Context().Done()
		ended <- stream.Context().Err()
		return stream.Context().Err()
	}})
	t.Run("deadline", func(t *testing.T) {
		c := s.dial(t, bidiPath, bridge.SubprotocolPlain)
		c.sendText(`{"@open":{"encoding":"json","timeoutMs":60000}}`)
		if got := receive(t, deadlines); got <= 0 || got > time.Minute {
			t.Errorf("the upstream has %v", got)
		}
		c.conn.Close()
		receive(t, ended)
	})
	t.Run("cancel", func(t *testing.T) {
		c := s.dial(t, bidiPath+"?encoding=json")
		if got := receive(t, deadlines); got != 0 {
			t.Errorf("the upstream has a deadline, in %v", got)
		}
		c.conn.Close()
		if err := receive(t, ended); err != context.Canceled {
			t.Errorf("the upstream's context: %v", err)
		}
	})
	t.Run("short deadline", func(t *testing.T) { // it may be over before the upstream hears of the call
		c := s.dial(t, bidiPath, bridge.SubprotocolPlain)
		c.sendText(`{"@open":{"encoding":"json","timeoutMs":50}}`)
		c.skipToClose(4004)
	})
}

// What a slow client does not take stays with the upstream, whose sends wait.
func TestUpstreamWaitsForSlowClient(t *testing.T) {
	t.Parallel()
	const messageBytes, most = 64 << 10, 64 << 20
	sent := make(chan int, 1)
	s := frontEcho(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		body := make([]byte, messageBytes)
		n := 0
		for ; n*messageBytes < 4*most; n++ {
			if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: body}}); err != nil {
				break
			}
		}
		sent <- n
		return nil
	}}, bridge.WithWriteTimeout(200*time.Millisecond))
	s.dial(t, bidiPath+"?encoding=proto") // and never reads; the bridge cuts it in the end
	if n := receive(t, sent); n*messageBytes > most {
		t.Errorf("the upstream could send %d bytes to a client that takes nothing", n*messageBytes)
	}
}

// What a slow upstream does not take stays with the client, whose sends wait.
func TestClientWaitsForSlowUpstream(t *testing.T) {
	t.Parallel()
	const messageBytes, most = 64 << 10, 64 << 20
	release := make(chan struct{})
	defer close(release)
	s := frontEcho(t, &echoServer{input: func(testgrpc.TestService_StreamingInputCallServer) error {
		<-release
		return nil
	}})
	c := s.dial(t, clientPath)
	c.conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
	body := make([]byte, messageBytes)
	sent := 0
	for ; sent < 4*most; sent += messageBytes {
		if c.conn.WriteMessage(2, body) != nil {
			break
		}
	}
	if sent > most {
		t.Errorf("the client could send %d bytes to an upstream that takes nothing", sent)
	}
}

// Interceptors see a proxied call as a stream of the kind it is, and what they refuse the client is told.
func TestInterceptorsSeeProxiedCalls(t *testing.T) {
	t.Parallel()
	infos := make(chan grpc.StreamServerInfo, 4)
	refuse := func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		infos <- *info
		return next(srv, &refusingStream{ServerStream: ss})
	}
	s := frontEcho(t, &echoServer{}, bridge.WithChainStreamInterceptor(refuse))
	for path, want := range map[string]grpc.StreamServerInfo{
		unaryPath:  {FullMethod: unaryPath},
		serverPath: {FullMethod: serverPath, IsServerStream: true},
		clientPath: {FullMethod: clientPath, IsClientStream: true},
		bidiPath:   {FullMethod: bidiPath, IsClientStream: true, IsServerStream: true},
	} {
		c := s.dial(t, path)
		c.sendText("{}")
		if got := receive(t, infos); got != want {
			t.Errorf("%s: %+v", path, got)
		}
		if path == bidiPath {
			c.expectText("{}")
			c.sendText("{}")
			if got := c.expectClose(4007); got != "no second message" {
				t.Errorf("reason %q", got)
			}
		}
	}
}

// An interceptor that panics while a message is received ends its call, and no other.
func TestPanicWhileReceivingIsContained(t *testing.T) {
	t.Parallel()
	s := frontEcho(t, &echoServer{}, bridge.WithChainStreamInterceptor(
		func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if info.FullMethod == bidiPath {
				ss = panickingStream{ss}
			}
			return next(srv, ss)
		}))
	expectEnd(t, s, bidiPath, "{}", 4013, "internal error")
	c := s.dial(t, unaryPath)
	c.sendText("{}")
	c.expectText("{}")
	c.expectClose(1000)
}

type panickingStream struct{ grpc.ServerStream }

func (panickingStream) RecvMsg(any) error { panic("secret") }

// refusingStream refuses the second message.
type refusingStream struct {
	grpc.ServerStream
	received int
}

func (s *refusingStream) RecvMsg(m any) error {
	if s.received++; s.received > 1 {
		if err := s.ServerStream.RecvMsg(m); err != nil {
			return err
		}
		return status.Error(codes.PermissionDenied, "no second message")
	}
	return s.ServerStream.RecvMsg(m)
}

// Metadata: what reaches the upstream, by where the client put it.
func TestUpstreamMetadata(t *testing.T) {
	t.Parallel()
	arrived := make(chan metadata.MD, 1)
	s := frontEcho(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		arrived <- md
		return &testgrpc.SimpleResponse{}, nil
	}}, bridge.WithTrustedHeaders("X-User", "x-forwarded-for", "blob-bin"))
	header := map[string][]string{
		"X-User": {"ana"}, "X-Forwarded-For": {"192.0.2.1"}, "Blob-Bin": {"AP8"}, // trusted
		"Authorization": {"Bearer h"}, "Traceparent": {"00-1"}, // of the list for every handshake
		"Cookie": {"session=1"}, "X-Other": {"1"}, "X-Real-Ip": {"192.0.2.2"}, "User-Agent": {"page"},
	}
	c := s.dialHeader(t, unaryPath, header, bridge.SubprotocolPlain)
	c.sendText(`{"@open":{"encoding":"json","metadata":{"x-user":"mallory","X-Forwarded-For":"10.0.0.1","blob-bin":"AA==",` +
		`"x-app":["1","2"],"key-bin":"AAE=","grpc-timeout":"1n","cookie":"a=b","host":"x","te":"y","x-real-ip":"z",` +
		`"x-envoy-peer":"e","forwarded":"f","via":"v","connection":"c",":path":"/x"}}}`)
	c.sendText("{}")
	md := receive(t, arrived)
	c.skipToClose(1000)
	for key, want := range map[string][]string{
		"x-user": {"ana"}, "x-forwarded-for": {"192.0.2.1"}, "blob-bin": {"\x00\xff"},
		"authorization": {"Bearer h"}, "traceparent": {"00-1"}, "x-app": {"1", "2"}, "key-bin": {"\x00\x01"},
		"cookie": nil, "x-other": nil, "x-real-ip": nil, "x-envoy-peer": nil, "forwarded": nil, "via": nil, "host": nil,
		"te": nil, "connection": nil, "grpc-timeout": nil, "content-type": {"application/grpc+proto"},
	} {
		if got := md[key]; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if got := md["user-agent"]; len(got) != 1 || !strings.HasPrefix(got[0], "grpc-go/") {
		t.Errorf("user-agent %q: the bridge is the upstream's client", got)
	}
	if got := md[":authority"]; len(got) != 1 || got[0] == s.http.Listener.Addr().String() {
		t.Errorf(":authority %q is the bridge's own", got)
	}
}

// A trusted name that the handshake does not have is not there, however else the client says it.
func TestTrustedHeadersComeFromTheHandshakeOnly(t *testing.T) {
	t.Parallel()
	arrived := make(chan metadata.MD, 1)
	s := serve(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		arrived <- md
		return &testgrpc.SimpleResponse{}, nil
	}}, bridge.WithTrustedHeaders("authorization", "x-user"))
	c := s.dial(t, unaryPath, bridge.SubprotocolPlain, bridge.SubprotocolBearerPrefix+"dG9rZW4")
	c.sendText(`{"@open":{"encoding":"json","metadata":{"x-user":"mallory","authorization":"Bearer mine"}}}`)
	c.sendText("{}")
	md := receive(t, arrived)
	if md["x-user"] != nil || md["authorization"] != nil {
		t.Errorf("x-user %q, authorization %q", md["x-user"], md["authorization"])
	}
	c.skipToClose(1000)
}

func TestTrustedHeadersRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ":path", "grpc-status", "Sec-Fetch-Site", "Host", "connection", "user-agent", "a b"} {
		if _, err := bridge.NewHandler(bridge.WithTrustedHeaders(name)); err == nil {
			t.Errorf("%q is taken for a trusted header", name)
		}
	}
}
