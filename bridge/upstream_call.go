package bridge

import (
	"context"
	"io"
	"runtime/debug"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// proxiedMethod passes calls of one method on to the upstream.
type proxiedMethod struct {
	upstream    *upstream
	fullName    string
	transcoding *transcoding // nil: without descriptors
}

// passThrough lets an upstream answer as it likes: where the answer of a unary call is not one message, the client has to
// see just that.
var passThrough = &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}

// handle is the method's [grpc.StreamHandler]. Its goroutine takes what comes from the upstream; another takes what comes
// from the client. Neither holds more than the one message it moves: a side that is slow slows down the other.
func (m *proxiedMethod) handle(_ any, client grpc.ServerStream) error {
	u := m.upstream
	ctx, cancel := context.WithCancelCause(outgoingContext(client.Context()))
	defer cancel(nil)
	opts := []grpc.CallOption{grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(u.maxRecvMsgSize)}
	if name := encodingOf(client.Context()); name != "" {
		opts = append(opts, grpc.UseCompressor(name))
	}
	server, err := u.conn.NewStream(ctx, passThrough, m.fullName, opts...)
	if err != nil {
		return u.beginError(ctx, err)
	}
	// Owner: u. Ends with the client's half-close, or with the call: RecvMsg fails then, soon after the handler has returned.
	// close waits for it.
	u.background.Go(func() { m.forwardRequests(client, server, cancel) })

	err = m.forwardResponses(client, server)
	if cause := context.Cause(ctx); cause != nil && client.Context().Err() == nil {
		return cause // an interceptor refused a message of the client's
	}
	return err
}

// encodingOf is the name of the compression that the client uses in this call, empty for none: the upstream's side of the
// call has the same.
func encodingOf(ctx context.Context) string {
	call, ok := grpc.ServerTransportStreamFromContext(ctx).(transportStream)
	if !ok {
		return ""
	}
	if compressed, ok := call.wire.(interface{ encoding() string }); ok {
		return compressed.encoding()
	}
	return ""
}

// forwardRequests moves messages from the client to the upstream.
func (m *proxiedMethod) forwardRequests(client grpc.ServerStream, server grpc.ClientStream, cancel context.CancelCauseFunc) {
	// What panics in the handler's goroutine is contained by invoke; RecvMsg may run an interceptor's code here.
	defer func() {
		if cause := recover(); cause != nil {
			m.upstream.logger.Error("bridge: receiving a message panicked", "method", m.fullName, panicAttr(cause),
				"stack", string(debug.Stack()))
			cancel(status.Error(codes.Internal, "internal error"))
		}
	}()
	for {
		request := &proxiedRequest{transcoding: m.transcoding}
		switch err := client.RecvMsg(request); {
		case err == io.EOF:
			server.CloseSend() // always nil
			return
		case err != nil:
			cancel(err)
			return
		}
		if err := server.SendMsg(request); err != nil {
			return // the status is for RecvMsg to say
		}
	}
}

// forwardResponses moves headers, messages and the end from the upstream to the client. The error is a status.
func (m *proxiedMethod) forwardResponses(client grpc.ServerStream, server grpc.ClientStream) error {
	header, _ := server.Header() // what is wrong is for RecvMsg to say
	if header != nil {
		m.upstream.reached()
		// Refused only if the call has ended or an interceptor has sent headers; then these come too late.
		client.SendHeader(responseMetadata(header))
	}
	for {
		response := &proxiedResponse{transcoding: m.transcoding}
		err := server.RecvMsg(response)
		if err == nil {
			if err := client.SendMsg(response); err != nil {
				return err
			}
			continue
		}
		trailer := server.Trailer()
		client.SetTrailer(responseMetadata(trailer))
		if err == io.EOF {
			return nil
		}
		if said(err, header, trailer) {
			m.upstream.reached()
			return err
		}
		return m.upstream.lostError(client.Context(), err)
	}
}

// outgoingContext is the context of the call to the upstream: deadline, cancellation, and the metadata without what is the
// protocol's own. Frames and handshake were filtered when they came in.
func outgoingContext(ctx context.Context) context.Context {
	md, _ := metadata.FromIncomingContext(ctx) // a copy
	for key := range md {
		if isOfProtocol(key) {
			delete(md, key)
		}
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// responseMetadata is what of an upstream's headers or trailers goes to the client: all but names that are the protocol's or
// a proxy's, and what is not metadata by gRPC's rules.
func responseMetadata(md metadata.MD) metadata.MD {
	out := make(metadata.MD, len(md))
	for key, values := range md {
		if isReserved(key) || !isMetadataKey(key) {
			continue
		}
		for _, value := range values {
			if strings.HasSuffix(key, binSuffix) || isPrintable(value) {
				out[key] = append(out[key], value)
			}
		}
	}
	return out
}

// said reports whether a status came from the upstream, rather than from our side of the connection to it.
func said(err error, header, trailer metadata.MD) bool {
	// An answer that is trailers only has its content type there.
	if len(trailer) > 0 || len(status.Convert(err).Proto().GetDetails()) > 0 {
		return true
	}
	return header != nil && !isTransportText(status.Convert(err).Message())
}
