package bridge

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/gorilla/websocket"
)

// batchBytes is how much of what a session writes is given to the connection at once.
const batchBytes = 64 << 10

// muxSocket is the [messageSocket] over gorilla, for both ends.
//
// Binary messages do not pass through gorilla on their way out: it would copy each one more time and make a system call of it.
// They are gathered here, so that many short ones are one system call. Close frames and pongs are gorilla's.
type muxSocket struct {
	*socket
	masks bool // we are the client (RFC 6455, section 5.3)
	// unread is the reader's: a message was refused before its end, so what comes next may be its payload, and only gorilla knows
	// for how long. It stays true: what was refused ends the session.
	unread bool
	out    *[]byte // guarded by writeMu; what was not flushed; nil: nothing
	wake   func()  // the session's; set before the first read

	pongMu sync.Mutex
	pong   *string // guarded by pongMu; the payload of a WebSocket pong that waits for the writer
}

// newMuxSocket takes over a socket.
func newMuxSocket(sock *socket, client bool) *muxSocket {
	s := &muxSocket{socket: sock, masks: client}
	sock.ws.SetPingHandler(s.answerPing)
	return s
}

func (s *muxSocket) start(wake func()) { s.wake = wake }

func (s *muxSocket) rest() {
	if s.buffer != nil {
		s.buffer.rest()
	}
}

func (s *muxSocket) park(sleeper sleeper) bool {
	return s.buffer != nil && s.buffer.letGo() && s.conn.park(sleeper)
}

func (s *muxSocket) read(buf []byte, limit int) ([]byte, error) {
	s.buffer.hold()
	if s.buffer != nil && !s.unread && s.buffer.takeBinary(&buf, limit) {
		return buf, nil
	}
	kind, r, err := s.ws.NextReader()
	if err != nil {
		return nil, muxReadError(err)
	}
	if kind != websocket.BinaryMessage {
		s.unread = true
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
			s.unread = true
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
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	if s.writeEnded {
		return websocket.ErrCloseSent
	}
	if s.out != nil && len(*s.out)+len(message) > batchBytes {
		if err := s.flushLocked(); err != nil {
			return err
		}
	}
	if s.out == nil {
		s.out = getBuffer(batchBytes)
	}
	*s.out = appendBinaryMessage(*s.out, message, s.masks)
	return nil
}

func (s *muxSocket) flush() error {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	if err := s.flushLocked(); err != nil {
		return err
	}
	return s.writePongLocked()
}

func (s *muxSocket) flushLocked() error {
	if s.out == nil || s.writeEnded {
		return nil
	}
	_, err := s.ws.NetConn().Write(*s.out)
	*s.out = (*s.out)[:0]
	putBuffer(s.out)
	s.out = nil
	if err == nil {
		return nil
	}
	s.writeEnded = true
	s.abort()
	if isTimeout(err) {
		return errStalled
	}
	return fmt.Errorf("write to socket: %w", err)
}

func (s *muxSocket) writeClose(code CloseCode, reason string) error {
	if err := s.flush(); err != nil {
		return err
	}
	return s.writeLast(nil, code, reason)
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
	s.socket.shutdown(readErr)
}
