package bridge

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// closeTimeout is how long a peer may take to answer a close frame, and how long a write may still take once the call is
// over before its time. After that the connection is cut, and the peer may not learn the status.
const closeTimeout = 5 * time.Second

// socket is an accepted WebSocket, and the only type that touches gorilla's connection.
//
// One goroutine at a time reads; the call hands that turn around. Any goroutine writes: writeMu orders messages, pings,
// pongs and the close frame. (gorilla itself writes one close frame, when it reads what RFC 6455 forbids; it has a lock of
// its own below ours.)
type socket struct {
	ws     *websocket.Conn
	conn   *meteredConn
	buffer *readBuffer // gorilla's; the reader's
	// deflates says that gorilla may compress messages, so they all pass through it.
	deflates bool

	writeMu    sync.Mutex
	writeEnded bool // guarded by writeMu; nothing is written after a close frame or a failed write
}

// init takes over a WebSocket whose connection, below TLS on the client's side, is conn. A client's has no buffer.
func (s *socket) init(ws *websocket.Conn, conn *meteredConn, buffer *readBuffer) {
	s.ws, s.conn, s.buffer = ws, conn, buffer
	ws.SetPingHandler(func(payload string) error { return s.write(websocket.PongMessage, []byte(payload)) })
	ws.SetCloseHandler(func(int, string) error { return nil }) // answered by closeFromPeer, in the order of our writes
	// gorilla's own read limit stays off. It would answer with 1009 where the call should end with 4008, and read bounds
	// what it takes by itself.
}

// frame is a data message: WebSocket's, reassembled. It belongs to the reader, who frees it.
type frame struct {
	text bool
	data *bytes.Buffer
}

func (f frame) empty() bool { return f.data.Len() == 0 }

// free gives the frame's memory back; neither the frame nor its bytes may be used afterwards.
func (f frame) free() {
	if f.data != nil && f.data.Cap() <= maxPooledFrameBytes {
		f.data.Reset()
		frameBuffers.Put(f.data)
	}
}

// maxPooledFrameBytes is up to what size a frame's memory is used again. A buffer doubles as it grows, so this is for messages
// of half as much.
const maxPooledFrameBytes = 256 << 10

var frameBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

var (
	errInvalidText  = &connError{CloseInvalidText, "text frame is not valid UTF-8"}
	errCorruptFrame = &connError{CloseWebSocketError, "malformed compressed frame"}
	errStalled      = errors.New("the peer took nothing for too long")
)

// connError is a breach of the protocol by the client: it ends the socket with a close code rather than with a status.
type connError struct {
	code   CloseCode
	reason string
}

func (e *connError) Error() string { return e.reason }

// read returns the next data message of at most limit bytes. It answers pings on the way. The error is a *connError, a
// status error (a message over the limit), a *websocket.CloseError when the peer closed, or what broke the connection;
// it is final, and no further call is made.
func (s *socket) read(limit int) (frame, error) {
	s.buffer.hold()
	kind, r, err := s.ws.NextReader()
	if err != nil {
		return frame{}, readError(err, limit)
	}
	f := frame{text: kind == websocket.TextMessage, data: frameBuffers.Get().(*bytes.Buffer)}
	if _, err := f.data.ReadFrom(io.LimitReader(r, int64(limit)+1)); err != nil {
		f.free()
		return frame{}, readError(err, limit)
	}
	switch {
	case f.data.Len() > limit:
		f.free()
		return frame{}, errTooLarge(limit)
	case f.text && !utf8.Valid(f.data.Bytes()):
		f.free()
		return frame{}, errInvalidText
	}
	return f, nil
}

// readError is gorilla's error; a frame whose length is 2^63 or more is over our limit rather than over its own, and one that
// cannot be decompressed is the peer's fault.
func readError(err error, limit int) error {
	if errors.Is(err, websocket.ErrReadLimit) {
		return errTooLarge(limit)
	}
	if corrupt := flate.CorruptInputError(0); errors.As(err, &corrupt) {
		return errCorruptFrame
	}
	return err
}

func errTooLarge(limit int) error {
	return status.Errorf(codes.ResourceExhausted, "received message larger than max (%d bytes)", limit)
}

// write sends one message or control frame. An error is final: the connection is closed, which also wakes the reader.
func (s *socket) write(kind int, data []byte) error {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	return s.writeLocked(kind, data)
}

func (s *socket) writeLocked(kind int, data []byte) error {
	if s.writeEnded {
		return websocket.ErrCloseSent
	}
	s.writeEnded = kind == websocket.CloseMessage
	err := s.writeFrame(kind, data)
	if err == nil || errors.Is(err, websocket.ErrCloseSent) {
		return err
	}
	s.writeEnded = true
	s.abort()
	if isTimeout(err) {
		return errStalled
	}
	return fmt.Errorf("write to socket: %w", err)
}

// writeFrame gives a message to the connection. One that it takes in one piece does not pass through gorilla, whose writer would
// cost a tenth of the system call; and being one piece it cannot fall into gorilla's own close frame.
func (s *socket) writeFrame(kind int, data []byte) error {
	if s.deflates || kind != websocket.BinaryMessage && kind != websocket.TextMessage || len(data) > writeChunkBytes-maxHeaderBytes {
		return s.ws.WriteMessage(kind, data)
	}
	box := getBuffer(len(data) + maxHeaderBytes)
	*box = appendMessage((*box)[:0], kind, data, false)
	_, err := s.conn.Write(*box)
	*box = (*box)[:0]
	putBuffer(box)
	return err
}

// ping sends a ping, unless something is being written just now: that proves more than a ping would.
func (s *socket) ping() error {
	if !s.writeMu.TryLock() {
		return nil
	}
	defer s.writeMu.Unlock()
	return s.writeLocked(websocket.PingMessage, nil)
}

// writeLast sends a last text frame, if there is one, and the close frame, with nothing in between.
func (s *socket) writeLast(last []byte, code CloseCode, reason string) error {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	if last != nil {
		if err := s.writeLocked(websocket.TextMessage, last); err != nil {
			return err
		}
	}
	return s.writeLocked(websocket.CloseMessage, websocket.FormatCloseMessage(int(code), closeReason(reason)))
}

// answerClose answers the peer's close frame with the same code, as RFC 6455 asks (section 5.5.1).
func (s *socket) answerClose(peer *websocket.CloseError) {
	s.conn.cutOff(closeTimeout)
	s.write(websocket.CloseMessage, websocket.FormatCloseMessage(peer.Code, ""))
}

// closing bounds how long the peer may take to answer our close frame.
func (s *socket) closing() { s.conn.SetReadDeadline(time.Now().Add(closeTimeout)) }

// shutdown ends the connection so that the peer gets all that was written: closing a TCP socket on which unread data lies,
// or arrives, resets it, and a reset takes from the peer even what it has received but not yet read. So it first reads the
// peer's frames up to its close frame; where that cannot be, it ends the sending side and reads what comes (RFC 6455,
// section 7.1.1). The caller has the reader's turn; readErr is what its last read returned.
func (s *socket) shutdown(readErr error) {
	defer s.abort()
	s.buffer.hold()
	s.closing()
	for readErr == nil {
		_, _, readErr = s.ws.NextReader()
	}
	var closed *websocket.CloseError
	if errors.As(readErr, &closed) || !s.conn.closeWrite() {
		return
	}
	io.Copy(io.Discard, s.conn.Conn)
}

// abort cuts the connection at once. Blocked reads and writes return.
func (s *socket) abort() { s.ws.Close() }

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
