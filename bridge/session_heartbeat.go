package bridge

import (
	"math/rand/v2"
	"sync"
	"time"
)

// sessionHeartbeat sends a PING every heartbeat, and ends a session whose peer is gone: since the last PING nothing came and the
// peer took nothing that waited to be written. So it is found within two heartbeats of its last sign of life. The reader of a
// session always listens, and a peer that only reads gives credit back, which is a sign of life; so there is no more to it. Like
// [heartbeat] it is a timer, not a goroutine.
type sessionHeartbeat struct {
	mu      sync.Mutex // held during a beat
	timer   *time.Timer
	stopped bool

	pinged       bool   // there was a beat before
	heard, waits uint64 // at that
}

func (b *sessionHeartbeat) start(s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	interval := s.config.heartbeat
	b.timer = time.AfterFunc(interval/2+rand.N(interval/2+1), func() { b.beat(s, interval) })
}

// stop returns when no beat is under way and none will come.
func (b *sessionHeartbeat) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	b.timer.Stop()
}

func (b *sessionHeartbeat) beat(s *session, interval time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	heard := s.heard.Load()
	waits, waiting := s.sock.progress()
	if b.pinged && heard == b.heard && waits == b.waits && !waiting {
		s.fail(errSilent)
		return
	}
	s.sendControl(muxFrame{kind: kindPing, payload: make([]byte, pingBytes)})
	b.pinged, b.heard, b.waits = true, heard, waits
	b.timer.Reset(interval)
}
