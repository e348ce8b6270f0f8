package bridge

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// callContext is a call's context with what gRPC looks for in it. It is one value of the call's memory where contexts of their
// own would be three, and it keeps the metadata flat: a map of three names is as large as one of eight, and an idle call would
// keep it for what is looked at when calls begin.
type callContext struct {
	context.Context
	peer     *peer.Peer
	stream   *serverStream
	metadata flatMetadata
}

// Value implements [context.Context].
func (c *callContext) Value(key any) any {
	switch key {
	case peerKey:
		return c.peer
	case streamKey:
		return transportStream{c.stream}
	case metadataKey:
		return c.metadata.expand()
	}
	return c.Context.Value(key)
}

// abandonAtDeadline ends a call at ctx's deadline even while its handler is busy, or is sending to a slow client. The caller calls
// stop at last.
func abandonAtDeadline(ctx context.Context, call interface{ abandon(*status.Status) }) (stop func()) {
	expired := make(chan struct{})
	// Owner: ctx. Ends by itself, soon after ctx; stop waits for it.
	cancel := context.AfterFunc(ctx, func() {
		defer close(expired)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			call.abandon(status.FromContextError(ctx.Err()))
		}
	})
	return func() {
		if !cancel() {
			<-expired
		}
	}
}

// The keys under which gRPC looks. They are private to its packages; see TestCallContext for what they have to find.
var (
	peerKey     = keyOf(func(ctx context.Context) { peer.FromContext(ctx) })
	streamKey   = keyOf(func(ctx context.Context) { grpc.ServerTransportStreamFromContext(ctx) })
	metadataKey = keyOf(func(ctx context.Context) { metadata.FromIncomingContext(ctx) })
)

// keyOf returns the key that look looks for.
func keyOf(look func(context.Context)) any {
	asked := keyContext{Context: context.Background()}
	look(&asked)
	return asked.key
}

type keyContext struct {
	context.Context
	key any // of the last Value
}

func (c *keyContext) Value(key any) any {
	c.key = key
	return nil
}

// flatMetadata is metadata as key, value, key, value. It is not changed.
type flatMetadata []string

func flatten(md metadata.MD) flatMetadata {
	n := 0
	for _, values := range md {
		n += 2 * len(values)
	}
	flat := make(flatMetadata, 0, n)
	for key, values := range md {
		for _, value := range values {
			flat = append(flat, key, value)
		}
	}
	return flat
}

func (f flatMetadata) expand() metadata.MD {
	md := make(metadata.MD, len(f)/2)
	for pair := range slices.Chunk(f, 2) {
		md[pair[0]] = append(md[pair[0]], pair[1])
	}
	return md
}
