package bridge

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"strings"
	"sync/atomic"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// SubprotocolImprobable is the WebSocket subprotocol of github.com/improbable-eng/grpc-web, for its client and those that speak
// like it, such as nice-grpc-web's WebsocketTransport. The server side of that project is not maintained any more.
const SubprotocolImprobable = "grpc-websockets"

// What the first byte of a client's frame says.
const (
	improbableData      = 0x00 // the rest is a piece of the body
	improbableHalfClose = 0x01 // nothing follows
)

// The first byte of a part of a body, before its length in four bytes (gRPC's PROTOCOL-HTTP2.md and PROTOCOL-WEB.md).
const (
	partMessage    = 0x00
	partCompressed = 0x01
	partMetadata   = 0x80

	partHeaderBytes = 5
)

// improbableCall is a call as improbable's grpc-websockets frames it, on a socket that works as in plain mode: the [wire] of
// that call. All frames are binary. The client's first is its metadata as lines of an HTTP header; each after it is a byte
// that says what it is, and a piece of a gRPC body. The server's are parts of a gRPC-Web body: headers, messages, trailers
// with the status, and then always close code 1000. A client that closes the socket cancels.
type improbableCall struct {
	*plainCall
	body       bytes.Buffer // guarded by recvMu: pieces that have not become a message yet
	headerSent atomic.Bool
}

var (
	_ wire    = (*improbableCall)(nil)
	_ framing = (*improbableCall)(nil)

	errTextFrame    = &connError{CloseWrongFrameType, "text frame in a grpc-websockets call"}
	errUnknownFrame = &connError{CloseProtocolError, "frame is neither data nor the half-close"}
	errTruncated    = status.New(codes.Internal, "the half-close came within a message")
	errUnknownPart  = status.New(codes.Internal, "malformed message in a gRPC-Web body")
	errCompressed   = status.New(codes.Unimplemented, "compressed messages are not taken here")
)

func newImprobableCall(c *plainCall) {
	i := &improbableCall{plainCall: c}
	c.framing, c.stream.wire = i, i
	c.stream.codec = nil                                                                        // the first frame says it
	c.maxFrameBytes = min(c.maxFrameBytes, math.MaxInt-1-partHeaderBytes) + 1 + partHeaderBytes // an int may have 32 bits
}

// recv implements [wire].
func (c *improbableCall) recv() ([]byte, func(), error) {
	if c.input.Load() != inputOpen {
		return nil, nil, c.endOfInput()
	}
	c.takeTurn()
	defer c.recvMu.Unlock()
	for {
		message, err := c.nextMessage()
		if err != nil {
			return nil, nil, err
		}
		if message != nil {
			return message, func() {}, nil
		}
		if err := c.readPiece(); err != nil {
			return nil, nil, err
		}
	}
}

// nextMessage takes a whole message from the body, nil if there is none yet. The caller has the reader's turn.
func (c *improbableCall) nextMessage() ([]byte, error) {
	if c.body.Len() < partHeaderBytes {
		return nil, nil
	}
	header := c.body.Bytes()[:partHeaderBytes]
	length := int64(binary.BigEndian.Uint32(header[1:]))
	switch {
	case header[0] == partCompressed:
		return nil, c.fail(errCompressed)
	case header[0] != partMessage:
		return nil, c.fail(errUnknownPart)
	case length > int64(c.handler.config.maxRecvMsgSize):
		return nil, c.fail(status.Convert(errTooLarge(c.handler.config.maxRecvMsgSize)))
	case int64(c.body.Len()) < partHeaderBytes+length:
		return nil, nil
	}
	c.body.Next(partHeaderBytes)
	message := append(make([]byte, 0, length), c.body.Next(int(length))...)
	if c.stream.method.clientStreams() {
		return message, nil
	}
	if c.body.Len() > 0 {
		return nil, c.fail(errSecondMessage)
	}
	c.input.Store(inputImplied)
	c.watchEnd()
	return message, nil
}

// readPiece reads a frame into the body; io.EOF for the half-close. The caller has the reader's turn.
func (c *improbableCall) readPiece() error {
	f, err := c.next()
	if err != nil {
		return c.recvError(err)
	}
	defer f.free()
	kind, breach := kindOfImprobable(f)
	switch {
	case breach != nil:
		c.breach(breach)
		return c.callError()
	case kind == improbableData:
		c.body.Write(f.data.Bytes()[1:])
		return nil
	case c.body.Len() > 0:
		return c.fail(errTruncated)
	}
	c.input.Store(inputEnded)
	c.watchEnd()
	return io.EOF
}

func kindOfImprobable(f frame) (kind byte, breach *connError) {
	if f.text {
		return 0, errTextFrame
	}
	data := f.data.Bytes()
	switch {
	case len(data) > 0 && data[0] == improbableData:
		return improbableData, nil
	case len(data) == 1 && data[0] == improbableHalfClose:
		return improbableHalfClose, nil
	}
	return 0, errUnknownFrame
}

// acceptLate implements [framing].
func (c *improbableCall) acceptLate(f frame) error {
	kind, breach := kindOfImprobable(f)
	switch {
	case breach != nil:
		c.breach(breach)
	case c.input.Load() == inputEnded:
		c.breach(errAfterHalfClose)
	case kind == improbableHalfClose:
		c.input.Store(inputEnded)
	default:
		c.abandon(errSecondMessage)
	}
	return c.callError()
}

// fail ends the call because of what the client sent.
func (c *improbableCall) fail(st *status.Status) error {
	c.end(st)
	return st.Err()
}

// send implements [wire].
func (c *improbableCall) send(message payload) error {
	defer message.free()
	return c.sent(c.sock.write(websocket.BinaryMessage, improbablePart(partMessage, message.data)))
}

// sendHeader implements [wire].
func (c *improbableCall) sendHeader(md metadata.MD) error {
	c.headerSent.Store(true)
	return c.sent(c.sock.write(websocket.BinaryMessage, c.headerPart(md)))
}

// writeEnd implements [framing]. Headers always come before trailers: clients take what comes first for headers.
func (c *improbableCall) writeEnd(st *status.Status, header, trailer metadata.MD) error {
	if !c.headerSent.Swap(true) {
		if err := c.sock.write(websocket.BinaryMessage, c.headerPart(header)); err != nil {
			return err
		}
	}
	if err := c.sock.write(websocket.BinaryMessage, improbablePart(partMetadata, trailerBlock(st, trailer))); err != nil {
		return err
	}
	return c.sock.writeLast(nil, CloseOK, "")
}

func (c *improbableCall) headerPart(md metadata.MD) []byte {
	contentType := improbableContentType
	if c.stream.codec != nil && c.stream.codec.text() {
		contentType = improbableContentTypeJSON
	}
	var block strings.Builder
	writeHeaderLine(&block, "content-type", contentType)
	writeMetadataLines(&block, md)
	return improbablePart(partMetadata, []byte(block.String()))
}

// improbablePart is a part of a gRPC-Web body.
func improbablePart(kind byte, data []byte) []byte {
	part := make([]byte, 0, partHeaderBytes+len(data))
	part = binary.BigEndian.AppendUint32(append(part, kind), uint32(len(data)))
	return append(part, data...)
}
