package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// ownPages are pages for operators, which ask nobody who they are. Requests that a browser makes for other sites are refused with
// 403: those by a name that is not this server's, which somebody may have pointed at it (DNS rebinding), and those that come from
// another site's page, which could not read the answer, but have a profile made.
type ownPages struct {
	pages http.Handler
	hosts []string // names of this server, as --allowed-hosts has them, besides localhost and IP addresses
}

// ServeHTTP serves the page or says why not.
func (o *ownPages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !o.isOwnHost(r.Host):
		http.Error(w, "this server does not know itself under this host: see --allowed-hosts", http.StatusForbidden)
	case isForeign(r):
		http.Error(w, "not for pages of other sites", http.StatusForbidden)
	default:
		o.pages.ServeHTTP(w, r)
	}
}

// isOwnHost is the bridge's rule. No host, which only HTTP/1.0 allows, is no browser's.
func (o *ownPages) isOwnHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	name := strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(o.hosts, "*") {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil || slices.ContainsFunc(o.hosts, func(own string) bool {
		return strings.EqualFold(strings.TrimSuffix(own, "."), name)
	})
}

// isForeign reports whether a browser says that another site's page asks.
func isForeign(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, r.Host)
}
