package server

import (
	"net/http"
	"strings"
	"testing"
)

// TestAdminPagesAreForNoOtherSite asks a server's and a proxy's as a browser would for itself and for others.
func TestAdminPagesAreForNoOtherSite(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.AllowedHosts = []string{"Chat.Example"}
	i := start(t, cfg)
	_, port, _ := strings.Cut(i.Admin, ":")
	proxy := testProxyConfig(i.GRPC)
	proxy.AllowedHosts = cfg.AllowedHosts
	p := startProxy(t, proxy)
	for name, test := range map[string]struct {
		host, origin, site string
		want               int
	}{
		"an address":          {"127.0.0.1:" + port, "", "", http.StatusOK},
		"an IPv6 address":     {"[::1]:" + port, "", "none", http.StatusOK},
		"localhost":           {"localhost", "", "same-origin", http.StatusOK},
		"an allowed host":     {"chat.example:" + port, "", "", http.StatusOK},
		"its own page":        {"localhost:" + port, "http://localhost:" + port, "same-origin", http.StatusOK},
		"another host":        {"evil.example:" + port, "", "", http.StatusForbidden},
		"its page":            {"evil.example", "http://evil.example", "same-origin", http.StatusForbidden},
		"a host like ours":    {"localhost.evil.example", "", "", http.StatusForbidden},
		"another site's page": {"localhost:" + port, "https://evil.example", "", http.StatusForbidden},
		"another port's page": {"localhost:" + port, "http://localhost:1", "same-site", http.StatusForbidden},
		"a page of nowhere":   {"localhost:" + port, "null", "", http.StatusForbidden},
		"an image elsewhere":  {"localhost:" + port, "", "cross-site", http.StatusForbidden},
	} {
		for _, admin := range []string{i.Admin, p.Admin} {
			if got := statusAs(t, "http://"+admin+"/metrics", test.host, test.origin, test.site); got != test.want {
				t.Errorf("%s: %d, want %d", name, got, test.want)
			}
		}
	}
}

// statusAs asks for a page as a browser would that knows the server by a host and has a page of an origin.
func statusAs(t *testing.T, url, host, origin, site string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	for name, value := range map[string]string{"Origin": origin, "Sec-Fetch-Site": site} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
