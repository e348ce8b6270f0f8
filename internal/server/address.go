package server

import (
	"log/slog"
	"net/http"
	"net/netip"
	"sync"

	"github.com/rialto-rpc/rialto/internal/auth"
)

// clientAddress is where requests of browsers get the address of whoever sent them, before anybody looks at it: for logs,
// for limits, and as the peer of calls.
type clientAddress struct {
	next    http.Handler
	proxies auth.Proxies
	logger  *slog.Logger
	warn    sync.Once // that somebody seems to be a proxy
}

// ServeHTTP sets [http.Request.RemoteAddr] where a trusted proxy says for whom it asks. The client's port is not known.
func (c *clientAddress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if forwarded := r.Header.Values("X-Forwarded-For"); len(forwarded) > 0 {
		peer := auth.ParseAddress(r.RemoteAddr)
		if client := c.proxies.Client(peer, forwarded); client != peer {
			r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
		} else if !c.proxies.Trust(peer) {
			c.suspect(peer)
		}
	}
	c.next.ServeHTTP(w, r)
}

// suspect says once that all people behind a proxy count as one, where a peer of a near network looks like one.
func (c *clientAddress) suspect(peer netip.Addr) {
	if !peer.IsLoopback() && !peer.IsPrivate() {
		return
	}
	c.warn.Do(func() {
		c.logger.Warn("X-Forwarded-For is not believed: if this is your proxy, name it in --trusted-proxies, or all who come through it count as one address", "peer", peer)
	})
}
