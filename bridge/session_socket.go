package bridge

import (
	"errors"
	"io"
	"net"
	"sync"

	"github.com/gorilla/websocket"
)

// batchBytes is how much of what a session writes is given to the connection at once.
const batchBytes = 32 << 10

// muxSocket is the [messageSocket] over gorilla, for both ends.
type muxSocket struct {
	*socket
	batch *batchConn
	wake  func() // the session's; set before the first read

	pongMu sync.Mutex
	pong   *string // guarded by pongMu; the payload of a WebSocket pong that waits for the writer
}

// newMuxSocket takes over a WebSocket whose connection is conn.
func newMuxSocket(ws *websocket.Conn, conn *batchConn) *muxSocket {
	s := &muxSocket{socket: newSocket(ws, conn.meteredConn), batch: conn}
	ws.SetPingHandler(s.answerPing)
	conn.begin()
	return s
}

func (s *muxSocket) start(wake func()) { s.wake = wake }

func (s *muxSocket) read(buf []byte, limit int) ([]byte, error) {
	kind, r, err := s.ws.NextReader()
	if err != nil {
		return nil, muxReadError(err)
	}
	if kind != websocket.BinaryMessage {
		return nil, &connError{CloseWrongFrameType, "a text message"}
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > limit:
			return nil, protocolError("a frame of more than %d bytes", limit)
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, muxReadError(err)
		}
	}
}

// muxReadError is gorilla's error. A length of 2^63 or more is final for gorilla, but to us it is only a frame too long.
func muxReadError(err error) error {
	if errors.Is(err, websocket.ErrReadLimit) {
		return errors.New("a frame of an impossible length")
	}
	return err
}

func (s *muxSocket) write(message []byte) error {
	return s.socket.write(websocket.BinaryMessage, message)
}

func (s *muxSocket) flush() error {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	if err := s.writePongLocked(); err != nil {
		return err
	}
	return s.flushLocked()
}

func (s *muxSocket) flushLocked() error {
	err := s.batch.flush()
	if err != nil && isTimeout(err) {
		return errStalled
	}
	return err
}

func (s *muxSocket) writeClose(code CloseCode, reason string) error {
	if err := s.writeLast(nil, code, reason); err != nil {
		return err
	}
	return s.flush()
}

// answerPing runs in the reader, which must not wait: it leaves the pong to the session's writer.
func (s *muxSocket) answerPing(payload string) error {
	s.pongMu.Lock()
	s.pong = &payload // an older one needs no answer any more (RFC 6455, section 5.5.3)
	s.pongMu.Unlock()
	s.wake()
	return nil
}

func (s *muxSocket) writePongLocked() error {
	s.pongMu.Lock()
	pong := s.pong
	s.pong = nil
	s.pongMu.Unlock()
	if pong == nil {
		return nil
	}
	if err := s.writeLocked(websocket.PongMessage, []byte(*pong)); !errors.Is(err, websocket.ErrCloseSent) {
		return err
	}
	return nil
}

func (s *muxSocket) progress() (uint64, bool) { return s.conn.waits.Load(), s.conn.writing.Load() }

func (s *muxSocket) shutdown(readErr error) {
	var closed *websocket.CloseError
	if errors.As(readErr, &closed) && closed.Code != websocket.CloseAbnormalClosure {
		s.answerClose(closed)
	}
	s.conn.cutOff(closeTimeout)
	s.batch.flush()
	s.socket.shutdown(readErr)
}

// batchConn gathers what is written until it is flushed, so that many short frames are one system call.
type batchConn struct {
	*meteredConn

	mu       sync.Mutex // held while writing, on purpose: it is a turn. gorilla may write a close frame while we flush.
	batching bool
	buf      *[]byte // nil: empty
}

var batches = sync.Pool{New: func() any { b := make([]byte, 0, batchBytes); return &b }}

func newBatchConn(conn *meteredConn) *batchConn { return &batchConn{meteredConn: conn} }

// begin starts gathering: until then, during the handshake, Write writes at once.
func (c *batchConn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batching = true
}

func (c *batchConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.batching {
		return c.meteredConn.Write(p)
	}
	if c.buf != nil && len(*c.buf)+len(p) > batchBytes {
		if err := c.flushLocked(); err != nil {
			return 0, err
		}
	}
	if len(p) >= batchBytes {
		return c.meteredConn.Write(p)
	}
	if c.buf == nil {
		c.buf = batches.Get().(*[]byte)
	}
	*c.buf = append(*c.buf, p...)
	return len(p), nil
}

func (c *batchConn) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flushLocked()
}

func (c *batchConn) flushLocked() error {
	if c.buf == nil {
		return nil
	}
	_, err := c.meteredConn.Write(*c.buf)
	*c.buf = (*c.buf)[:0]
	batches.Put(c.buf)
	c.buf = nil
	return err
}

var _ net.Conn = (*batchConn)(nil)
