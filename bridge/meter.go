package bridge

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// writeChunkBytes is how much is given to the connection at a time: what a peer has to take within the write timeout to
	// count as alive (TCP also tells of less). A message that fits gorilla's buffer is one chunk, so one system call.
	writeChunkBytes = 4 * writeBufferBytes

	// recordBytes is what is given to a TLS connection at a time: one record at most.
	recordBytes = 16 << 10

	// waitedAfter is from when on a write is taken to have waited for the peer rather than for the processor.
	waitedAfter = 5 * time.Millisecond
)

// meteredConn is a connection whose writes fail only for want of progress, and that knows about its own liveness. The
// read deadline is the caller's; the write deadline is meteredConn's alone.
type meteredConn struct {
	net.Conn
	writeTimeout time.Duration

	parking *parking     // nil: a goroutine waits for it
	space   parkingSpace // guarded by parking.mu

	first    [1]byte // the reader's: what awaitByte has read, if hasFirst
	hasFirst bool

	reads   atomic.Uint64 // reads that brought something
	reading atomic.Bool   // a read is waiting for the peer
	writing atomic.Bool   // a write is under way
	waits   atomic.Uint64 // writes that had to wait for the peer, and went on
	sent    atomic.Uint64 // bytes written

	deadlineMu sync.Mutex // guards what follows
	deadline   time.Time  // of writes, as it was set last
	cutoff     time.Time  // when set, no write goes on after it
}

func (c *meteredConn) Read(p []byte) (int, error) {
	if !c.hasFirst || len(p) == 0 {
		return c.read(p)
	}
	c.hasFirst = false
	p[0] = c.first[0]
	if len(p) == 1 {
		return 1, nil
	}
	n, err := c.read(p[1:]) // no frame is one byte long: there is more, or an error
	return 1 + n, err
}

// park has s woken up when there is something to read; see [parking.park].
func (c *meteredConn) park(s sleeper) bool {
	return c.parking != nil && !c.hasFirst && c.parking.park(c, s)
}

// awaitByte waits for one byte, which the next Read returns first. Whoever waits here needs no buffer.
func (c *meteredConn) awaitByte() error {
	if c.hasFirst {
		return nil
	}
	n, err := c.read(c.first[:])
	c.hasFirst = n > 0
	if c.hasFirst {
		return nil
	}
	return err
}

func (c *meteredConn) read(p []byte) (int, error) {
	c.reading.Store(true)
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.reads.Add(1)
	}
	c.reading.Store(false)
	return n, err
}

// Write writes all of p, or fails with a timeout when the peer takes nothing for the write timeout; over TLS, not a whole record: that
// does not survive a write that timed out, since a part of the record is out. When Write has failed the caller closes c.
func (c *meteredConn) Write(p []byte) (int, error) {
	c.writing.Store(true)
	defer c.writing.Store(false)
	secure, brittle := c.Conn.(*tls.Conn)
	chunk := writeChunkBytes
	if brittle {
		chunk = recordBytes
	}
	written := 0
	start := time.Now()
	for progress, late := start, false; written < len(p); start = time.Now() {
		if err := c.extend(progress, late || brittle); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(p[written:min(written+chunk, len(p))])
		written += n
		c.sent.Add(uint64(n))
		now := time.Now()
		if n > 0 {
			progress = now
			if now.Sub(start) >= waitedAfter {
				c.waits.Add(1)
			}
		}
		again := late && n == 0 // one that fails at once, such as a connection with TLS inside, would go on doing so
		late = !brittle && c.isOnlyLate(err, now.Sub(progress))
		if err != nil && (!late || again) {
			if brittle {
				secure.NetConn().Close() // TLS would take 5 s to say goodbye to who takes nothing
			}
			return written, err
		}
	}
	return written, nil
}

// isOnlyLate reports whether the write that failed with err can go on, since the last progress was not too long ago: slow is not
// stalled.
func (c *meteredConn) isOnlyLate(err error, idle time.Duration) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && idle < c.writeTimeout && !c.isCutOff()
}

// extend makes sure that a write may take its time after progress. To set a deadline costs a tenth of a write, so one that
// leaves half of that time stays, unless it has to be anew: it has come already, or the write that meets it cannot go on.
func (c *meteredConn) extend(progress time.Time, anew bool) error {
	c.deadlineMu.Lock()
	defer c.deadlineMu.Unlock()
	deadline := progress.Add(c.writeTimeout)
	switch {
	case !c.cutoff.IsZero():
		if c.cutoff.Before(deadline) {
			deadline = c.cutoff
		}
	case !anew && c.deadline.Sub(progress) > c.writeTimeout/2:
		return nil
	}
	c.deadline = deadline
	return c.Conn.SetWriteDeadline(deadline)
}

func (c *meteredConn) isCutOff() bool {
	c.deadlineMu.Lock()
	defer c.deadlineMu.Unlock()
	return !c.cutoff.IsZero()
}

// cutOff makes writes fail after the timeout, the one that is going on too. A later cut-off does not prolong an earlier one.
func (c *meteredConn) cutOff(timeout time.Duration) {
	c.deadlineMu.Lock()
	defer c.deadlineMu.Unlock()
	if c.cutoff.IsZero() {
		c.cutoff = time.Now().Add(timeout)
		c.Conn.SetWriteDeadline(c.cutoff)
	}
}

// SetWriteDeadline does nothing: gorilla sets a deadline for each frame, which would cut off a slow peer.
func (c *meteredConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the read deadline only, for the same reason.
func (c *meteredConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline also wakes whoever has parked.
func (c *meteredConn) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	if c.parking != nil {
		c.parking.setAwake(c, !t.IsZero())
	}
	return err
}

// Close also wakes whoever has parked.
func (c *meteredConn) Close() error {
	if c.parking != nil {
		c.parking.leave(c)
	}
	return c.Conn.Close()
}

// closeWrite ends the sending side, so that the peer reads what was written and then the end. False if the connection
// cannot do that.
func (c *meteredConn) closeWrite() bool {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}
