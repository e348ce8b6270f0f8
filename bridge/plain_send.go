package bridge

import (
	"errors"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// send implements [wire].
func (c *plainCall) send(message payload) error {
	defer message.free()
	kind := websocket.BinaryMessage
	if c.stream.codec.text() {
		kind = websocket.TextMessage
	}
	return c.sent(c.sock.write(kind, message.data))
}

// connSent implements [sentCounter].
func (c *plainCall) connSent() uint64 { return c.sock.conn.sent.Load() }

// sendHeader implements [wire]. Without the subprotocol there is no place for headers.
func (c *plainCall) sendHeader(md metadata.MD) error {
	if !c.controls {
		return nil
	}
	return c.sent(c.sock.write(websocket.TextMessage, headersFrame(md)))
}

// sent turns the error of a write into what the service sees.
func (c *plainCall) sent(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, websocket.ErrCloseSent):
		return c.callError()
	case errors.Is(err, errStalled):
		c.handler.stalled(c.path, &c.peer, err)
	}
	c.lost(err)
	return status.Error(codes.Unavailable, "the connection was lost")
}
