package bridge_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
)

type traceKey struct{}

// Interceptors run in grpc-go's order, see the method, and may replace context, request, stream and result.
func TestInterceptorsInOrder(t *testing.T) {
	t.Parallel()
	trace := make(chan []string, 2)
	unary := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			so, _ := ctx.Value(traceKey{}).([]string)
			return next(context.WithValue(ctx, traceKey{}, append(slices.Clone(so), name+" "+info.FullMethod)), req)
		}
	}
	stream := func(name string) grpc.StreamServerInterceptor {
		return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			so, _ := ss.Context().Value(traceKey{}).([]string)
			entry := fmt.Sprintf("%s %s %v %v", name, info.FullMethod, info.IsClientStream, info.IsServerStream)
			return next(srv, &contextStream{ss, context.WithValue(ss.Context(), traceKey{}, append(slices.Clone(so), entry))})
		}
	}
	s := serve(t, &echoServer{
		unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			trace <- ctx.Value(traceKey{}).([]string)
			return &testgrpc.SimpleResponse{}, nil
		},
		output: func(_ *testgrpc.StreamingOutputCallRequest, ss testgrpc.TestService_StreamingOutputCallServer) error {
			trace <- ss.Context().Value(traceKey{}).([]string)
			return nil
		},
	},
		bridge.WithChainUnaryInterceptor(unary("a"), unary("b")), bridge.WithChainUnaryInterceptor(unary("c")),
		bridge.WithChainStreamInterceptor(stream("a"), stream("b"), stream("c")))

	c := s.dial(t, unaryPath)
	c.sendText("{}")
	want := []string{"a " + unaryPath, "b " + unaryPath, "c " + unaryPath}
	if got := receive(t, trace); !slices.Equal(got, want) {
		t.Errorf("unary: %q", got)
	}
	c.skipToClose(1000)
	c = s.dial(t, serverPath)
	c.sendText("{}")
	want = []string{"a " + serverPath + " false true", "b " + serverPath + " false true", "c " + serverPath + " false true"}
	if got := receive(t, trace); !slices.Equal(got, want) {
		t.Errorf("stream: %q", got)
	}
	c.skipToClose(1000)
}

type contextStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *contextStream) Context() context.Context { return s.ctx }

func TestInterceptorMayRefuse(t *testing.T) {
	t.Parallel()
	refuse := status.Error(codes.Unauthenticated, "who are you?")
	s := serve(t, &echoServer{},
		bridge.WithChainUnaryInterceptor(func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
			return nil, refuse
		}),
		bridge.WithChainStreamInterceptor(func(any, grpc.ServerStream, *grpc.StreamServerInfo, grpc.StreamHandler) error {
			return refuse
		}))
	for _, path := range []string{unaryPath, clientPath, serverPath, bidiPath} {
		c := s.dial(t, path)
		c.sendText("{}")
		if reason := c.expectClose(4016); reason != "who are you?" {
			t.Errorf("%s: reason %q", path, reason)
		}
	}
}

// What a handler finds in its context, as with grpc-go; over TLS here.
func TestCallContext(t *testing.T) {
	t.Parallel()
	type found struct {
		unary, stream string
		peer          *peer.Peer
		md            metadata.MD
	}
	seen := make(chan found, 1)
	h, err := bridge.NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, &echoServer{
		fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
			var f found
			f.unary, _ = grpc.Method(stream.Context())
			f.stream, _ = grpc.MethodFromServerStream(stream)
			f.peer, _ = peer.FromContext(stream.Context())
			f.md, _ = metadata.FromIncomingContext(stream.Context())
			seen <- f
			return nil
		},
	})
	web := httptest.NewTLSServer(h)
	t.Cleanup(func() { h.Drain(context.Background()); web.Close() })
	roots := web.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}}
	conn, _, err := dialer.Dial("wss://"+web.Listener.Addr().String()+bidiPath+"?encoding=proto", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	got := receive(t, seen)
	if got.unary != bidiPath || got.stream != bidiPath {
		t.Errorf("method %q, %q", got.unary, got.stream)
	}
	if got.peer == nil || got.peer.Addr.String() != conn.LocalAddr().String() || got.peer.LocalAddr.String() != conn.RemoteAddr().String() {
		t.Errorf("peer %v", got.peer)
	}
	info, ok := got.peer.AuthInfo.(credentials.TLSInfo)
	if !ok || !info.State.HandshakeComplete || info.SecurityLevel != credentials.PrivacyAndIntegrity {
		t.Errorf("auth info %+v", got.peer.AuthInfo)
	}
	if authority := got.md.Get(":authority"); !slices.Equal(authority, []string{web.Listener.Addr().String()}) {
		t.Errorf(":authority %q", authority)
	}
	if got := got.md.Get("content-type"); !slices.Equal(got, []string{"application/grpc+proto"}) {
		t.Errorf("content-type %q", got)
	}
	c := &client{t, conn}
	c.expectClose(1000)
}

// Errors of a handler become the status grpc-go makes of them.
func TestStatusConversion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		err    error
		code   int
		reason string
	}{
		{"nil", nil, 1000, ""},
		{"status", status.Error(codes.Aborted, "lost"), 4010, "lost"},
		{"wrapped status", fmt.Errorf("while here: %w", status.Error(codes.NotFound, "no room")), 4005, "while here: rpc error: code = NotFound desc = no room"},
		{"plain error", errors.New("oops"), 4002, "oops"},
		{"io.EOF", io.EOF, 4002, "EOF"},
		{"context cancelled", context.Canceled, 4001, "context canceled"},
		{"context deadline, wrapped", fmt.Errorf("slow: %w", context.DeadlineExceeded), 4004, "slow: context deadline exceeded"},
		{"invalid UTF-8", status.Error(codes.Internal, "a\xffb"), 4013, "a\uFFFDb"},
		{"code beyond grpc's", status.Error(codes.Code(77), "?"), 4077, "?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, &echoServer{
				unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
					return &testgrpc.SimpleResponse{}, test.err
				},
				fullBidi: func(testgrpc.TestService_FullDuplexCallServer) error { return test.err },
			})
			for _, path := range []string{unaryPath, bidiPath} {
				c := s.dial(t, path)
				c.sendText("{}")
				if reason := c.skipToClose(test.code); reason != test.reason {
					t.Errorf("%s: reason %q, want %q", path, reason, test.reason)
				}
			}
		})
	}
}

// A handler that panics, or ends its goroutine, costs its own call only. What it panicked with stays on the server.
func TestPanicIsContained(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		panic func()
		log   string
	}{
		{"value", func() { panic("secret text") }, "panic=string"},
		{"runtime error", func() { _ = []int{}[len(os.Args)] }, "index out of range"},
		{"error", func() { panic(errors.New("secret text")) }, "panic=*errors.errorString"},
		{"goexit", runtime.Goexit, "panic=<nil>"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			log := &logBuffer{}
			s := serve(t, &echoServer{unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
				test.panic()
				return nil, nil
			}}, log.option())
			other := s.dial(t, bidiPath)
			c := s.dial(t, unaryPath)
			c.sendText("{}")
			if reason := c.expectClose(4013); reason != "internal error" {
				t.Errorf("reason %q", reason)
			}
			other.sendText("{}")
			other.expectText("{}")
			other.sendText("")
			other.expectClose(1000)
			text := log.String()
			if !strings.Contains(text, test.log) || !strings.Contains(text, "service_test.go") {
				t.Errorf("the log has no %q or no stack: %s", test.log, text)
			}
			if strings.Contains(text, "secret") {
				t.Errorf("the log has the panic's value: %s", text)
			}
		})
	}
}

// One goroutine may send while another receives, and a call that has ended can no longer be used.
func TestSendConcurrentWithRecvAndAfterTheEnd(t *testing.T) {
	t.Parallel()
	kept := make(chan testgrpc.TestService_FullDuplexCallServer, 1)
	const messages = 500
	s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		sent := make(chan error, 1)
		go func() {
			for range messages {
				if err := stream.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for {
			if _, err := stream.Recv(); err == io.EOF {
				break
			} else if err != nil {
				return err
			}
		}
		kept <- stream
		return <-sent
	}})
	c := s.dial(t, bidiPath)
	go func() {
		for range messages {
			c.conn.WriteMessage(websocket.TextMessage, []byte("{}"))
		}
		c.conn.WriteMessage(websocket.TextMessage, nil)
	}()
	for range messages {
		c.expectText("{}")
	}
	c.expectClose(1000)
	stream := receive(t, kept)
	if err := stream.Send(&testgrpc.StreamingOutputCallResponse{}); status.Code(err) != codes.Canceled {
		t.Errorf("Send after the end: %v", err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("Recv after the end: %v", err)
	}
	if stream.SetHeader(metadata.Pairs("a", "b")) == nil || stream.SendHeader(nil) == nil {
		t.Error("headers after the end are no error")
	}
}

// What cannot be sent ends the call at once, whatever the handler makes of the error.
func TestSendOfWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		msg  any
		code int
		want string
	}{
		{"too large", &testgrpc.StreamingOutputCallResponse{Payload: payload(strings.Repeat("x", 200))}, 4008, "trying to send message larger than max"},
		{"no message", "text", 4013, "error while marshaling: message is string"},
		{"invalid UTF-8", &testgrpc.SimpleResponse{Username: "\xff"}, 4013, "error while marshaling: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
				if err := stream.SendMsg(test.msg); err == nil {
					t.Error("no error")
				}
				<-stream.Context().Done()
				return nil
			}}, bridge.WithMaxSendMsgSize(100))
			for _, encoding := range []string{"json", "proto"} {
				c := s.dial(t, bidiPath+"?encoding="+encoding)
				if reason := c.expectClose(test.code); !strings.HasPrefix(reason, test.want) {
					t.Errorf("%s: reason %q", encoding, reason)
				}
			}
		})
	}
}

// Metadata that cannot be on the wire is refused where it is set.
func TestServiceMetadataIsValidated(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		for _, md := range []metadata.MD{{"UPPER": {"x"}}, {"a b": {"x"}}, {"a": {"x\n"}}} {
			if grpc.SetHeader(ctx, md) == nil || grpc.SendHeader(ctx, md) == nil || grpc.SetTrailer(ctx, md) == nil {
				t.Errorf("%v is no error", md)
			}
		}
		return &testgrpc.SimpleResponse{}, grpc.SetTrailer(ctx, nil)
	}})
	c := s.dial(t, unaryPath)
	c.sendText("{}")
	c.skipToClose(1000)
}

func TestRegisterService(t *testing.T) {
	t.Parallel()
	h, err := bridge.NewHandler(nil)
	if err != nil {
		t.Fatal(err)
	}
	mustPanic := func(what string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s does not panic", what)
			}
		}()
		f()
	}
	mustPanic("a type that does not implement the service", func() {
		h.RegisterService(&testgrpc.TestService_ServiceDesc, struct{}{})
	})
	testgrpc.RegisterTestServiceServer(h, &echoServer{})
	mustPanic("a second registration", func() { testgrpc.RegisterTestServiceServer(h, &echoServer{}) })
	reflection.RegisterV1(h) // needs GetServiceInfo

	info := h.GetServiceInfo()
	if len(info) != 2 {
		t.Errorf("services: %v", info)
	}
	service := info["grpc.testing.TestService"]
	if service.Metadata != "grpc/testing/test.proto" {
		t.Errorf("metadata %v", service.Metadata)
	}
	want := grpc.MethodInfo{Name: "FullDuplexCall", IsClientStream: true, IsServerStream: true}
	if !slices.Contains(service.Methods, want) || !slices.Contains(service.Methods, grpc.MethodInfo{Name: "UnaryCall"}) {
		t.Errorf("methods %v", service.Methods)
	}

	web := httptest.NewServer(h)
	t.Cleanup(func() { h.Drain(context.Background()); web.Close() })
	c := (&server{handler: h, http: web}).dial(t, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
	c.sendText(`{"listServices":"*"}`)
	c.expectText(`{"originalRequest":{"listServices":"*"},"listServicesResponse":{"service":[{"name":"grpc.reflection.v1.ServerReflection"},{"name":"grpc.testing.TestService"}]}}`)
	c.sendText("")
	c.expectClose(1000)
	mustPanic("registration after the first request", func() {
		h.RegisterService(&grpc.ServiceDesc{ServiceName: "late", HandlerType: (*any)(nil)}, nil)
	})
}
