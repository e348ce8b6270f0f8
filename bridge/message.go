package bridge

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gorilla/websocket"
)

// A message in one frame begins with FIN and its opcode, and the lengths that a byte cannot hold have a sign of their own
// (RFC 6455, section 5.2).
const (
	fin      = 0x80
	masked   = 0x80
	length16 = 126
	length64 = 127

	maxHeaderBytes = 10 // without a mask
)

// appendBinaryMessage appends a binary WebSocket message of one frame to dst.
func appendBinaryMessage(dst, message []byte, mask bool) []byte {
	return appendMessage(dst, websocket.BinaryMessage, message, mask)
}

// appendMessage appends a WebSocket message of one frame and a kind, which is gorilla's and the frame's opcode, to dst.
func appendMessage(dst []byte, kind int, message []byte, mask bool) []byte {
	first := fin | byte(kind)
	var maskBit byte
	if mask {
		maskBit = masked
	}
	switch n := len(message); {
	case n < length16:
		dst = append(dst, first, maskBit|byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, first, maskBit|length16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first, maskBit|length64), uint64(n))
	}
	if !mask {
		return append(dst, message...)
	}
	// Pages must not be able to guess it (RFC 6455, section 10.3); this generator is seeded by the system and strong.
	return appendMasked(dst, message, rand.Uint32())
}

// appendMasked appends the key and the message under it.
func appendMasked(dst, message []byte, key uint32) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, key)
	begin := len(dst)
	dst = slices.Grow(dst, len(message))[:begin+len(message)]
	applyMask(dst[begin:], message, key)
	return dst
}

// applyMask writes src under a mask, or without the one it has, to dst, which is as long and may be src (RFC 6455, section 5.3): eight
// bytes at a time.
func applyMask(dst, src []byte, key uint32) {
	for wide := uint64(key)<<32 | uint64(key); len(src) >= 8; src, dst = src[8:], dst[8:] {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^wide)
	}
	for i, b := range src {
		dst[i] = b ^ byte(key>>(8*i%32))
	}
}
