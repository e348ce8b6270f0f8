package bridge

import (
	"errors"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What may still come from the client. It only ever moves forward.
const (
	inputOpen    int32 = iota // messages, then the half-close
	inputImplied              // the one message of the call has come and implied the half-close; an explicit one may follow
	inputEnded                // nothing
)

var (
	errAfterHalfClose = &connError{CloseProtocolError, "frame after the half-close"}
	errLateOpen       = &connError{CloseProtocolError, "@open must be the first frame, on a URL without encoding="}
	errBinaryInJSON   = &connError{CloseWrongFrameType, "binary frame in a JSON call"}
	errTextInProto    = &connError{CloseWrongFrameType, "text frame in a protobuf call"}
	errSecondMessage  = status.New(codes.Internal, "cardinality violation: received multiple request messages for non-client-streaming RPC")
)

// recv implements [wire]. It reads the socket itself, unless a watcher was quicker.
func (c *plainCall) recv() ([]byte, func(), error) {
	if c.input.Load() != inputOpen {
		return nil, nil, c.endOfInput()
	}
	c.takeTurn()
	defer c.recvMu.Unlock()
	for {
		f, err := c.next()
		if err != nil {
			return nil, nil, c.recvError(err)
		}
		message, err := c.accept(f)
		if err != nil {
			f.free()
			return nil, nil, err
		}
		if message {
			return f.data.Bytes(), f.free, nil
		}
		f.free()
	}
}

// takeTurn takes the reader's turn for the call's goroutine. A watcher that has it gives it back with the next frame, and be that a
// heartbeat.
func (c *plainCall) takeTurn() {
	if c.recvMu.TryLock() {
		return
	}
	c.wanted.Store(true)
	c.recvMu.Lock()
	c.wanted.Store(false)
}

// next returns the frame a watcher has read ahead, or reads one. The caller has the reader's turn.
func (c *plainCall) next() (frame, error) {
	if f := c.pending; f != nil {
		c.pending = nil
		return *f, nil
	}
	if c.readErr != nil {
		return frame{}, c.readErr
	}
	f, err := c.sock.read(c.maxFrameBytes)
	if err != nil {
		c.readFailed(err)
	}
	return f, err
}

// accept decides what a frame means: a message, or an error for RecvMsg, which is io.EOF for the half-close.
func (c *plainCall) accept(f frame) (message bool, err error) {
	if c.input.Load() != inputOpen {
		return false, c.acceptLate(f)
	}
	if f.text && f.empty() {
		c.input.Store(inputEnded)
		c.watchEnd()
		return false, io.EOF
	}
	if breach := c.checkType(f); breach != nil {
		c.breach(breach)
		return false, c.callError()
	}
	if !c.stream.method.clientStreams() {
		c.input.Store(inputImplied)
		c.watchEnd()
	}
	return true, nil
}

// acceptLate handles a frame after the half-close. For the end of a call that takes one message a client may also send the
// half-close that was implied.
func (c *plainCall) acceptLate(f frame) error {
	if c.framing != nil {
		return c.framing.acceptLate(f)
	}
	switch {
	case c.input.Load() == inputEnded:
		c.breach(errAfterHalfClose)
	case f.text && f.empty():
		c.input.Store(inputEnded)
	default:
		c.abandon(errSecondMessage)
	}
	return c.callError()
}

// checkType says what is wrong with a frame that has to be a message.
func (c *plainCall) checkType(f frame) *connError {
	switch {
	case f.text && c.controls && isOpenFrame(f.data.Bytes()):
		return errLateOpen
	case f.text == c.stream.codec.text():
		return nil
	case f.text:
		return errTextInProto
	default:
		return errBinaryInJSON
	}
}

// endOfInput is what RecvMsg returns after the half-close.
func (c *plainCall) endOfInput() error {
	if c.stream.ctx.Err() != nil {
		return c.callError()
	}
	return io.EOF
}

// recvError is what RecvMsg returns when the socket's read failed.
func (c *plainCall) recvError(err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	if c.interrupted.Load() && c.stream.ctx.Err() == nil {
		return errInterrupted
	}
	return c.callError()
}

// interrupt implements [interruptible]: the deadline ends the read that is going on and every later one, and after it gorilla
// does not read again. Once the call has ended, the rest is discarded; see [socket.shutdown].
func (c *plainCall) interrupt() {
	c.interrupted.Store(true)
	c.sock.conn.SetReadDeadline(time.Unix(1, 0))
}

// callError is the error of a call that has ended, for its service.
func (c *plainCall) callError() error {
	if err := c.stream.ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Canceled, "the call has ended")
}

// readFailed ends the call because the socket cannot be read any more. The caller has the reader's turn.
func (c *plainCall) readFailed(err error) {
	c.readErr = err
	if c.interrupted.Load() && isTimeout(err) {
		return
	}
	var breach *connError
	switch st, isStatus := status.FromError(err); {
	case errors.As(err, &breach):
		c.breach(breach)
	case isStatus:
		c.end(st)
	default:
		c.lost(err)
	}
}

// watchEnd reads the socket to the end of the call, once the input has ended: otherwise nobody would notice a cancel. The
// caller has the reader's turn and leaves it to the watcher.
//
// Owner: the call. Ends with the socket; finish waits for it.
func (c *plainCall) watchEnd() {
	c.watcher.Go(func() {
		c.recvMu.Lock()
		defer c.recvMu.Unlock()
		for c.readErr == nil {
			f, err := c.sock.read(c.maxFrameBytes)
			if err != nil {
				c.readFailed(err)
				return
			}
			c.acceptLate(f)
			f.free()
		}
	})
}

// watchAhead reads one frame ahead if nobody reads: the handler is busy elsewhere, and somebody has to see a cancel and
// answer pings. A frame for the handler stays pending and ends it; until that is taken nobody reads, so that a fast client
// waits for the handler.
//
// Owner: the call. Ends with a frame for the handler, with a heartbeat if the call's goroutine wants the turn, or with the socket;
// finish waits for it.
func (c *plainCall) watchAhead() {
	c.watcher.Go(func() {
		if !c.recvMu.TryLock() {
			return
		}
		defer c.recvMu.Unlock()
		if c.readErr != nil || c.pending != nil || c.sock.conn.reading.Load() { // the last: it has been parked
			return
		}
		for c.peeks() && c.sock.takeHeartbeat() {
			if c.wanted.Load() {
				return
			}
		}
		if f, err := c.next(); err == nil {
			c.pending = &f
		}
	})
}
