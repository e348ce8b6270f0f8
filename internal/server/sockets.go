package server

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/limit"
)

// sockets limits what costs something before there is a call: WebSockets, and connections of native clients. Streams are
// limited by themselves, with a status that says when to come back; twice as often is for those who come back regardless,
// or open sockets and say nothing on them. Safe for concurrent use.
type sockets struct {
	buckets *limit.Buckets[netip.Prefix]
	started time.Time
	refused atomic.Uint64
}

// newSockets returns the limit of sockets beside one of streams.
func newSockets(streams limit.Rate) *sockets {
	streams.N = min(2*streams.N, limit.MaxN)
	return &sockets{buckets: limit.NewBuckets[netip.Prefix](streams), started: time.Now()}
}

// admit returns 0, or how long an address has to wait.
func (s *sockets) admit(from netip.Addr) (wait time.Duration) {
	if !from.IsValid() {
		return 0
	}
	if wait = s.buckets.Take(auth.Network(from), time.Since(s.started)); wait > 0 {
		s.refused.Add(1)
	}
	return wait
}

// door answers a handshake of too many with 429 (RFC 6585, section 4), and has next answer everything else. It goes by
// [http.Request.RemoteAddr].
func (s *sockets) door(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isUpgrade(r) {
			next.ServeHTTP(w, r)
			return
		}
		if wait := s.admit(auth.ParseAddress(r.RemoteAddr)); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
			http.Error(w, "too many connections from this address (address-connections)", http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}

var errTooManySockets = errors.New("too many connections from this address")

// admitConn refuses a connection of too many. Those of proxies are of many clients: each of their streams counts alone.
func (s *sockets) admitConn(proxies auth.Proxies, conn net.Conn) error {
	from := auth.ParseAddress(conn.RemoteAddr().String())
	if !proxies.Trust(from) && s.admit(from) > 0 {
		return errTooManySockets
	}
	return nil
}
