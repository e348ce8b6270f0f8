package bridge_test

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/rialto-rpc/rialto/bridge"
)

const testService = "grpc.testing.TestService"

// backend is a grpc-go server on a loopback port, to stand behind a bridge.
type backend struct {
	server *grpc.Server
	addr   string
}

// startBackend serves until the end of the test, or until stop.
func startBackend(t testing.TB, register func(*grpc.Server), opts ...grpc.ServerOption) *backend {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{server: grpc.NewServer(opts...), addr: listener.Addr().String()}
	register(b.server)
	served := make(chan struct{})
	go func() { // ends with stop, which waits for it
		defer close(served)
		b.server.Serve(listener)
	}()
	t.Cleanup(func() {
		b.stop()
		<-served
	})
	return b
}

func (b *backend) stop() { b.server.Stop() }

// echoes registers an echoServer with reflection.
func echoes(echo *echoServer) func(*grpc.Server) {
	return func(s *grpc.Server) {
		testgrpc.RegisterTestServiceServer(s, echo)
		reflection.Register(s)
	}
}

// place is where a backend comes and goes, and nobody else can take its port meanwhile.
type place struct{ backend atomic.Pointer[backend] }

func (p *place) dial(ctx context.Context, addr string) (net.Conn, error) {
	if b := p.backend.Load(); b != nil {
		return new(net.Dialer).DialContext(ctx, "tcp", b.addr)
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// front is a bridge in front of a target.
func front(t testing.TB, target string, upstream []bridge.UpstreamOption, opts ...bridge.HandlerOption) *server {
	t.Helper()
	return frontWith(t, target, nil, upstream, opts...)
}

// frontAt is a bridge in front of whatever is at a place.
func frontAt(t testing.TB, p *place, upstream []bridge.UpstreamOption, opts ...bridge.HandlerOption) *server {
	t.Helper()
	return frontWith(t, "passthrough:///shop", []grpc.DialOption{grpc.WithContextDialer(p.dial)}, upstream, opts...)
}

func frontWith(
	t testing.TB, target string, dial []grpc.DialOption, upstream []bridge.UpstreamOption, opts ...bridge.HandlerOption,
) *server {
	t.Helper()
	conn, err := grpc.NewClient(target, append(dial, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: patience,
			Backoff:           backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1, MaxDelay: 10 * time.Millisecond},
		}))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return frontOf(t, conn, upstream, opts...)
}

func frontOf(t testing.TB, conn grpc.ClientConnInterface, upstream []bridge.UpstreamOption, opts ...bridge.HandlerOption) *server {
	t.Helper()
	h, err := bridge.NewHandler(append(opts, bridge.WithUpstream(conn, upstream...))...)
	if err != nil {
		t.Fatal(err)
	}
	return serveHandler(t, h)
}

// exposed are the options for a backend of echoes, whose service is hidden by default.
var exposed = []bridge.UpstreamOption{bridge.WithUpstreamServices(testService)}

// frontEcho is a bridge in front of an echoServer.
func frontEcho(t testing.TB, echo *echoServer, opts ...bridge.HandlerOption) *server {
	t.Helper()
	return front(t, startBackend(t, echoes(echo)).addr, exposed, opts...)
}

// schema describes services that no generated code knows.
type schema struct {
	set   *descriptorpb.FileDescriptorSet
	files *protoregistry.Files
}

// newSchema makes a schema of files in prototext, each after those it imports.
func newSchema(t testing.TB, files ...string) *schema {
	t.Helper()
	s := &schema{set: new(descriptorpb.FileDescriptorSet)}
	for _, path := range []string{"google/protobuf/any.proto", "google/protobuf/timestamp.proto"} {
		known, err := protoregistry.GlobalFiles.FindFileByPath(path)
		if err != nil {
			t.Fatal(err)
		}
		s.set.File = append(s.set.File, protodesc.ToFileDescriptorProto(known))
	}
	for _, text := range files {
		file := new(descriptorpb.FileDescriptorProto)
		if err := prototext.Unmarshal([]byte(text), file); err != nil {
			t.Fatal(err)
		}
		s.set.File = append(s.set.File, file)
	}
	var err error
	if s.files, err = protodesc.NewFiles(s.set); err != nil {
		t.Fatal(err)
	}
	return s
}

// serve registers every service of the schema, as an echo of what its methods receive, and reflection about them.
func (s *schema) serve(server *grpc.Server) {
	s.echo(server)
	reflectionv1.RegisterServerReflectionServer(server, reflection.NewServerV1(reflection.ServerOptions{
		Services: server, DescriptorResolver: s.files,
	}))
}

func (s *schema) echo(server *grpc.Server) {
	s.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			registerEcho(server, file.Services().Get(i))
		}
		return true
	})
}

func registerEcho(server *grpc.Server, service protoreflect.ServiceDescriptor) {
	desc := &grpc.ServiceDesc{ServiceName: string(service.FullName()), HandlerType: (*any)(nil)}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		desc.Streams = append(desc.Streams, grpc.StreamDesc{
			StreamName: string(method.Name()), ClientStreams: true, ServerStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error {
				for {
					message := dynamicpb.NewMessage(method.Input())
					if err := stream.RecvMsg(message); err != nil {
						return ignoreEOF(err)
					}
					if err := stream.SendMsg(message); err != nil {
						return err
					}
				}
			},
		})
	}
	server.RegisterService(desc, nil)
}

// newSender registers the services of a schema so that every method answers with one given message, whatever it gets.
func newSender(shop *schema, answer []byte) func(*grpc.Server) {
	return func(server *grpc.Server) {
		shop.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
			for i := range file.Services().Len() {
				desc := &grpc.ServiceDesc{ServiceName: string(file.Services().Get(i).FullName()), HandlerType: (*any)(nil)}
				for j := range file.Services().Get(i).Methods().Len() {
					desc.Streams = append(desc.Streams, grpc.StreamDesc{
						StreamName: string(file.Services().Get(i).Methods().Get(j).Name()), ServerStreams: true,
						Handler: func(_ any, stream grpc.ServerStream) error { return stream.SendMsg(answer) },
					})
				}
				server.RegisterService(desc, nil)
			}
			return true
		})
	}
}

// bytesCodec is a server's codec for messages that are given as bytes.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// reflectionStream is a stream of the reflection service, for an implementation to be called by hand.
type reflectionStream struct{ grpc.ServerStream }

func (s *reflectionStream) Send(m *reflectionv1.ServerReflectionResponse) error { return s.SendMsg(m) }

func (s *reflectionStream) Recv() (*reflectionv1.ServerReflectionRequest, error) {
	m := new(reflectionv1.ServerReflectionRequest)
	return m, s.RecvMsg(m)
}

// stingyReflection is a reflection service that sends one file an answer, and none that every program has.
type stingyReflection struct {
	reflectionv1.UnimplementedServerReflectionServer
	shop *schema
}

func (r stingyReflection) ServerReflectionInfo(stream reflectionv1.ServerReflection_ServerReflectionInfoServer) error {
	for {
		question, err := stream.Recv()
		if err != nil {
			return ignoreEOF(err)
		}
		if err := stream.Send(r.answer(question)); err != nil {
			return err
		}
	}
}

func (r stingyReflection) answer(question *reflectionv1.ServerReflectionRequest) *reflectionv1.ServerReflectionResponse {
	if question.GetFileContainingSymbol() == "" && question.GetFileByFilename() == "" {
		list := new(reflectionv1.ListServiceResponse)
		r.shop.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
			for i := range file.Services().Len() {
				name := string(file.Services().Get(i).FullName())
				list.Service = append(list.Service, &reflectionv1.ServiceResponse{Name: name})
			}
			return true
		})
		return &reflectionv1.ServerReflectionResponse{
			MessageResponse: &reflectionv1.ServerReflectionResponse_ListServicesResponse{ListServicesResponse: list},
		}
	}
	file, err := r.shop.files.FindFileByPath(question.GetFileByFilename())
	if symbol := question.GetFileContainingSymbol(); symbol != "" {
		var found protoreflect.Descriptor
		if found, err = r.shop.files.FindDescriptorByName(protoreflect.FullName(symbol)); err == nil {
			file = found.ParentFile()
		}
	}
	if err != nil || file.Package() == "google.protobuf" {
		return &reflectionv1.ServerReflectionResponse{MessageResponse: &reflectionv1.ServerReflectionResponse_ErrorResponse{
			ErrorResponse: &reflectionv1.ErrorResponse{ErrorCode: int32(codes.NotFound), ErrorMessage: "not found"},
		}}
	}
	data, _ := proto.Marshal(protodesc.ToFileDescriptorProto(file))
	return &reflectionv1.ServerReflectionResponse{MessageResponse: &reflectionv1.ServerReflectionResponse_FileDescriptorResponse{
		FileDescriptorResponse: &reflectionv1.FileDescriptorResponse{FileDescriptorProto: [][]byte{data}},
	}}
}
