package bridge

import (
	"math/rand/v2"
	"sync"
	"time"
)

// sessionHeartbeat sends PING when nothing was heard for a heartbeat, and ends a session whose peer is gone: nothing came
// during two of them and the peer took nothing that waited to be written. The reader of a session always listens, so there
// is no more to it. Like [heartbeat] it is a timer, not a goroutine.
type sessionHeartbeat struct {
	mu      sync.Mutex // held during a beat
	timer   *time.Timer
	stopped bool

	heard, waits uint64 // at the last beat
	silent       int    // beats without a sign of life
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
	if heard != b.heard || waits != b.waits || waiting {
		b.silent = 0
	} else if b.silent++; b.silent >= silentBeats {
		s.fail(errSilent)
		return
	}
	if heard == b.heard {
		s.sendControl(muxFrame{kind: kindPing, payload: make([]byte, pingBytes)})
	}
	b.heard, b.waits = heard, waits
	b.timer.Reset(interval)
}
