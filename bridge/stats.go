package bridge

import (
	"sync/atomic"

	"google.golang.org/grpc/peer"
)

// Stats counts what a [Handler] has seen since it was made.
type Stats struct {
	Open     int    // sockets open now
	HTTP     int    // calls over HTTP running now; they count as connections
	Accepted uint64 // sockets opened
	Refused  uint64 // handshakes and calls over HTTP refused: origin, drain, connection limit
	Stalled  uint64 // connections cut because the peer took nothing for the write timeout
	Silent   uint64 // sockets cut because the peer did not answer heartbeats
}

type counters struct {
	accepted, refused, stalled, silent atomic.Uint64
}

// Stats returns the counts of this moment. It is cheap and may be called at any time.
func (h *Handler) Stats() Stats {
	h.mu.Lock()
	open, overHTTP := h.open, h.overHTTP
	h.mu.Unlock()
	return Stats{
		Open:     open - overHTTP,
		HTTP:     overHTTP,
		Accepted: h.counters.accepted.Load(),
		Refused:  h.counters.refused.Load(),
		Stalled:  h.counters.stalled.Load(),
		Silent:   h.counters.silent.Load(),
	}
}

// stalled counts and logs a peer that was cut because it takes nothing.
func (h *Handler) stalled(path string, p *peer.Peer, err error) {
	h.counters.stalled.Add(1)
	h.config.logger.Warn("bridge: cut a stalled peer", "method", path, "peer", p.Addr.String(), "err", err,
		"timeout", h.config.writeTimeout)
}

// silent counts and logs a peer that was cut because it does not answer.
func (h *Handler) silent(path string, p *peer.Peer) {
	h.counters.silent.Add(1)
	h.config.logger.Debug("bridge: cut a silent peer", "method", path, "peer", p.Addr.String(),
		"heartbeat", h.config.heartbeat)
}
