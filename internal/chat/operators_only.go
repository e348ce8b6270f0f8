package chat

import (
	"context"

	"google.golang.org/grpc"

	"github.com/rialto-rpc/rialto/internal/auth"
)

// OperatorsOnly returns interceptors that admit callers from this machine who have the operator's key, to every service of their
// server. Others get PERMISSION_DENIED, or UNAUTHENTICATED without the key: being on the machine proves nothing, as it may be
// shared, and port forwards end there.
func OperatorsOnly(key auth.OperatorKey) (grpc.UnaryServerInterceptor, grpc.StreamServerInterceptor) {
	check := func(ctx context.Context) error {
		switch {
		case !auth.Address(ctx).IsLoopback():
			return errNotHere
		case !key.Admits(ctx):
			return errNoOperator
		}
		return nil
	}
	unary := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if err := check(ctx); err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}
	stream := func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if err := check(stream.Context()); err != nil {
			return err
		}
		return handler(srv, stream)
	}
	return unary, stream
}
