package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// invoke runs the service's handler for one call, inside the interceptors, and returns the call's status; ended is false
// if the handler has detached and the call goes on.
func (h *Handler) invoke(stream *serverStream) (st *status.Status, ended bool) {
	stream.ctx, stream.stats = h.stats.beginCall(stream.ctx, stream.method)
	return h.run(stream, (*Handler).call)
}

// run runs a part of a call's handler: all of it, or what comes after it has detached. A panic is contained: it is logged with
// its stack, the client gets INTERNAL, and no other call notices.
func (h *Handler) run(stream *serverStream, part func(*Handler, *serverStream) error) (st *status.Status, ended bool) {
	ended = true
	returned := false
	var err error
	defer func() {
		// A handler that ends its goroutine (runtime.Goexit) neither returns nor panics; its call still has to end.
		if cause := recover(); !returned {
			h.config.logger.Error("bridge: service panicked", "method", stream.method.fullName,
				panicAttr(cause), "stack", string(debug.Stack()))
			st = status.New(codes.Internal, "internal error")
			err = st.Err()
			stream.wire.end(st)
		}
		if ended {
			stream.tellEnd(err)
			stream.stats.ended(st, stream.trailers())
		}
	}()
	err = part(h, stream)
	returned = true
	if stream.hasDetached(err) {
		return nil, false
	}
	return statusOf(err), true
}

func (h *Handler) call(stream *serverStream) error {
	m, err := stream.method.resolved(stream.ctx)
	if err != nil {
		stream.stats.began(stream.method)
		return err
	}
	stream.method = m
	stream.stats.began(m)
	if m.unary != nil {
		reply, err := m.unary.Handler(m.impl, stream.ctx, stream.RecvMsg, h.unaryInt)
		if err != nil {
			return err
		}
		return stream.SendMsg(reply)
	}
	if h.streamInt == nil {
		return m.stream.Handler(m.impl, stream)
	}
	info := &grpc.StreamServerInfo{
		FullMethod: m.fullName, IsClientStream: m.stream.ClientStreams, IsServerStream: m.stream.ServerStreams,
	}
	return h.streamInt(m.impl, stream, info, m.stream.Handler)
}

// statusOf converts what a handler returned as grpc-go does: a status or a wrapped one keeps its code, the context's errors
// have theirs, and everything else is UNKNOWN.
func statusOf(err error) *status.Status {
	if st, ok := status.FromError(err); ok {
		return st
	}
	return status.FromContextError(err)
}

// panicAttr describes a panic without values that may come from a message: the runtime's own errors are safe, of anything
// else only the type is logged.
func panicAttr(cause any) slog.Attr {
	if err, ok := cause.(runtime.Error); ok {
		return slog.String("panic", err.Error())
	}
	return slog.String("panic", fmt.Sprintf("%T", cause))
}

// chainUnary joins interceptors into one, the first outermost; nil for none.
func chainUnary(interceptors []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	if len(interceptors) == 0 {
		return nil
	}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		for i := len(interceptors) - 1; i > 0; i-- {
			interceptor, next := interceptors[i], handler
			handler = func(ctx context.Context, req any) (any, error) { return interceptor(ctx, req, info, next) }
		}
		return interceptors[0](ctx, req, info, handler)
	}
}

// chainStream is chainUnary for streams.
func chainStream(interceptors []grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	if len(interceptors) == 0 {
		return nil
	}
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		for i := len(interceptors) - 1; i > 0; i-- {
			interceptor, next := interceptors[i], handler
			handler = func(srv any, ss grpc.ServerStream) error { return interceptor(srv, ss, info, next) }
		}
		return interceptors[0](srv, ss, info, handler)
	}
}
