package auth

import (
	"context"
	"log/slog"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// errUnauthenticated has the same text for every cause: which one it was is nobody's business but the operator's.
var errUnauthenticated = status.Error(codes.Unauthenticated, "invalid token")

// UnaryServerInterceptor puts the [Principal] of a call's token into its context. The token is the call's only
// `authorization` metadata, "Bearer <token>". A call without any goes on without a principal: whether it needs one is the
// handler's decision. A token that is not valid is UNAUTHENTICATED on every method.
//
// It serves a grpc.Server and a bridge.Handler alike. Causes go to log at debug level.
func UnaryServerInterceptor(a Authenticator, log *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		p, ok, err := authenticate(ctx, a, log, info.FullMethod)
		if err != nil {
			return nil, err
		}
		if ok {
			ctx = WithPrincipal(ctx, p)
		}
		return handler(ctx, req)
	}
}

// StreamServerInterceptor is [UnaryServerInterceptor] for streams. The token is looked at once, when the stream begins.
func StreamServerInterceptor(a Authenticator, log *slog.Logger) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		p, ok, err := authenticate(stream.Context(), a, log, info.FullMethod)
		if err != nil {
			return err
		}
		if ok {
			stream = &streamWithContext{stream, WithPrincipal(stream.Context(), p)}
		}
		return handler(srv, stream)
	}
}

// streamWithContext is a stream whose context carries more. It is a per-RPC object, hence the stored context.
type streamWithContext struct {
	grpc.ServerStream
	ctx context.Context
}

// Context returns that context.
func (s *streamWithContext) Context() context.Context { return s.ctx }

// authenticate returns false for a call without a token.
func authenticate(ctx context.Context, a Authenticator, log *slog.Logger, method string) (Principal, bool, error) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) == 0 {
		return Principal{}, false, nil
	}
	token, ok := bearer(values)
	if !ok {
		log.DebugContext(ctx, "authorization refused", "method", method, "err", "not exactly one bearer token")
		return Principal{}, false, errUnauthenticated
	}
	p, err := a.Authenticate(ctx, token)
	if err != nil {
		log.DebugContext(ctx, "authorization refused", "method", method, "err", err)
		return Principal{}, false, errUnauthenticated
	}
	return p, true, nil
}

// bearer returns the token of an Authorization header: RFC 6750, section 2.1; the scheme is case-insensitive (RFC 9110,
// section 11.1).
func bearer(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	token = strings.TrimLeft(token, " ")
	return token, ok && token != "" && strings.EqualFold(scheme, "Bearer")
}
