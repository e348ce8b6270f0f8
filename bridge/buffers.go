package bridge

import (
	"math/bits"
	"sync"
)

const (
	minBufferShift = 9  // 512 bytes
	maxBufferShift = 20 // 1 MiB; longer buffers are rare and not kept

	maxBufferBytes = 1 << maxBufferShift
)

// buffers holds free byte slices by size, each twice that of the one before.
var buffers [maxBufferShift - minBufferShift + 1]sync.Pool

// getBuffer returns a slice with room for n bytes. It travels as a pointer so that giving it back allocates nothing.
func getBuffer(n int) *[]byte {
	shift := max(bits.Len(uint(max(n, 1)-1)), minBufferShift)
	if shift <= maxBufferShift {
		if box, ok := buffers[shift-minBufferShift].Get().(*[]byte); ok {
			return box
		}
	}
	b := make([]byte, 0, 1<<shift)
	return &b
}

// payload is an encoded message on its way out. Whoever has written it frees it; not to do so only costs memory's time.
type payload struct {
	data []byte  // not modified
	box  *[]byte // where data lies, if nobody else has it; nil: the bytes may be shared
}

// free lets the bytes be used for another message. Nobody uses them afterwards.
func (p payload) free() {
	if p.box != nil {
		putBuffer(p.box)
	}
}

// putBuffer gives a slice of getBuffer back, unless it has outgrown its size. Nobody uses it afterwards.
func putBuffer(box *[]byte) {
	if shift := bits.Len(uint(cap(*box) - 1)); shift <= maxBufferShift && cap(*box) == 1<<shift {
		buffers[shift-minBufferShift].Put(box)
	}
}
