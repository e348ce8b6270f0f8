package bridge

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// What gRPC looks for in a call's context is found, through contexts made from it, and everything else where it was.
func TestCallContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	md := metadata.MD{"one": {"1"}, "two": {"2", "zwei"}}
	call := &callContext{parent, &peer.Peer{}, &serverStream{method: &method{fullName: "/a.B/C"}}, flatten(md)}
	ctx, stop := context.WithTimeout(call, time.Hour)
	defer stop()
	if p, ok := peer.FromContext(ctx); !ok || p != call.peer {
		t.Errorf("peer %v", p)
	}
	if name, ok := grpc.Method(ctx); !ok || name != "/a.B/C" {
		t.Errorf("method %q", name)
	}
	if got, ok := metadata.FromIncomingContext(ctx); !ok || !maps.EqualFunc(got, md, slices.Equal) {
		t.Errorf("metadata %v", got)
	}
	if got := metadata.ValueFromIncomingContext(ctx, "two"); !slices.Equal(got, md["two"]) {
		t.Errorf("value %v", got)
	}
	if ctx.Value(key{}) != "value" || ctx.Value("other") != nil {
		t.Error("the values of the context before are lost")
	}
	cancel()
	if ctx.Err() != context.Canceled {
		t.Errorf("the end of the context before is lost: %v", ctx.Err())
	}
}
