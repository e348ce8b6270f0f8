package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

const (
	catalogTimeout = 10 * time.Second // for reading all descriptors
	catalogMaxAge  = time.Minute      // where the connection cannot say when it was lost
)

// catalog is what an upstream offers to clients. It does not change.
type catalog struct {
	upstream *upstream
	// methods by service and name. A service without descriptors has none: every name is passed on.
	methods map[string]map[string]*method
}

// newCatalog makes the catalog of those of the services that are exposed. Each is described in files, or only listed.
func newCatalog(u *upstream, files *protoregistry.Files, services []string) *catalog {
	c := &catalog{upstream: u, methods: make(map[string]map[string]*method)}
	types := newUpstreamTypes(files)
	for _, service := range services {
		if !u.exposes(service) {
			continue
		}
		c.methods[service] = nil
		descriptor, err := files.FindDescriptorByName(protoreflect.FullName(service))
		if err != nil {
			continue
		}
		if described, ok := descriptor.(protoreflect.ServiceDescriptor); ok {
			c.methods[service] = c.methodsOf(described, types)
		}
	}
	return c
}

func (c *catalog) methodsOf(service protoreflect.ServiceDescriptor, types typeResolver) map[string]*method {
	methods := make(map[string]*method, service.Methods().Len())
	for i := range service.Methods().Len() {
		m := service.Methods().Get(i)
		name := string(m.Name())
		methods[name] = c.newMethod(string(service.FullName()), name, &grpc.StreamDesc{
			ClientStreams: m.IsStreamingClient(), ServerStreams: m.IsStreamingServer(),
		}, &transcoding{input: m.Input(), output: m.Output(), types: types})
	}
	return methods
}

func (c *catalog) newMethod(service, name string, kind *grpc.StreamDesc, t *transcoding) *method {
	proxied := &proxiedMethod{upstream: c.upstream, fullName: "/" + service + "/" + name, transcoding: t}
	kind.StreamName, kind.Handler = name, proxied.handle
	m := &method{fullName: proxied.fullName, stream: kind}
	if t != nil {
		m.types = t.types
	}
	return m
}

func (c *catalog) lookup(service, name string) (*method, string) {
	methods, listed := c.methods[service]
	switch {
	case !listed:
		return nil, unknownService(service)
	case methods == nil && protoreflect.Name(name).IsValid():
		return c.newMethod(service, name, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, nil), ""
	case methods[name] == nil:
		return nil, fmt.Sprintf("unknown method %v for service %v", name, service)
	}
	return methods[name], ""
}

// servicesOf lists the services that files describe.
func servicesOf(files *protoregistry.Files) (names []string) {
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			names = append(names, string(file.Services().Get(i).FullName()))
		}
		return true
	})
	return names
}

// catalogReading is one reading of the catalog, for all calls that wait for it.
type catalogReading struct {
	done    chan struct{} // closed when the fields below are set
	catalog *catalog
	err     error // a status
}

// catalog returns the current catalog, after reading it if need be. The error is a status.
func (u *upstream) catalog(ctx context.Context) (*catalog, error) {
	u.mu.Lock()
	if current := u.current.Load(); current != nil {
		u.mu.Unlock()
		return current, nil
	}
	reading := u.reading
	if reading == nil {
		reading = &catalogReading{done: make(chan struct{})}
		u.reading = reading
		// Owner: u. Ends when the catalog is out of date, could not be read, or with close, which waits for it.
		u.background.Go(func() { u.keepCatalog(reading) })
	}
	u.mu.Unlock()
	select {
	case <-reading.done:
		return reading.catalog, reading.err
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// keepCatalog reads the catalog and takes it back when it may be out of date.
func (u *upstream) keepCatalog(reading *catalogReading) {
	read, err := u.readCatalog()
	u.mu.Lock()
	reading.catalog, reading.err, u.reading = read, err, nil
	if err == nil {
		u.current.Store(read)
	}
	u.mu.Unlock()
	close(reading.done)
	if err == nil {
		u.waitForChange()
		u.current.Store(nil)
	}
}

// waitForChange returns when the server behind the connection may be another one.
func (u *upstream) waitForChange() {
	type stateful interface {
		GetState() connectivity.State
		WaitForStateChange(context.Context, connectivity.State) bool
	}
	if conn, ok := u.conn.(stateful); ok {
		if conn.GetState() == connectivity.Ready {
			conn.WaitForStateChange(u.alive, connectivity.Ready)
		}
		return
	}
	timer := time.NewTimer(catalogMaxAge)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-u.alive.Done():
	}
}

func (u *upstream) readCatalog() (*catalog, error) {
	ctx, cancel := context.WithTimeout(u.alive, catalogTimeout)
	defer cancel()
	services, files, err := u.reflect(ctx)
	switch {
	case err == nil:
	case errors.Is(err, errNoReflection):
		// Clients learn only that there is no such service; the operator has to know why.
		u.logger.Warn("bridge: the upstream has no reflection that can be used: give its descriptors (--descriptors), or "+
			"name its services (--services) to have them without JSON", "upstream", u.name, "err", err)
		services, files = u.expose, new(protoregistry.Files)
	case ctx.Err() != nil:
		return nil, status.Errorf(codes.Unavailable, "%s: its descriptors could not be read in time", u.name)
	default:
		return nil, u.callError(err)
	}
	return newCatalog(u, files, services), nil
}
