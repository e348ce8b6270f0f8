package bridge

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/gorilla/websocket"
)

// bytesConn is a connection from which these bytes come, and then nothing.
type bytesConn struct {
	net.Conn
	*bytes.Reader
}

func (c bytesConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func bufferOf(data []byte) *readBuffer {
	b := &readBuffer{conn: &meteredConn{Conn: bytesConn{Reader: bytes.NewReader(data)}}, pool: &bufferPool{bytes: 1 << 10}}
	b.hold()
	return b
}

// clientFrame is a masked frame, with its length in the shortest form.
func clientFrame(first byte, payload []byte) []byte {
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	mask := [4]byte{0xa1, 0xb2, 0xc3, 0xd4}
	frame = append(frame, mask[:]...)
	for i, b := range payload {
		frame = append(frame, b^mask[i%4])
	}
	return frame
}

// Whole binary messages are taken, whatever lies around them, and appended.
func TestTakeBinary(t *testing.T) {
	t.Parallel()
	var wire []byte
	var payloads [][]byte
	for n := range 300 {
		payload := make([]byte, n)
		for i := range payload {
			payload[i] = byte(rand.Int())
		}
		payloads = append(payloads, payload)
		wire = append(wire, clientFrame(0x80|websocket.BinaryMessage, payload)...)
	}
	b := bufferOf(wire)
	for _, payload := range payloads {
		got := []byte("before")
		if !b.takeBinary(&got, 1<<10) || !bytes.Equal(got, append([]byte("before"), payload...)) {
			t.Fatalf("a message of %d bytes: got %x, want %x", len(payload), got, payload)
		}
	}
	got := []byte("before")
	if b.takeBinary(&got, 1<<10) || string(got) != "before" {
		t.Errorf("at the end of the connection: %x", got)
	}
}

// All else stays where it is, for gorilla.
func TestTakeBinaryLeavesAllElse(t *testing.T) {
	t.Parallel()
	unmasked := clientFrame(0x80|websocket.BinaryMessage, []byte("hello"))
	unmasked[1] &^= 0x80
	for name, frame := range map[string][]byte{
		"fragment":           clientFrame(websocket.BinaryMessage, []byte("hello")),
		"continuation":       clientFrame(0x80, []byte("hello")),
		"text":               clientFrame(0x80|websocket.TextMessage, []byte("hello")),
		"ping":               clientFrame(0x80|websocket.PingMessage, []byte("hello")),
		"close":              clientFrame(0x80|websocket.CloseMessage, nil),
		"reserved bit":       clientFrame(0xc0|websocket.BinaryMessage, []byte("hello")),
		"without a mask":     unmasked,
		"over the limit":     clientFrame(0x80|websocket.BinaryMessage, make([]byte, 513)),
		"over the buffer":    clientFrame(0x80|websocket.BinaryMessage, make([]byte, 1<<10)),
		"64 bits of length":  clientFrame(0x80|websocket.BinaryMessage, make([]byte, 1<<16)),
		"cut in the header":  clientFrame(0x80|websocket.BinaryMessage, make([]byte, 200))[:3],
		"cut in the payload": clientFrame(0x80|websocket.BinaryMessage, make([]byte, 200))[:100],
	} {
		b := bufferOf(frame)
		got := []byte("before")
		if b.takeBinary(&got, 512) || string(got) != "before" {
			t.Errorf("%s: taken, %x", name, got)
		}
		if rest, _ := b.reader.Peek(2); !bytes.Equal(rest, frame[:2]) {
			t.Errorf("%s: the next are %x", name, rest)
		}
	}
}
