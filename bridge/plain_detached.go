package bridge

import (
	"encoding/binary"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc/status"
)

// canDetach implements [detachable]. A message in improbable's framing may have come in part, or with others, so its socket
// does not say whether there is one.
func (c *plainCall) canDetach() bool { return c.framing == nil }

// attend waits, for a call whose handler has detached, until there is something to receive, and has the handler go on. It is the
// main function of a goroutine.
//
// A stack grows with what is done on it and hardly shrinks again. So a goroutine in which the handler has run waits only as
// long as the client is likely to say more, which is up to the next heartbeat. Then the call rests.
func (c *plainCall) attend() {
	for {
		if c.awaitInput() {
			if !c.runs(c.resume) {
				return
			}
		} else if c.rest() {
			return
		}
	}
}

func (c *plainCall) resume() (st *status.Status, ended bool) {
	return c.handler.resume(&c.stream)
}

// awaitInput waits for the client. It returns true when RecvMsg has something to return, and false after a heartbeat.
func (c *plainCall) awaitInput() bool {
	c.takeTurn()
	defer c.recvMu.Unlock()
	return !c.readsOn() || !c.peeks() || !c.sock.takeHeartbeat()
}

// peeks reports whether frames can be looked at before gorilla reads them. With compression it may not have read the last one to its
// end.
func (c *plainCall) peeks() bool { return !c.handler.config.frameCompression }

// readsOn reports whether only the socket says what is received next. The caller has the reader's turn.
func (c *plainCall) readsOn() bool {
	return c.input.Load() == inputOpen && c.pending == nil && c.readErr == nil
}

// rest leaves the call until something comes: to the handler's parking, or where that cannot be to a fresh goroutine. False if
// something has come already.
func (c *plainCall) rest() bool {
	c.takeTurn()
	defer c.recvMu.Unlock()
	if !c.readsOn() || !c.sock.buffer.letGo() {
		return false
	}
	if !c.sock.metered.park(c) {
		go c.awaitHere()
	}
	return true
}

// wakeUp implements [sleeper].
func (c *plainCall) wakeUp() { c.attend() }

// awaitHere is rest in a goroutine of its own. Its stack stays small: pongs do not need much.
func (c *plainCall) awaitHere() {
	for c.awaitHeartbeat() {
	}
	c.attend()
}

func (c *plainCall) awaitHeartbeat() bool {
	c.takeTurn()
	defer c.recvMu.Unlock()
	return c.readsOn() && c.sock.buffer.rest() == nil && c.sock.takeHeartbeat()
}

// takeHeartbeat waits for a frame, between two messages, and takes it off the socket if it is a ping, which it answers, or a
// pong: gorilla would go on to wait for what comes next, deep down in the stack. False for anything else, and for what is
// unusual, which is left to gorilla.
func (s *socket) takeHeartbeat() bool {
	const ( // RFC 6455, section 5.2
		headerBytes = 2 + 4 // with the mask
		maxPayload  = 125
	)
	s.buffer.hold()
	reader := &s.buffer.reader
	head, err := reader.Peek(2)
	if err != nil || head[1]&masked == 0 || head[1]&^masked > maxPayload {
		return false
	}
	frameBytes := headerBytes + int(head[1]&^masked)
	switch head[0] {
	case fin | websocket.PongMessage:
	case fin | websocket.PingMessage:
		frame, err := reader.Peek(frameBytes)
		if err != nil || s.answerPing(frame[2:]) != nil {
			return false
		}
	default:
		return false
	}
	_, err = reader.Discard(frameBytes)
	return err == nil
}

// answerPing sends the pong for a ping's mask and payload.
func (s *socket) answerPing(maskAndPayload []byte) error {
	payload := maskAndPayload[4:]
	answer := make([]byte, len(payload))
	applyMask(answer, payload, binary.LittleEndian.Uint32(maskAndPayload))
	return s.write(websocket.PongMessage, answer)
}
