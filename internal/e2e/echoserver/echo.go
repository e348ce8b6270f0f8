package main

import (
	"context"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// echo answers with what it is sent. Metadata of a call asks for more:
//
//   - x-echo and x-echo-bin: come back as headers and as trailers;
//   - x-fail: a code; the call ends with it and with "asked to fail", which has a detail, after its messages;
//   - x-wait: the call waits until it is cancelled or its time is over, before it answers;
//   - x-count: how many answers a server-streaming call gives. Default 1.
//
// Every call has the headers x-running, how many others are running, and x-timeout-ms, if it has a deadline.
type echo struct{ running atomic.Int32 }

var echoService = grpc.ServiceDesc{
	ServiceName: "rialto.e2e.EchoService",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unaryHandler}},
	Streams: []grpc.StreamDesc{
		{StreamName: "ServerStream", ServerStreams: true, Handler: handlerOf((*echo).serverStream)},
		{StreamName: "ClientStream", ClientStreams: true, Handler: handlerOf((*echo).clientStream)},
		{StreamName: "Bidi", ClientStreams: true, ServerStreams: true, Handler: handlerOf((*echo).bidi)},
	},
	Metadata: "echo.proto",
}

func unaryHandler(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	in := new(wrapperspb.BytesValue)
	if err := decode(in); err != nil {
		return nil, err
	}
	e := srv.(*echo)
	e.running.Add(1)
	defer e.running.Add(-1)
	header, trailer := e.asked(ctx)
	if err := grpc.SetHeader(ctx, header); err != nil {
		return nil, err
	}
	if err := grpc.SetTrailer(ctx, trailer); err != nil {
		return nil, err
	}
	if err := wait(ctx); err != nil {
		return nil, err
	}
	return in, failure(ctx)
}

func handlerOf(serve func(*echo, grpc.ServerStream) error) grpc.StreamHandler {
	return func(srv any, stream grpc.ServerStream) error {
		e := srv.(*echo)
		e.running.Add(1)
		defer e.running.Add(-1)
		header, trailer := e.asked(stream.Context())
		stream.SetTrailer(trailer)
		if err := stream.SendHeader(header); err != nil {
			return err
		}
		if err := wait(stream.Context()); err != nil {
			return err
		}
		if err := serve(e, stream); err != nil {
			return err
		}
		return failure(stream.Context())
	}
}

func (e *echo) serverStream(stream grpc.ServerStream) error {
	in := new(wrapperspb.BytesValue)
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	count := 1
	if asked := valueOf(stream.Context(), "x-count"); asked != "" {
		var err error
		if count, err = strconv.Atoi(asked); err != nil {
			return status.Error(codes.InvalidArgument, "x-count")
		}
	}
	for range count {
		if err := stream.SendMsg(in); err != nil {
			return err
		}
	}
	return nil
}

func (e *echo) clientStream(stream grpc.ServerStream) error {
	joined := new(wrapperspb.BytesValue)
	for {
		in := new(wrapperspb.BytesValue)
		err := stream.RecvMsg(in)
		if err == io.EOF {
			return stream.SendMsg(joined)
		}
		if err != nil {
			return err
		}
		joined.Value = append(joined.Value, in.Value...)
	}
}

func (e *echo) bidi(stream grpc.ServerStream) error {
	for {
		in := new(wrapperspb.BytesValue)
		err := stream.RecvMsg(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(in); err != nil {
			return err
		}
	}
}

// asked is the header and the trailer that a call asks for.
func (e *echo) asked(ctx context.Context) (header, trailer metadata.MD) {
	md, _ := metadata.FromIncomingContext(ctx)
	trailer = metadata.MD{"x-echo": md["x-echo"], "x-echo-bin": md["x-echo-bin"]}
	header = trailer.Copy()
	header.Set("x-running", strconv.Itoa(int(e.running.Load())-1))
	if deadline, ok := ctx.Deadline(); ok {
		header.Set("x-timeout-ms", strconv.FormatInt(time.Until(deadline).Milliseconds(), 10))
	}
	return header, trailer
}

func wait(ctx context.Context) error {
	if valueOf(ctx, "x-wait") == "" {
		return nil
	}
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

func failure(ctx context.Context) error {
	asked := valueOf(ctx, "x-fail")
	if asked == "" {
		return nil
	}
	code, err := strconv.Atoi(asked)
	if err != nil {
		return status.Error(codes.InvalidArgument, "x-fail")
	}
	st, err := status.New(codes.Code(code), "asked to fail: €").WithDetails(&errdetails.ErrorInfo{Reason: "ASKED"})
	if err != nil {
		return err
	}
	return st.Err()
}

func valueOf(ctx context.Context, key string) string {
	if values := metadata.ValueFromIncomingContext(ctx, key); len(values) > 0 {
		return values[0]
	}
	return ""
}
