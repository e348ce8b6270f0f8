package chat

import (
	"time"

	"github.com/rialto-rpc/rialto/internal/auth"
)

// sweeps is how often the sessions are looked at while a stall timeout passes.
const sweeps = 4

// endStalled ends the sessions whose client makes no progress: of a response it took nothing for [Delivery.StallTimeout],
// and up to half of that more, as far as the transport tells what was taken; where it does not, which is native gRPC, one
// whole response, which is small for a session that is slow. It comes back while there are sessions.
//
// A WebSocket that is stalled as a whole the bridge cuts by itself, perhaps a little sooner; this finds streams that are
// stalled on a connection that is not.
func (s *Service) endStalled() {
	now := time.Now()
	for _, c := range s.allSessions() {
		took := c.stalledFor(now)
		if took <= s.delivery.StallTimeout || !c.end(errStalled()) {
			continue
		}
		s.sent.stalled.Add(1)
		s.engine.log.Info("session ended", "reason", "the client takes nothing any more", "peer", auth.Address(c.ctx), "for", took)
	}
	s.mu.Lock() // only now, so that two never look at the same session
	defer s.mu.Unlock()
	if len(s.sessions) == 0 {
		s.sweep = nil
		return
	}
	s.sweep.Reset(s.delivery.StallTimeout / sweeps)
}

// progress is how far a session's client was when the session was looked at last. It belongs to [Service.endStalled].
type progress struct {
	sent uint64
	at   time.Time // when it was seen to be further than before
}

// stalledFor returns for how long the client has taken nothing of what is being written; 0 when nothing is.
func (s *session) stalledFor(now time.Time) time.Duration {
	if s.sentBytes != nil {
		if sent := s.sentBytes(); sent != s.progress.sent {
			s.progress = progress{sent, now}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.writing:
		return 0
	case s.progress.at.After(s.wrote):
		return now.Sub(s.progress.at)
	}
	return now.Sub(s.wrote)
}
