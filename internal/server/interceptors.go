package server

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/prometheus/client_golang/prometheus"
)

// wire is a way in, as metrics and logs name it.
type wire string

const (
	wireGRPC      wire = "grpc"
	wireWebSocket wire = "websocket"
)

// observer sees every RPC of one wire: it counts it, logs its end at debug level, and turns a panic of a handler into
// INTERNAL, so that nobody else is affected. It is the outermost interceptor.
type observer struct {
	wire    wire
	metrics *metrics
	logger  *slog.Logger
}

// unary is a [grpc.UnaryServerInterceptor].
func (o *observer) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	start := time.Now()
	ended := o.begin(info.FullMethod)
	defer func() {
		o.metrics.unarySeconds.WithLabelValues(string(o.wire), info.FullMethod).Observe(time.Since(start).Seconds())
		ended(ctx, err)
	}()
	defer o.contain(ctx, info.FullMethod, &err)
	return handler(ctx, req)
}

// stream is a [grpc.StreamServerInterceptor].
func (o *observer) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	ended := o.begin(info.FullMethod)
	defer func() { ended(ss.Context(), err) }()
	defer o.contain(ss.Context(), info.FullMethod, &err)
	return handler(srv, &countedStream{
		ServerStream: ss,
		received:     o.metrics.rpcMessages.WithLabelValues(string(o.wire), info.FullMethod, "received"),
		sent:         o.metrics.rpcMessages.WithLabelValues(string(o.wire), info.FullMethod, "sent"),
	})
}

// begin counts an RPC and returns what its end calls.
func (o *observer) begin(method string) (ended func(context.Context, error)) {
	start := time.Now()
	o.metrics.rpcsStarted.WithLabelValues(string(o.wire), method).Inc()
	active := o.metrics.rpcsActive.WithLabelValues(string(o.wire), method)
	active.Inc()
	return func(ctx context.Context, err error) {
		active.Dec()
		code := codeOf(err)
		o.metrics.rpcsEnded.WithLabelValues(string(o.wire), method, code.String()).Inc()
		o.logger.DebugContext(ctx, "rpc ended", "wire", o.wire, "method", method, "code", code, "duration", time.Since(start))
	}
}

// codeOf is the code that grpc-go and the bridge send for a handler's error.
func codeOf(err error) codes.Code {
	if s, ok := status.FromError(err); ok {
		return s.Code()
	}
	return status.FromContextError(err).Code()
}

// contain turns a panic into an error. The panic's value may hold what a client sent: only its place is logged.
func (o *observer) contain(ctx context.Context, method string, err *error) {
	p := recover()
	if p == nil {
		return
	}
	o.logger.ErrorContext(ctx, "handler panicked", "wire", o.wire, "method", method, "stack", string(debug.Stack()))
	*err = status.Error(codes.Internal, "internal error")
}

// countedStream counts the messages of one RPC.
type countedStream struct {
	grpc.ServerStream
	received, sent prometheus.Counter
}

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
