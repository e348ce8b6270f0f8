package chat_test

import (
	"context"
	"net/netip"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/rialto-rpc/rialto/internal/auth"
)

// addressKey is the metadata by which a test says where a call comes from; without it that is not known.
const addressKey = "test-address"

// from returns a context of calls that come from an address.
func from(ctx context.Context, address string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, addressKey, address)
}

func addressed(ctx context.Context) context.Context {
	for _, address := range metadata.ValueFromIncomingContext(ctx, addressKey) {
		return auth.WithAddress(ctx, netip.MustParseAddr(address))
	}
	return ctx
}

func withAddress(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	return handler(addressed(ctx), req)
}

func streamWithAddress(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return handler(srv, &addressedStream{stream, addressed(stream.Context())})
}

type addressedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *addressedStream) Context() context.Context { return s.ctx }
