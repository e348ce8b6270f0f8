package bridge

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// silentBeats is how many heartbeats a peer may be silent, although it was pinged and listened to, before it is lost.
const silentBeats = 2

var errSilent = errors.New("the peer was silent")

// heartbeat pings a call's peer and notices when it is gone. It is a timer, not a goroutine: what it does happens in a
// goroutine of the runtime's timer for as long as one ping takes.
type heartbeat struct {
	mu    sync.Mutex // held during a beat
	timer *time.Timer

	reads, waits uint64 // the connection's counters at the last beat
	listening    bool   // somebody was reading at the last beat
	stopped      bool
	silent       int8 // beats without a sign of life
}

// start begins with a random part of the interval, so that sockets opened together do not beat together.
func (b *heartbeat) start(c *plainCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	interval := c.handler.config.heartbeat
	b.timer = time.AfterFunc(interval/2+rand.N(interval/2+1), func() { b.beat(c, interval) })
}

// stop returns when no beat is under way and none will come. The socket may be closed before, which ends a blocked ping.
func (b *heartbeat) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	if b.timer != nil { // it was started
		b.timer.Stop()
	}
}

func (b *heartbeat) beat(c *plainCall, interval time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	conn := c.sock.conn
	listening := conn.reading.Load()
	if !listening {
		c.watchAhead()
	}
	if b.isSilent(conn, listening) {
		c.handler.silent(c.path, &c.peer)
		c.sock.abort()
		c.lost(errSilent)
		return
	}
	if err := c.sock.ping(); err != nil {
		c.sent(err)
		return
	}
	b.timer.Reset(interval)
}

// isSilent reports whether the peer is gone: nothing was read from it during the last beats although the socket was being
// read all the time, and it took nothing that had to wait for it. A peer that reads slowly gets its pings late, and its
// kernel's buffer takes pings without it: so a write that waited and went on is a sign of life, a write that waits now is
// left to the write timeout, and a missing pong alone is no sign of death.
func (b *heartbeat) isSilent(conn *meteredConn, listening bool) bool {
	reads, waits := conn.reads.Load(), conn.waits.Load()
	if listening && b.listening && !conn.writing.Load() && reads == b.reads && waits == b.waits {
		b.silent++
	} else {
		b.silent = 0
	}
	b.reads, b.waits, b.listening = reads, waits, listening
	return b.silent >= silentBeats
}
