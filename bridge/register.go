package bridge

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/grpc"
)

// service is a registered service.
type service struct {
	impl     any
	methods  map[string]*method
	metadata any // the proto file, for reflection
}

// method is one RPC of a service. Exactly one of unary, stream and resolve is set.
type method struct {
	fullName string // /package.Service/Method
	impl     any
	unary    *grpc.MethodDesc
	stream   *grpc.StreamDesc
	types    typeResolver // of the details of its errors; nil: those that are linked in
	// resolve finds out what the method is, where that takes asking an upstream. Its error is a status.
	resolve func(context.Context) (*method, error)
}

// resolved is m with unary or stream set. It may wait for an upstream: only a call's own goroutine calls it.
func (m *method) resolved(ctx context.Context) (*method, error) {
	if m.resolve == nil {
		return m, nil
	}
	return m.resolve(ctx)
}

func (m *method) clientStreams() bool { return m.stream != nil && m.stream.ClientStreams }

func (m *method) serverStreams() bool { return m.stream != nil && m.stream.ServerStreams }

// RegisterService registers a service and what implements it; generated Register functions call it. As with a grpc.Server
// it is a bug in the program, and panics, if impl does not implement the service, if the service is registered already, or
// if the first request has been served.
func (h *Handler) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if impl != nil {
		want := reflect.TypeOf(desc.HandlerType).Elem()
		if got := reflect.TypeOf(impl); !got.Implements(want) {
			panic(fmt.Sprintf("bridge: RegisterService(%q): %v does not implement %v", desc.ServiceName, got, want))
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.serving {
		panic(fmt.Sprintf("bridge: RegisterService(%q) after the first request", desc.ServiceName))
	}
	if _, ok := h.services[desc.ServiceName]; ok {
		panic(fmt.Sprintf("bridge: RegisterService(%q) twice", desc.ServiceName))
	}
	h.services[desc.ServiceName] = newService(desc, impl)
}

func newService(desc *grpc.ServiceDesc, impl any) *service {
	s := &service{impl: impl, methods: make(map[string]*method), metadata: desc.Metadata}
	for i := range desc.Methods {
		d := &desc.Methods[i]
		s.methods[d.MethodName] = &method{fullName: "/" + desc.ServiceName + "/" + d.MethodName, impl: impl, unary: d}
	}
	for i := range desc.Streams {
		d := &desc.Streams[i]
		s.methods[d.StreamName] = &method{fullName: "/" + desc.ServiceName + "/" + d.StreamName, impl: impl, stream: d}
	}
	return s
}

// GetServiceInfo returns what is registered, by service name, as a grpc.Server does; so reflection.NewServerV1 and its like
// accept a Handler. Methods are sorted by name.
func (h *Handler) GetServiceInfo() map[string]grpc.ServiceInfo {
	h.mu.Lock()
	defer h.mu.Unlock()
	infos := make(map[string]grpc.ServiceInfo, len(h.services))
	for name, s := range h.services {
		methods := make([]grpc.MethodInfo, 0, len(s.methods))
		for name, m := range s.methods {
			methods = append(methods, grpc.MethodInfo{
				Name: name, IsClientStream: m.clientStreams(), IsServerStream: m.serverStreams(),
			})
		}
		slices.SortFunc(methods, func(a, b grpc.MethodInfo) int { return cmp.Compare(a.Name, b.Name) })
		infos[name] = grpc.ServiceInfo{Methods: methods, Metadata: s.metadata}
	}
	return infos
}

// lookup finds the method of a gRPC path, /package.Service/Method. Without one it returns nil and says what is unknown, in
// the words of grpc-go. Called only after the first request was admitted, when services no longer change.
func (h *Handler) lookup(path string) (*method, string) {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 || path[0] != '/' {
		return nil, fmt.Sprintf("malformed method name: %q", path)
	}
	s, ok := h.services[path[1:i]]
	if !ok && h.config.upstream != nil {
		return h.config.upstream.lookup(path[1:i], path[i+1:])
	}
	if !ok {
		return nil, unknownService(path[1:i])
	}
	m, ok := s.methods[path[i+1:]]
	if !ok {
		return nil, fmt.Sprintf("unknown method %v for service %v", path[i+1:], path[1:i])
	}
	return m, ""
}
