package bridge

import (
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
// long as the client is likely to say more, up to the next heartbeat, and leaves the rest to a fresh one.
func (c *plainCall) attend() {
	for fresh := true; c.awaitInput(fresh); fresh = false {
		if !c.runs(c.resume) {
			return
		}
	}
	go c.attend() // as before: ends with the call, or leaves it to another
}

func (c *plainCall) resume() (st *status.Status, ended bool) {
	return c.handler.resume(c.stream)
}

// awaitInput returns true when RecvMsg has something to return, and false when the goroutine should be left for a fresh one:
// one that is not fresh, when only a heartbeat has come. While fresh it waits without memory for what may come.
func (c *plainCall) awaitInput(fresh bool) bool {
	c.recvMu.Lock()
	defer c.recvMu.Unlock()
	for c.input.Load() == inputOpen && c.pending == nil && c.readErr == nil {
		if fresh && c.sock.buffer.rest() != nil {
			return true // RecvMsg gets the error, too
		}
		if c.handler.config.frameCompression {
			return true // gorilla may not have read the last frame to its end
		}
		switch kind := c.sock.takeHeartbeat(); {
		case kind == noFrame:
			return true
		case kind == websocket.PingMessage || !fresh:
			return false
		}
	}
	return true
}

const noFrame = -1 // gorilla's word for it

// takeHeartbeat waits for a frame, between two messages, and takes it off the socket if it is a ping, which it answers, or a
// pong: gorilla would go on to wait for what comes next, deep down in the stack. Anything else, and what is unusual, is left
// to gorilla.
func (s *socket) takeHeartbeat() (kind int) {
	const ( // RFC 6455, section 5.2
		final       = 0x80
		masked      = 0x80
		headerBytes = 2 + 4 // with the mask
		maxPayload  = 125
	)
	s.buffer.hold()
	reader := &s.buffer.reader
	head, err := reader.Peek(2)
	if err != nil || head[1]&masked == 0 || head[1]&^masked > maxPayload {
		return noFrame
	}
	frameBytes := headerBytes + int(head[1]&^masked)
	switch kind = int(head[0]) &^ final; {
	case head[0]&final == 0 || kind != websocket.PingMessage && kind != websocket.PongMessage:
		return noFrame
	case kind == websocket.PingMessage:
		frame, err := reader.Peek(frameBytes)
		if err != nil || s.answerPing(frame[2:]) != nil {
			return noFrame
		}
	}
	if _, err := reader.Discard(frameBytes); err != nil {
		return noFrame
	}
	return kind
}

// answerPing sends the pong for a ping's mask and payload.
func (s *socket) answerPing(maskAndPayload []byte) error {
	mask, payload := maskAndPayload[:4], maskAndPayload[4:]
	answer := make([]byte, len(payload))
	for i, b := range payload {
		answer[i] = b ^ mask[i%4]
	}
	return s.write(websocket.PongMessage, answer)
}
