package bridge_test

import (
	"strings"
	"sync/atomic"
	"testing"

	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/rialto-rpc/rialto/bridge"
)

const shopFile = `
	name: "shop/v1/shop.proto" package: "shop.v1" syntax: "proto3" dependency: "shop/v1/item.proto"
	service { name: "Shop" method { name: "Echo" input_type: ".shop.v1.Item" output_type: ".shop.v1.Item" } }
	service { name: "Till" method {
		name: "Talk" input_type: ".shop.v1.Item" output_type: ".shop.v1.Item" client_streaming: true server_streaming: true
	} }`

const itemFile = `
	name: "shop/v1/item.proto" package: "shop.v1" syntax: "proto3"
	dependency: "google/protobuf/any.proto" dependency: "google/protobuf/timestamp.proto"
	message_type { name: "Item"
		field { name: "display_name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL json_name: "displayName" }
		field { name: "count" number: 2 type: TYPE_INT64 label: LABEL_OPTIONAL json_name: "count" }
		field { name: "parts" number: 3 type: TYPE_MESSAGE type_name: ".shop.v1.Item" label: LABEL_REPEATED json_name: "parts" }
		field { name: "extra" number: 4 type: TYPE_MESSAGE type_name: ".google.protobuf.Any" label: LABEL_OPTIONAL json_name: "extra" }
		field { name: "made" number: 5 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL json_name: "made" }
	}`

// expectEcho sends a message and expects it back, then the end.
func expectEcho(t *testing.T, s *server, path, message string) {
	t.Helper()
	c := s.dial(t, path)
	c.sendText(message)
	c.expectText(message)
	if strings.HasSuffix(path, "/Talk") {
		c.sendText("")
	}
	c.expectClose(1000)
}

func expectEnd(t *testing.T, s *server, path, message string, code int, reason string) {
	t.Helper()
	c := s.dial(t, path)
	c.sendText(message)
	if got := c.expectClose(code); got != reason {
		t.Errorf("%s: reason %q, want %q", path, got, reason)
	}
}

// What is exposed is what reflection lists, but for grpc.*.
func TestUpstreamServicesByReflection(t *testing.T) {
	t.Parallel()
	shop := newSchema(t, itemFile, shopFile)
	b := startBackend(t, func(server *grpc.Server) {
		shop.serve(server)
		healthgrpc.RegisterHealthServer(server, health.NewServer())
	})
	s := front(t, b.addr, nil)
	message := `{"displayName":"lamp","count":"9007199254740993","parts":[{"displayName":"bulb"}],"made":"2026-11-23T00:00:00Z"}`
	expectEcho(t, s, "/shop.v1.Shop/Echo", message)
	expectEcho(t, s, "/shop.v1.Till/Talk", message)
	expectEnd(t, s, "/shop.v1.Shop/Buy", "{}", 4012, "unknown method Buy for service shop.v1.Shop")
	expectEnd(t, s, "/shop.v2.Shop/Echo", "{}", 4012, "unknown service shop.v2.Shop")
	for _, hidden := range []string{"grpc.health.v1.Health/Check", "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"} {
		service, _, _ := strings.Cut(hidden, "/")
		expectEnd(t, s, "/"+hidden, "{}", 4012, "unknown service "+service)
	}
}

// --services exposes those and nothing else, those of grpc.* too.
func TestUpstreamServicesByName(t *testing.T) {
	t.Parallel()
	shop := newSchema(t, itemFile, shopFile)
	b := startBackend(t, func(server *grpc.Server) {
		shop.serve(server)
		healthgrpc.RegisterHealthServer(server, health.NewServer())
	})
	s := front(t, b.addr, []bridge.UpstreamOption{bridge.WithUpstreamServices("shop.v1.Till", "grpc.health.v1.Health")})
	expectEcho(t, s, "/shop.v1.Till/Talk", `{"displayName":"lamp"}`)
	expectEnd(t, s, "/shop.v1.Shop/Echo", "{}", 4012, "unknown service shop.v1.Shop")
	c := s.dial(t, "/grpc.health.v1.Health/Check")
	c.sendBinary(nil)
	c.sendText("") // this server's reflection does not describe it
	if kind, data, err := c.conn.ReadMessage(); kind != 2 || string(data) != "\x08\x01" {
		t.Errorf("frame of type %d %q, %v", kind, data, err)
	}
	c.expectClose(1000)
}

// Services in process come before those of the upstream with the same name.
func TestServicesInProcessComeFirst(t *testing.T) {
	t.Parallel()
	shop := newSchema(t, itemFile, shopFile)
	b := startBackend(t, shop.serve)
	s := front(t, b.addr, nil)
	s.handler.RegisterService(&grpc.ServiceDesc{ServiceName: "shop.v1.Shop", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{
		StreamName: "Echo", ClientStreams: true,
		Handler: func(any, grpc.ServerStream) error { return status.Error(codes.DataLoss, "in process") },
	}}}, nil)
	expectEnd(t, s, "/shop.v1.Shop/Echo", "{}", 4015, "in process")
	expectEcho(t, s, "/shop.v1.Till/Talk", "{}")
}

// A server that comes back with other descriptors is seen as it is now.
func TestUpstreamDescriptorsAreReadAnew(t *testing.T) {
	t.Parallel()
	first := startBackend(t, newSchema(t, itemFile, shopFile).serve)
	var shop place
	shop.backend.Store(first)
	s := frontAt(t, &shop, nil)
	expectEcho(t, s, "/shop.v1.Shop/Echo", `{"displayName":"lamp"}`)
	expectEnd(t, s, "/shop.v1.Shop/Echo", `{"price":"5"}`, 4003, `price: unknown field "price" at byte 1`)
	shop.backend.Store(nil)
	first.stop()

	priced := strings.Replace(itemFile, `name: "count"`, `name: "price"`, 1)
	priced = strings.Replace(priced, `json_name: "count"`, `json_name: "price"`, 1)
	renamed := strings.Replace(shopFile, `name: "Echo"`, `name: "Appraise"`, 1)
	shop.backend.Store(startBackend(t, newSchema(t, priced, renamed).serve))
	waitUntil(t, func() bool {
		c := s.dial(t, "/shop.v1.Shop/Appraise")
		c.sendText(`{"price":"5"}`)
		_, data, err := c.conn.ReadMessage()
		return err == nil && string(data) == `{"price":"5"}`
	})
	expectEnd(t, s, "/shop.v1.Shop/Echo", "{}", 4012, "unknown method Echo for service shop.v1.Shop")
}

// Calls share one reading of the descriptors for as long as the connection lasts.
func TestUpstreamDescriptorsAreReadOnce(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	shop := newSchema(t, itemFile, shopFile)
	b := startCountingBackend(t, shop, &reads)
	s := front(t, b.addr, nil)
	const calls = 8
	done := make(chan struct{}, calls)
	for range calls {
		go func() {
			defer func() { done <- struct{}{} }()
			expectEcho(t, s, "/shop.v1.Shop/Echo", "{}")
		}()
	}
	for range calls {
		receive(t, done)
	}
	expectEcho(t, s, "/shop.v1.Shop/Echo", "{}")
	if got := reads.Load(); got != 1 {
		t.Errorf("the descriptors were read %d times", got)
	}
}

func startCountingBackend(t *testing.T, shop *schema, reads *atomic.Int32) *backend {
	return startBackend(t, func(server *grpc.Server) {
		shop.echo(server)
		inner := reflection.NewServerV1(reflection.ServerOptions{Services: server, DescriptorResolver: shop.files})
		server.RegisterService(&grpc.ServiceDesc{
			ServiceName: "grpc.reflection.v1.ServerReflection", HandlerType: (*any)(nil),
			Streams: []grpc.StreamDesc{{StreamName: "ServerReflectionInfo", ClientStreams: true, ServerStreams: true,
				Handler: func(_ any, stream grpc.ServerStream) error {
					reads.Add(1)
					return inner.ServerReflectionInfo(&reflectionStream{ServerStream: stream})
				}}},
		}, nil)
	})
}

// A server may answer with one file at a time, and leave out what every program has; what an import lacks is asked for.
func TestUpstreamReflectionFileByFile(t *testing.T) {
	t.Parallel()
	shop := newSchema(t, itemFile, shopFile)
	b := startBackend(t, func(server *grpc.Server) {
		shop.echo(server)
		reflectionv1.RegisterServerReflectionServer(server, stingyReflection{shop: shop})
	})
	s := front(t, b.addr, nil)
	expectEcho(t, s, "/shop.v1.Shop/Echo", `{"displayName":"lamp","made":"2026-11-23T00:00:00Z"}`)
	expectEcho(t, s, "/shop.v1.Till/Talk", `{"displayName":"lamp"}`)
}

// An older server has the reflection service of before.
func TestUpstreamReflectionV1Alpha(t *testing.T) {
	t.Parallel()
	shop := newSchema(t, itemFile, shopFile)
	b := startBackend(t, func(server *grpc.Server) {
		shop.echo(server)
		reflectionv1alpha.RegisterServerReflectionServer(server, reflection.NewServer(reflection.ServerOptions{
			Services: server, DescriptorResolver: shop.files,
		}))
	})
	expectEcho(t, front(t, b.addr, nil), "/shop.v1.Shop/Echo", `{"displayName":"lamp"}`)
}

// Without reflection services that are named can be reached with protobuf; the operator reads what is missing.
func TestUpstreamWithoutReflection(t *testing.T) {
	t.Parallel()
	b := startBackend(t, newSchema(t, itemFile, shopFile).echo)
	t.Run("nothing is exposed by default", func(t *testing.T) {
		t.Parallel()
		var log logged
		s := front(t, b.addr, nil, log.option())
		expectEnd(t, s, "/shop.v1.Shop/Echo", "{}", 4012, "unknown service shop.v1.Shop")
		if !strings.Contains(log.String(), "--descriptors") {
			t.Errorf("logged %s", &log)
		}
	})
	t.Run("named", func(t *testing.T) {
		t.Parallel()
		s := front(t, b.addr, []bridge.UpstreamOption{bridge.WithUpstreamServices("shop.v1.Shop")})
		c := s.dial(t, "/shop.v1.Shop/Echo")
		c.sendBinary([]byte("\x0a\x04lamp"))
		c.sendText("") // nobody knows that the call is unary
		if kind, data, err := c.conn.ReadMessage(); kind != 2 || string(data) != "\x0a\x04lamp" {
			t.Errorf("frame of type %d %q, %v", kind, data, err)
		}
		c.expectClose(1000)
		expectEnd(t, s, "/shop.v1.Shop/Echo", "{}", 4012, "this method takes no JSON: the upstream has no descriptors for it")
		c = s.dial(t, "/shop.v1.Shop/a%0d%0ab?encoding=proto")
		c.expectClose(4012)
	})
}

// A server may refuse reflection for want of something that every call of it needs. That is no reason to refuse calls.
func TestUpstreamRefusesReflection(t *testing.T) {
	t.Parallel()
	refusals := []codes.Code{
		codes.PermissionDenied, codes.Unauthenticated, codes.InvalidArgument, codes.FailedPrecondition, codes.Unknown, codes.Internal,
	}
	for _, code := range refusals {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			shop := newSchema(t, itemFile, shopFile)
			b := startBackend(t, func(server *grpc.Server) {
				shop.echo(server)
				server.RegisterService(&grpc.ServiceDesc{
					ServiceName: "grpc.reflection.v1.ServerReflection", HandlerType: (*any)(nil),
					Streams: []grpc.StreamDesc{{StreamName: "ServerReflectionInfo", ClientStreams: true, ServerStreams: true,
						Handler: func(any, grpc.ServerStream) error { return status.Error(code, "a header is missing") }}},
				}, nil)
			})
			s := front(t, b.addr, []bridge.UpstreamOption{bridge.WithUpstreamServices("shop.v1.Shop")})
			c := s.dial(t, "/shop.v1.Shop/Echo")
			c.sendBinary([]byte("\x0a\x04lamp"))
			c.sendText("")
			if kind, data, err := c.conn.ReadMessage(); kind != 2 || string(data) != "\x0a\x04lamp" {
				t.Errorf("frame of type %d %q, %v", kind, data, err)
			}
			c.expectClose(1000)
		})
	}
}

// A descriptor set takes the place of reflection.
func TestUpstreamDescriptorSet(t *testing.T) {
	t.Parallel()
	shop := newSchema(t, itemFile, shopFile)
	b := startBackend(t, shop.echo)
	for _, opts := range [][]bridge.UpstreamOption{
		{bridge.WithUpstreamDescriptors(shop.set)},
		{bridge.WithUpstreamDescriptors(shop.set), bridge.WithUpstreamServices("shop.v1.Shop")},
	} {
		s := front(t, b.addr, opts)
		expectEcho(t, s, "/shop.v1.Shop/Echo", `{"displayName":"lamp"}`)
		if len(opts) == 1 {
			expectEcho(t, s, "/shop.v1.Till/Talk", `{"displayName":"lamp"}`)
		} else {
			expectEnd(t, s, "/shop.v1.Till/Talk", "{}", 4012, "unknown service shop.v1.Till")
		}
	}
}

// Details of the upstream's own types are shown by its descriptors.
func TestUpstreamDetailsOfItsOwnTypes(t *testing.T) {
	t.Parallel()
	shop := newSchema(t, itemFile, shopFile)
	st := status.FromProto(&rpcstatus.Status{Code: 5, Message: "sold", Details: []*anypb.Any{
		{TypeUrl: "type.googleapis.com/shop.v1.Item", Value: []byte("\x0a\x04lamp")},
		{TypeUrl: "type.googleapis.com/shop.v1.Ghost", Value: []byte("\x0a\x04lamp")},
	}})
	b := startBackend(t, func(server *grpc.Server) {
		server.RegisterService(&grpc.ServiceDesc{
			ServiceName: "shop.v1.Shop", HandlerType: (*any)(nil),
			Streams: []grpc.StreamDesc{{StreamName: "Echo", Handler: func(any, grpc.ServerStream) error { return st.Err() }}},
		}, nil)
	})
	s := front(t, b.addr, []bridge.UpstreamOption{bridge.WithUpstreamDescriptors(shop.set)})
	c := s.dial(t, "/shop.v1.Shop/Echo?encoding=json", bridge.SubprotocolPlain)
	c.sendText("{}")
	c.expectText(`{"@end":{"status":{"code":5,"message":"sold","details":[` +
		`{"@type":"type.googleapis.com/shop.v1.Item","displayName":"lamp"},` +
		`{"@type":"type.googleapis.com/shop.v1.Ghost","value":"CgRsYW1w"}]},"trailers":{}}}`)
	c.expectClose(4005)
}

func TestUpstreamOptionsRefused(t *testing.T) {
	t.Parallel()
	broken := newSchema(t, itemFile, shopFile).set
	broken.File = broken.File[len(broken.File)-1:] // without its imports
	conn := &grpc.ClientConn{}
	for name, opt := range map[string]bridge.HandlerOption{
		"no connection":     bridge.WithUpstream(nil),
		"service pattern":   bridge.WithUpstream(conn, bridge.WithUpstreamServices("shop.*")),
		"service with path": bridge.WithUpstream(conn, bridge.WithUpstreamServices("/shop.v1.Shop")),
		"descriptors":       bridge.WithUpstream(conn, bridge.WithUpstreamDescriptors(broken)),
	} {
		if _, err := bridge.NewHandler(opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
