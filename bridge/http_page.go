package bridge

import (
	"net/http"
	"strings"
)

const (
	httpMethods = "POST, OPTIONS"

	// preflightSeconds is how long a page need not ask again: two hours, the longest that Chromium allows.
	preflightSeconds = "7200"
)

// admitsPage reports whether the page that a request comes from, if any, may connect; otherwise it has answered.
func (h *Handler) admitsPage(w http.ResponseWriter, r *http.Request) bool {
	refused := h.config.origins.check(r)
	if refused == nil {
		return true
	}
	h.counters.refused.Add(1)
	h.config.logger.Warn("bridge: refused a page; see "+refused.flag, "reason", refused.reason,
		"origin", r.Header.Get("Origin"), "host", r.Host, "peer", r.RemoteAddr)
	http.Error(w, refused.reason, http.StatusForbidden)
	return false
}

// showToPage lets the page that made an admitted request read the answer (https://fetch.spec.whatwg.org/#http-cors-protocol).
// All headers may be read, since a service's metadata has any name. Credentials are never allowed: with them a cookie could
// be an identity, and the star would mean a header of that name.
func showToPage(header http.Header, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", "*")
	header.Add("Vary", "Origin")
}

// serveOptions answers a preflight, by which a browser asks whether a page of another origin may make a call. It may send all
// headers, since metadata has any name.
func (h *Handler) serveOptions(w http.ResponseWriter, r *http.Request) {
	if !h.admitsPage(w, r) {
		return
	}
	header := w.Header()
	header.Set("Allow", httpMethods)
	header.Set("Accept-Post", acceptPost)
	if r.Header.Get("Access-Control-Request-Method") != "" {
		showToPage(header, r)
		header.Set("Access-Control-Allow-Methods", "POST")
		header.Set("Access-Control-Max-Age", preflightSeconds)
		header.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
		if asked := r.Header.Values("Access-Control-Request-Headers"); len(asked) > 0 {
			header.Set("Access-Control-Allow-Headers", strings.Join(asked, ", "))
		}
	}
	w.WriteHeader(http.StatusNoContent)
}
