package server

import (
	"context"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rialto-rpc/rialto/bridge"
)

// wire is a way in, as metrics and logs name it.
type wire string

const (
	wireGRPC      wire = "grpc"
	wireWebSocket wire = "websocket"
	wireHTTP      wire = "http"
	wireAdmin     wire = "admin"
)

// overGRPC is the wire of calls to the gRPC server.
func overGRPC(context.Context) wire { return wireGRPC }

// overAdmin is the wire of calls to the admin port.
func overAdmin(context.Context) wire { return wireAdmin }

// overBridge is the wire of a call to the bridge, which has several ways in and tells them apart by the content type.
func overBridge(ctx context.Context) wire {
	contentType := metadata.ValueFromIncomingContext(ctx, "content-type")
	if len(contentType) == 1 && strings.HasPrefix(contentType[0], "application/grpc+") {
		return wireWebSocket
	}
	return wireHTTP
}

// observer sees every RPC of one server: it counts it, logs its end at debug level, and turns a panic of a handler into
// INTERNAL, so that nobody else is affected. It is the outermost interceptor. After a handler has detached the bridge contains panics.
type observer struct {
	wireOf  func(context.Context) wire
	metrics *metrics
	logger  *slog.Logger
}

// unary is a [grpc.UnaryServerInterceptor].
func (o *observer) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	r := o.begin(o.wireOf(ctx), info.FullMethod)
	defer func() {
		o.metrics.unarySeconds.WithLabelValues(string(r.wire), r.method).Observe(time.Since(r.start).Seconds())
		r.end(ctx, err)
	}()
	defer o.contain(ctx, r.wire, r.method, &err)
	return handler(ctx, req)
}

// stream is a [grpc.StreamServerInterceptor].
func (o *observer) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	r := o.begin(o.wireOf(ss.Context()), info.FullMethod)
	counted := &countedStream{
		ServerStream: ss,
		rpc:          r,
		received:     o.metrics.rpcMessages.WithLabelValues(string(r.wire), r.method, "received"),
		sent:         o.metrics.rpcMessages.WithLabelValues(string(r.wire), r.method, "sent"),
	}
	defer func() { bridge.AtEnd(err, counted.ended) }()
	defer o.contain(ss.Context(), r.wire, r.method, &err)
	return handler(srv, counted)
}

// rpc is one RPC that was counted when it began.
type rpc struct {
	observer *observer
	wire     wire
	method   string
	start    time.Time
	active   prometheus.Gauge
}

func (o *observer) begin(w wire, method string) rpc {
	o.metrics.rpcsStarted.WithLabelValues(string(w), method).Inc()
	active := o.metrics.rpcsActive.WithLabelValues(string(w), method)
	active.Inc()
	return rpc{o, w, method, time.Now(), active}
}

// end counts and logs what it has ended with.
func (r *rpc) end(ctx context.Context, err error) {
	r.active.Dec()
	code := codeOf(err)
	r.observer.metrics.rpcsEnded.WithLabelValues(string(r.wire), r.method, code.String()).Inc()
	r.observer.logger.DebugContext(ctx, "rpc ended", "wire", r.wire, "method", r.method, "code", code, "duration", time.Since(r.start))
}

// codeOf is the code that grpc-go and the bridge send for a handler's error.
func codeOf(err error) codes.Code {
	if s, ok := status.FromError(err); ok {
		return s.Code()
	}
	return status.FromContextError(err).Code()
}

// contain turns a panic into an error. The panic's value may hold what a client sent: only its place is logged.
func (o *observer) contain(ctx context.Context, w wire, method string, err *error) {
	p := recover()
	if p == nil {
		return
	}
	o.logger.ErrorContext(ctx, "handler panicked", "wire", w, "method", method, "stack", string(debug.Stack()))
	*err = status.Error(codes.Internal, "internal error")
}

// countedStream counts the messages of one RPC.
type countedStream struct {
	grpc.ServerStream
	rpc
	received, sent prometheus.Counter
}

func (s *countedStream) ended(err error) { s.end(s.Context(), err) }

func (s *countedStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if err == nil {
		s.received.Inc()
	}
	return err
}

func (s *countedStream) SendMsg(m any) error {
	err := s.ServerStream.SendMsg(m)
	if err == nil {
		s.sent.Inc()
	}
	return err
}
