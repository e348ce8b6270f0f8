package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// upstream is a gRPC server behind the handler: calls of services that are not registered go there. Messages in protobuf
// pass as the bytes they are; messages in JSON are transcoded with the upstream's descriptors (transcode.go).
//
// What the upstream offers is its catalog. It is read by reflection when the first call needs it, shared by all calls until
// the connection is lost, and then read anew: the server that comes back may be another version.
type upstream struct {
	conn      grpc.ClientConnInterface
	name      string               // of the upstream for clients and logs, as the operator gave it
	expose    []string             // services; nil: all but grpc.*
	described *protoregistry.Files // nil: descriptors are read by reflection

	// Set by NewHandler from the handler's configuration.
	maxRecvMsgSize int // of a message from the upstream
	logger         *slog.Logger

	alive      context.Context // of the goroutines that belong to no call; ends with close
	stop       context.CancelFunc
	background sync.WaitGroup // those goroutines, and those of calls that outlive their handler for a moment

	current     atomic.Pointer[catalog] // nil: has to be read
	unreachable atomic.Bool             // the last call could not be begun; for the log

	mu      sync.Mutex
	reading *catalogReading // guarded by mu; nil: nobody reads
}

// UpstreamOption configures [WithUpstream]. Options come from this package only.
type UpstreamOption interface {
	applyUpstream(*upstream) error
}

type upstreamOptionFunc func(*upstream) error

func (f upstreamOptionFunc) applyUpstream(u *upstream) error { return f(u) }

// WithUpstream puts the handler in front of a gRPC server: calls of services that are not registered with the handler go to
// conn, on every way in, through the stream interceptors. conn is usually a [grpc.ClientConn] and stays the caller's, who
// closes it after [Handler.Drain]. Nothing that a client sends chooses where a call goes.
//
// Protobuf messages pass as bytes. JSON needs the upstream's descriptors: from its reflection service (v1 or v1alpha), read
// when a call first needs them and again after conn has lost its connection, or from [WithUpstreamDescriptors]. What is
// exposed is what they list, except services whose name begins with "grpc.", unless [WithUpstreamServices] says otherwise.
// If conn cannot tell its state, as a ClientConn can, they are read once a minute.
//
// Metadata of the call goes along, as a service in process would see it, but for ":authority", "user-agent" and other
// names of the protocol; so do deadline, cancellation and backpressure, and back come headers, trailers and the status with
// its details. A connection that cannot be had or is lost is UNAVAILABLE with the conn's target and the kind of failure;
// what else there is to know, such as resolved addresses, is only logged.
func WithUpstream(conn grpc.ClientConnInterface, opts ...UpstreamOption) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		if conn == nil {
			return errors.New("nil upstream")
		}
		if c.upstream != nil {
			return errors.New("more than one upstream")
		}
		u := &upstream{conn: conn, name: "upstream"}
		if named, ok := conn.(interface{ Target() string }); ok {
			u.name = named.Target()
		}
		for _, opt := range opts {
			if opt == nil {
				continue
			}
			if err := opt.applyUpstream(u); err != nil {
				return err
			}
		}
		u.alive, u.stop = context.WithCancel(context.Background())
		c.upstream = u
		return nil
	})
}

// WithUpstreamServices says which services of the upstream are exposed, by full name: "echo.v1.EchoService". One that has no
// descriptors is reached with protobuf messages only, and in plain mode needs an explicit half-close.
func WithUpstreamServices(names ...string) UpstreamOption {
	return upstreamOptionFunc(func(u *upstream) error {
		for _, name := range names {
			if name == "" || strings.ContainsAny(name, "/ *") {
				return fmt.Errorf("upstream service %q is not a full name such as echo.v1.EchoService", name)
			}
		}
		u.expose = append(u.expose, names...)
		return nil
	})
}

// WithUpstreamDescriptors gives the upstream's descriptors, so that it is never asked for them: a set that holds all imports,
// as `buf build -o` and `protoc --include_imports --descriptor_set_out` write it.
func WithUpstreamDescriptors(set *descriptorpb.FileDescriptorSet) UpstreamOption {
	return upstreamOptionFunc(func(u *upstream) error {
		files, err := protodesc.NewFiles(set)
		if err != nil {
			return fmt.Errorf("upstream descriptors: %w", err)
		}
		u.described = files
		return nil
	})
}

// configure takes what the upstream needs of the finished configuration.
func (u *upstream) configure(c *handlerConfig) {
	if u == nil {
		return
	}
	u.maxRecvMsgSize, u.logger = c.maxSendMsgSize, c.logger
	if u.described != nil {
		services := u.expose
		if services == nil {
			services = servicesOf(u.described)
		}
		u.current.Store(newCatalog(u, u.described, services))
	}
}

// close ends the goroutines of u and waits for them. No call is running. On a nil upstream it does nothing.
func (u *upstream) close() {
	if u == nil {
		return
	}
	u.stop()
	u.background.Wait()
}

// exposes reports whether clients may reach a service that the upstream lists.
func (u *upstream) exposes(service string) bool {
	if u.expose != nil {
		return slices.Contains(u.expose, service)
	}
	return !strings.HasPrefix(service, "grpc.")
}

// lookup finds a method of the upstream, without waiting: where the catalog has to be read first, the method resolves
// itself later. Without a method it says what is unknown; a service that is not exposed is unknown.
func (u *upstream) lookup(service, name string) (*method, string) {
	if !u.exposes(service) {
		return nil, unknownService(service)
	}
	if catalog := u.current.Load(); catalog != nil {
		return catalog.lookup(service, name)
	}
	return &method{
		fullName: "/" + service + "/" + name,
		resolve: func(ctx context.Context) (*method, error) {
			catalog, err := u.catalog(ctx)
			if err != nil {
				return nil, err
			}
			m, unknown := catalog.lookup(service, name)
			if m == nil {
				return nil, status.Error(codes.Unimplemented, unknown)
			}
			return m, nil
		},
	}, ""
}

func unknownService(service string) string { return fmt.Sprintf("unknown service %v", service) }

// UpstreamServices returns the names of the upstream's services that clients can reach, sorted. It asks the upstream if that
// is not known. The error is a status, UNAVAILABLE if the upstream does not answer; without an upstream there are none.
// It may be called from the start until Drain.
func (h *Handler) UpstreamServices(ctx context.Context) ([]string, error) {
	if h.config.upstream == nil {
		return nil, nil
	}
	catalog, err := h.config.upstream.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(catalog.methods)), nil
}
