package auth

import (
	"context"
	"net"
	"net/netip"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

type addressKey struct{}

// WithAddress returns a context whose call comes from a.
func WithAddress(ctx context.Context, a netip.Addr) context.Context {
	return context.WithValue(ctx, addressKey{}, a)
}

// Address returns where a call comes from: an IPv4 address as such, never mapped into IPv6, and none with a zone. It is what
// [WithAddress] has set, which the interceptors below do where a trusted proxy says so, and otherwise the call's peer. The
// zero Addr means that nothing is known, as of a call within the process.
func Address(ctx context.Context) netip.Addr {
	if a, ok := ctx.Value(addressKey{}).(netip.Addr); ok {
		return a
	}
	return peerAddress(ctx)
}

// Network returns what counts as one address where numbers are limited or somebody is kept out: of IPv6 the /64, which is
// the least that one customer has (RFC 6177). The zero Prefix for the zero Addr.
func Network(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	network, _ := a.Prefix(bits) // only fails for the zero Addr
	return network
}

func peerAddress(ctx context.Context) netip.Addr {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return netip.Addr{}
	}
	if tcp, ok := p.Addr.(*net.TCPAddr); ok {
		a, _ := netip.AddrFromSlice(tcp.IP)
		return plain(a)
	}
	return ParseAddress(p.Addr.String())
}

// ParseAddress reads an address as connections and proxies write it, with a port or without; the zero Addr if it is none.
func ParseAddress(s string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		return plain(withPort.Addr())
	}
	if n := len(s); n > 2 && s[0] == '[' && s[n-1] == ']' {
		s = s[1 : n-1]
	}
	a, _ := netip.ParseAddr(s)
	return plain(a)
}

// plain gives an address its one spelling.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// UnaryAddressInterceptor is for a grpc.Server behind proxies: calls that come through them have the [Address] that they
// name in their x-forwarded-for metadata, which over HTTP/2 is the header that they set. It is not for a bridge, whose
// peers are decided before a call begins.
func UnaryAddressInterceptor(proxies Proxies) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return handler(proxies.addressed(ctx), req)
	}
}

// StreamAddressInterceptor is [UnaryAddressInterceptor] for streams.
func StreamAddressInterceptor(proxies Proxies) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if ctx := proxies.addressed(stream.Context()); ctx != stream.Context() {
			stream = &streamWithContext{stream, ctx}
		}
		return handler(srv, stream)
	}
}

// addressed returns ctx itself unless a proxy says something else than its peer does.
func (p Proxies) addressed(ctx context.Context) context.Context {
	from := peerAddress(ctx)
	if client := p.Client(from, metadata.ValueFromIncomingContext(ctx, "x-forwarded-for")); client != from {
		return WithAddress(ctx, client)
	}
	return ctx
}
