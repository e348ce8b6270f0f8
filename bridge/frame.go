package bridge

import (
	"encoding/binary"
	"fmt"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/protobuf/proto"
)

// SubprotocolMultiplexed is the WebSocket subprotocol of multiplexed mode: many calls on one socket. One binary WebSocket
// message is one frame; docs/protocol.md is the normative text.
const SubprotocolMultiplexed = "rialto.v1"

const (
	frameHeaderBytes = 6 // type u8 | flags u8 | stream u32, big-endian

	// maxControlBytes bounds the payload of every frame but DATA, and of OPEN without the message inside it.
	maxControlBytes = 64 << 10

	// maxChunkLimit is the largest max_chunk_bytes that settings may ask for.
	maxChunkLimit = 64 << 10

	openLengthBytes = 4 // of the Open message, in an OPEN frame with flagInline
	incrementBytes  = 4 // of a WINDOW frame
	pingBytes       = 8 // of PING and PONG
)

// frameKind is the type of a frame.
type frameKind uint8

const (
	kindSettings frameKind = iota
	kindOpen
	kindHeaders
	kindData
	kindEndSend
	kindEnd
	kindReset
	kindWindow
	kindPing
	kindPong
	kindGoAway
	kindAuth

	// kindIgnorable and all above it may be ignored by who does not know them.
	kindIgnorable frameKind = 128
)

// frameFlags are the flags of a frame.
type frameFlags uint8

const (
	flagMore       frameFlags = 1 << iota // DATA: the message goes on in the next DATA of its stream
	flagCompressed                        // DATA, OPEN with flagInline: the message is compressed; on its first chunk
	flagEndSend                           // DATA, OPEN: the half-close follows
	flagInline                            // OPEN: a whole message follows Open
)

// frameRule says what a kind of frame may look like.
type frameRule struct {
	name       string
	connection bool // belongs to stream 0
	stream     bool // belongs to a stream; WINDOW is the one kind that is both
	flags      frameFlags
	minBytes   int
	maxBytes   int
}

var frameRules = [...]frameRule{
	kindSettings: {name: "SETTINGS", connection: true, maxBytes: maxControlBytes},
	kindOpen: {
		name: "OPEN", stream: true, flags: flagCompressed | flagEndSend | flagInline,
		maxBytes: openLengthBytes + maxControlBytes + maxChunkLimit,
	},
	kindHeaders: {name: "HEADERS", stream: true, maxBytes: maxControlBytes},
	kindData:    {name: "DATA", stream: true, flags: flagMore | flagCompressed | flagEndSend, maxBytes: maxChunkLimit},
	kindEndSend: {name: "END_SEND", stream: true},
	kindEnd:     {name: "END", stream: true, maxBytes: maxControlBytes},
	kindReset:   {name: "RESET", stream: true, maxBytes: maxControlBytes},
	kindWindow:  {name: "WINDOW", connection: true, stream: true, minBytes: incrementBytes, maxBytes: incrementBytes},
	kindPing:    {name: "PING", connection: true, minBytes: pingBytes, maxBytes: pingBytes},
	kindPong:    {name: "PONG", connection: true, minBytes: pingBytes, maxBytes: pingBytes},
	kindGoAway:  {name: "GOAWAY", connection: true, maxBytes: maxControlBytes},
	kindAuth:    {name: "AUTH", connection: true, maxBytes: maxControlBytes},
}

func (k frameKind) String() string {
	if int(k) < len(frameRules) {
		return frameRules[k].name
	}
	return fmt.Sprintf("type %d", uint8(k))
}

// muxFrame is a frame of multiplexed mode.
type muxFrame struct {
	kind    frameKind
	flags   frameFlags
	stream  uint32 // 0: the connection
	payload []byte // shares the bytes it was parsed from
}

// parseFrame reads a frame and checks all that can be told from it alone. Frames of ignorable kinds pass unchecked. The error
// is a *connError.
func parseFrame(data []byte) (muxFrame, error) {
	if len(data) < frameHeaderBytes {
		return muxFrame{}, protocolError("frame of %d bytes, shorter than its header", len(data))
	}
	f := muxFrame{
		kind:    frameKind(data[0]),
		flags:   frameFlags(data[1]),
		stream:  binary.BigEndian.Uint32(data[2:]),
		payload: data[frameHeaderBytes:],
	}
	if f.kind >= kindIgnorable {
		return f, nil
	}
	return f, f.check()
}

func (f muxFrame) check() error {
	if int(f.kind) >= len(frameRules) {
		return protocolError("unknown frame type %d", uint8(f.kind))
	}
	rule := frameRules[f.kind]
	switch {
	case f.flags&^rule.flags != 0:
		return protocolError("%s with flags %#02x", f.kind, uint8(f.flags))
	case f.stream == 0 && !rule.connection:
		return protocolError("%s without a stream", f.kind)
	case f.stream != 0 && !rule.stream:
		return protocolError("%s on a stream", f.kind)
	case len(f.payload) < rule.minBytes || len(f.payload) > rule.maxBytes:
		return protocolError("%s with a payload of %d bytes", f.kind, len(f.payload))
	case f.kind == kindData && f.flags&flagMore != 0 && f.flags&flagEndSend != 0:
		return protocolError("DATA with MORE and END_SEND")
	case f.kind == kindOpen && f.flags&flagCompressed != 0 && f.flags&flagInline == 0:
		return protocolError("OPEN with COMPRESSED and without a message")
	case f.kind == kindWindow && (f.increment() == 0 || f.increment() > maxWindowBytes):
		return protocolError("WINDOW of %d bytes", f.increment())
	}
	return nil
}

// appendFrame appends the frame as it is on the wire.
func appendFrame(dst []byte, f muxFrame) []byte {
	dst = append(dst, byte(f.kind), byte(f.flags))
	dst = binary.BigEndian.AppendUint32(dst, f.stream)
	return append(dst, f.payload...)
}

// increment is the payload of a WINDOW frame.
func (f muxFrame) increment() uint32 { return binary.BigEndian.Uint32(f.payload) }

// decode reads the payload of a control frame into m.
func (f muxFrame) decode(m proto.Message) error {
	if err := unmarshalProto(f.payload, m); err != nil {
		return protocolError("malformed payload of %s", f.kind)
	}
	return nil
}

// splitOpen returns the payload of an OPEN frame and the message inside the frame, which is nil without flagInline.
func (f muxFrame) splitOpen() (open *bridgev1.Open, message []byte, err error) {
	if f.flags&flagInline != 0 {
		if len(f.payload) < openLengthBytes {
			return nil, nil, protocolError("OPEN ends within its length")
		}
		length := binary.BigEndian.Uint32(f.payload)
		rest := f.payload[openLengthBytes:]
		if uint64(length) > uint64(len(rest)) {
			return nil, nil, protocolError("OPEN ends within its payload")
		}
		f.payload, message = rest[:length], rest[length:]
	}
	if len(f.payload) > maxControlBytes {
		return nil, nil, protocolError("OPEN with a payload of %d bytes", len(f.payload))
	}
	open = new(bridgev1.Open)
	return open, message, f.decode(open)
}

// appendInlineOpen appends the payload of an OPEN frame with flagInline.
func appendInlineOpen(dst, open, message []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(open)))
	dst = append(dst, open...)
	return append(dst, message...)
}

// marshalControl encodes a control payload. It cannot fail but for strings that are not UTF-8, which the callers rule out.
func marshalControl(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic("bridge: control payload: " + err.Error())
	}
	return data
}

// protocolError is a breach of the protocol that ends the connection with 4400.
func protocolError(format string, args ...any) *connError {
	return &connError{CloseProtocolError, fmt.Sprintf(format, args...)}
}
