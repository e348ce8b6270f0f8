package server

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/internal/limit"
)

// An address opens twice as many WebSockets as it may begin streams; the next is refused before it costs anything, and says
// when to come again. Another address is not affected, and neither is what is no WebSocket.
func TestTooManyWebSockets(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.TrustedProxies = []string{"127.0.0.1", "::1"}
	cfg.Rates.AddressConnections = limit.Rate{N: 1, Per: time.Hour}
	i := start(t, cfg)
	const path = "/grpc.health.v1.Health/Check"
	here := http.Header{"X-Forwarded-For": {"198.51.100.1"}}
	for n := range 2 {
		if _, _, resp := upgrade(t, i.HTTP, path, here); resp.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("%d: %s", n, resp.Status)
		}
	}
	_, _, resp := upgrade(t, i.HTTP, path, here)
	after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != http.StatusTooManyRequests || err != nil || after < 1 || after > 1800 {
		t.Errorf("one too many: %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	if _, _, resp := upgrade(t, i.HTTP, path, http.Header{"X-Forwarded-For": {"198.51.100.2"}}); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("another address: %s", resp.Status)
	}
	if code, _, _ := get(t, "http://"+i.HTTP+"/healthz"); code != http.StatusOK {
		t.Errorf("a request of that address: %d", code)
	}
	eventually(t, "count of the refusal", func() bool {
		_, _, page := get(t, "http://"+i.Admin+"/metrics")
		return strings.Contains(page, `rialto_limits_refused_total{limit="address-connections"} 1`+"\n")
	})
}

// Native connections are counted alike, but not those of a proxy, which are of many people.
func TestTooManyNativeConnections(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{false, true} {
		cfg := testConfig(t)
		cfg.Rates.AddressConnections = limit.Rate{N: 1, Per: time.Hour}
		if trusted {
			cfg.TrustedProxies = []string{"127.0.0.1", "::1"}
		}
		i := start(t, cfg)
		for n := range 3 {
			_, err := healthgrpc.NewHealthClient(dial(t, i.GRPC, nil)).Check(t.Context(), &healthgrpc.HealthCheckRequest{})
			want := codes.OK
			if n == 2 && !trusted {
				want = codes.Unavailable
			}
			if status.Code(err) != want {
				t.Errorf("connection %d, trusted %v: %v", n, trusted, err)
			}
		}
	}
}
