package auth_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/rialto-rpc/rialto/internal/auth"
)

// inner is the network of the proxies of these tests.
var inner = []string{"10.0.0.0/8", "fd00::/8"}

func parseProxies(t testing.TB, networks ...string) auth.Proxies {
	t.Helper()
	p, err := auth.ParseProxies(networks)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestClient(t *testing.T) {
	t.Parallel()
	proxies := parseProxies(t, inner...)
	for _, tt := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"nobody said anything", "10.0.0.1", nil, "10.0.0.1"},
		{"an untrusted peer says what it likes", "192.0.2.9", []string{"198.51.100.1"}, "192.0.2.9"},
		{"one proxy", "10.0.0.1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"what the client wrote is further left", "10.0.0.1", []string{"203.0.113.66, 198.51.100.1"}, "198.51.100.1"},
		{"the client pretends to be a proxy", "10.0.0.1", []string{"203.0.113.66, 10.0.0.9, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.1", []string{"198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"a proxy that adds a line", "10.0.0.1", []string{"203.0.113.66", "198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"all are trusted", "10.0.0.1", []string{"10.0.0.3,10.0.0.2"}, "10.0.0.3"},
		{"with a port", "10.0.0.1", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"IPv6", "fd00::1", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 with a port", "fd00::1", []string{"[2001:db8::7]:443"}, "2001:db8::7"},
		{"IPv6 in brackets", "fd00::1", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"mapped", "10.0.0.1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"a mapped proxy", "10.0.0.1", []string{"198.51.100.1, ::ffff:10.0.0.2"}, "198.51.100.1"},
		{"zone", "fd00::1", []string{"fe80::1%eth0"}, "fe80::1"},
		{"empty elements", "10.0.0.1", []string{"198.51.100.1, ,", ""}, "198.51.100.1"},
		{"no address", "10.0.0.1", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		{"no address behind a proxy", "10.0.0.1", []string{"198.51.100.1, _hidden, 10.0.0.2"}, "10.0.0.2"},
	} {
		if got := proxies.Client(netip.MustParseAddr(tt.peer), tt.forwarded); got != netip.MustParseAddr(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestParseProxies(t *testing.T) {
	t.Parallel()
	p := parseProxies(t, "127.0.0.1", "::1", "10.1.2.3/8", "::ffff:192.0.2.0/120")
	for address, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.2": false, "::1": true, "::2": false, "10.255.0.1": true, "11.0.0.1": false,
		"192.0.2.77": true, "192.0.3.1": false,
	} {
		if got := p.Trust(netip.MustParseAddr(address)); got != want {
			t.Errorf("trust %s: %v", address, got)
		}
	}
	if auth.Proxies(nil).Trust(netip.Addr{}) || p.Trust(netip.Addr{}) {
		t.Error("what is unknown is trusted")
	}
	for _, bad := range []string{"", "proxy.example", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "10.0.0.1:80"} {
		if _, err := auth.ParseProxies([]string{bad}); err == nil {
			t.Errorf("%q is a proxy", bad)
		}
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "::1": "::/64",
	} {
		if got := auth.Network(netip.MustParseAddr(address)); got != netip.MustParsePrefix(want) {
			t.Errorf("network of %s: %v, want %s", address, got, want)
		}
	}
	if got := auth.Network(netip.Addr{}); got.IsValid() {
		t.Errorf("network of nothing: %v", got)
	}
}

func TestAddressOfPeer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		peer net.Addr
		want netip.Addr
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1}, netip.MustParseAddr("192.0.2.7")},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, netip.MustParseAddr("fe80::1")},
		{&net.UnixAddr{Name: "[::ffff:192.0.2.7]:9", Net: "unix"}, netip.MustParseAddr("192.0.2.7")},
		{&net.UnixAddr{Name: "bufconn", Net: "unix"}, netip.Addr{}},
		{nil, netip.Addr{}},
	} {
		if got := auth.Address(peer.NewContext(context.Background(), &peer.Peer{Addr: tt.peer})); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.peer, got, tt.want)
		}
	}
	if got := auth.Address(context.Background()); got.IsValid() {
		t.Errorf("without a peer: %v", got)
	}
}

// streamOf is one of which only the context is used.
type streamOf struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *streamOf) Context() context.Context { return s.ctx }

func TestAddressInterceptors(t *testing.T) {
	t.Parallel()
	proxies := parseProxies(t, inner...)
	for _, tt := range []struct{ peer, forwarded, want string }{
		{"10.0.0.1", "198.51.100.1", "198.51.100.1"},
		{"192.0.2.9", "198.51.100.1", "192.0.2.9"},
	} {
		ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(tt.peer), 9))})
		ctx = metadata.NewIncomingContext(ctx, metadata.Pairs("x-forwarded-for", tt.forwarded))
		want := netip.MustParseAddr(tt.want)
		auth.UnaryAddressInterceptor(proxies)(ctx, nil, nil, func(ctx context.Context, _ any) (any, error) {
			if got := auth.Address(ctx); got != want {
				t.Errorf("unary call from %+v: %v", tt, got)
			}
			return nil, nil
		})
		auth.StreamAddressInterceptor(proxies)(nil, &streamOf{ctx: ctx}, nil, func(_ any, s grpc.ServerStream) error {
			if got := auth.Address(s.Context()); got != want {
				t.Errorf("stream from %+v: %v", tt, got)
			}
			return nil
		})
	}
}

// FuzzClient reads any X-Forwarded-For. Whatever it holds, the answer comes from the chain, a peer that is not trusted is
// itself, and what stands left of an untrusted address changes nothing.
func FuzzClient(f *testing.F) {
	for _, seed := range []string{
		"", ",", "198.51.100.1", "10.0.0.3, 10.0.0.2", "unknown", "[2001:db8::7]:443, ::ffff:10.0.0.2", "fe80::1%eth0", "[", "[]", "1:2:3",
	} {
		f.Add(seed, seed)
	}
	proxies := parseProxies(f, inner...)
	trusted, other := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.9")
	f.Fuzz(func(t *testing.T, first, second string) {
		lines := []string{first, second}
		if got := proxies.Client(other, lines); got != other {
			t.Errorf("an untrusted peer is %v", got)
		}
		if got := proxies.Client(trusted, []string{first, second + "," + other.String()}); got != other {
			t.Errorf("%q, %q changed who came to the proxy: %v", first, second, got)
		}
		got := proxies.Client(trusted, lines)
		if !got.IsValid() || got.Is4In6() || got.Zone() != "" {
			t.Errorf("%q, %q: %v is no plain address", first, second, got)
		}
		if got == trusted {
			return
		}
		for _, said := range strings.Split(first+","+second, ",") {
			if auth.ParseAddress(strings.TrimSpace(said)) == got {
				return
			}
		}
		t.Errorf("%q, %q: %v is not in it", first, second, got)
	})
}
