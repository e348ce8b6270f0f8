package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/internal/auth"
)

// mirror answers every call with the address that it comes from, as the text of an error.
type mirror struct {
	healthgrpc.UnimplementedHealthServer
}

func (mirror) Check(ctx context.Context, _ *healthgrpc.HealthCheckRequest) (*healthgrpc.HealthCheckResponse, error) {
	return nil, status.Error(codes.NotFound, auth.Address(ctx).String())
}

func (mirror) Watch(_ *healthgrpc.HealthCheckRequest, stream healthgrpc.Health_WatchServer) error {
	return status.Error(codes.NotFound, auth.Address(stream.Context()).String())
}

// serveMirror serves a mirror as a server with these proxies does, and returns where browsers and native clients connect.
func serveMirror(t *testing.T, proxies auth.Proxies, logger *slog.Logger) (overHTTP, overGRPC string) {
	t.Helper()
	handler, err := bridge.NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	healthgrpc.RegisterHealthServer(handler, mirror{})
	web := httptest.NewServer(&clientAddress{next: handler, proxies: proxies, logger: logger})
	t.Cleanup(func() {
		handler.Drain(context.Background())
		web.Close()
	})
	native := grpc.NewServer(grpc.ChainUnaryInterceptor(auth.UnaryAddressInterceptor(proxies)),
		grpc.ChainStreamInterceptor(auth.StreamAddressInterceptor(proxies)))
	healthgrpc.RegisterHealthServer(native, mirror{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { // ends with Stop
		defer close(served)
		native.Serve(listener)
	}()
	t.Cleanup(func() {
		native.Stop()
		<-served
	})
	return web.Listener.Addr().String(), listener.Addr().String()
}

// seenOver asks over every wire who this is, with a header that names somebody else, and returns the answers. What a client
// says in frames names mallory's address.
func seenOver(t *testing.T, overHTTP, overGRPC, forwarded string) map[string]string {
	t.Helper()
	header := http.Header{"X-Forwarded-For": {forwarded}}
	seen := make(map[string]string)
	look := func(wire string, ctx context.Context, conn grpc.ClientConnInterface) {
		client := healthgrpc.NewHealthClient(conn)
		_, err := client.Check(ctx, &healthgrpc.HealthCheckRequest{})
		seen[wire] = status.Convert(err).Message()
		stream, err := client.Watch(ctx, &healthgrpc.HealthCheckRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		seen[wire+" stream"] = status.Convert(err).Message()
	}
	native := dial(t, overGRPC, nil)
	look("grpc", metadata.AppendToOutgoingContext(t.Context(), "x-forwarded-for", forwarded), native)

	sockets, err := bridge.Dial("ws://"+overHTTP+"/rialto", bridge.WithHandshakeHeader(header))
	if err != nil {
		t.Fatal(err)
	}
	defer sockets.Close()
	look("multiplexed", metadata.AppendToOutgoingContext(t.Context(), "x-forwarded-for", "203.0.113.66"), sockets)

	header.Set("Sec-Websocket-Protocol", "rialto.plain.v1")
	conn, r, _ := upgrade(t, overHTTP, "/grpc.health.v1.Health/Check", header)
	conn.Write(maskedText(`{"@open":{"metadata":{"x-forwarded-for":"203.0.113.66"}}}`))
	conn.Write(maskedText(`{}`))
	rest, _ := io.ReadAll(r)
	seen["plain"] = string(rest)

	header = http.Header{"X-Forwarded-For": {forwarded}, "Content-Type": {"application/json"}}
	_, seen["http"] = call(t, overHTTP, http.MethodPost, "/grpc.health.v1.Health/Check", "{}", header)
	return seen
}

// Whoever comes through a trusted proxy has the address that it names, on every wire; what anybody else says, and what
// clients say in frames, is not believed.
func TestAddressOverEveryWire(t *testing.T) {
	t.Parallel()
	trusting, err := auth.ParseProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		proxies auth.Proxies
		want    string
	}{
		{"a trusted proxy", trusting, "198.51.100.1"},
		{"no trusted proxy", nil, "127.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			overHTTP, overGRPC := serveMirror(t, tt.proxies, slog.New(slog.DiscardHandler))
			seen := seenOver(t, overHTTP, overGRPC, "203.0.113.66, 198.51.100.1")
			if len(seen) != 6 {
				t.Errorf("seen over %d wires", len(seen))
			}
			for wire, got := range seen {
				if !strings.Contains(got, tt.want) || strings.Contains(got, "203.0.113.66") {
					t.Errorf("%s: %q, want %s", wire, got, tt.want)
				}
			}
		})
	}
}

// A peer on this machine that sends X-Forwarded-For and is not trusted is most likely a proxy that somebody forgot to name.
func TestForgottenProxyIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	door := &clientAddress{next: http.NotFoundHandler(), logger: slog.New(slog.NewTextHandler(&lines, nil))}
	for _, from := range []string{"198.51.100.9:1", "127.0.0.1:1", "10.0.0.1:1"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = from
		r.Header.Set("X-Forwarded-For", "198.51.100.1")
		door.ServeHTTP(httptest.NewRecorder(), r)
		if r.RemoteAddr != from {
			t.Errorf("%s became %s", from, r.RemoteAddr)
		}
	}
	if got := lines.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "--trusted-proxies") || !strings.Contains(got, "peer=127.0.0.1") {
		t.Errorf("logged %q", got)
	}
}

func TestTrustedProxiesAreNetworks(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.TrustedProxies = []string{"proxy.example"}
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "--trusted-proxies") {
		t.Errorf("Validate = %v", err)
	}
}
