package bridge

import (
	"bufio"
	"encoding/binary"
	"sync"

	"github.com/gorilla/websocket"
)

// readBuffer is gorilla's buffer of a server's socket, which we give it so that no memory lies there while nothing comes. It
// belongs to whoever has the reader's turn. On nil, which is a client's, hold does nothing.
type readBuffer struct {
	reader bufio.Reader // gorilla has its address
	conn   *meteredConn
	pool   *bufferPool
	lent   *bufio.Reader // of pool, whose memory reader uses; nil: it has none and must not be used
}

// bufferPool keeps memory of readBuffers, all of one size.
type bufferPool struct {
	bytes int
	free  sync.Pool // of *bufio.Reader
}

// hold makes sure that there is memory to read into.
func (b *readBuffer) hold() {
	if b == nil || b.lent != nil {
		return
	}
	r, ok := b.pool.free.Get().(*bufio.Reader)
	if !ok {
		r = bufio.NewReaderSize(nil, b.pool.bytes)
	}
	r.Reset(b.conn)
	b.lent, b.reader = r, *r
}

// rest waits until something has come, without memory for it meanwhile. An error is the connection's; the next who reads
// gets one, too.
func (b *readBuffer) rest() error {
	if !b.letGo() {
		return nil
	}
	err := b.conn.awaitByte()
	b.hold()
	return err
}

// letGo gives the memory back, unless something lies there that is not read yet. Then it returns false.
func (b *readBuffer) letGo() bool {
	if b.lent == nil {
		return true
	}
	if b.reader.Buffered() > 0 {
		return false
	}
	b.reader.Reset(nil)
	*b.lent = b.reader
	b.pool.free.Put(b.lent)
	b.lent, b.reader = nil, bufio.Reader{}
	return true
}

// takeBinary waits for a frame and, if it is a whole binary message of a client, which fits into the memory, appends it to buf.
// False for anything else, and for an error, which are left to gorilla: what takeBinary saves is its work and an allocation
// for each frame. It is called between two messages, of a socket without compression.
func (b *readBuffer) takeBinary(buf *[]byte, limit int) bool {
	head, err := b.reader.Peek(2)
	if err != nil || head[0] != fin|websocket.BinaryMessage || head[1]&masked == 0 || head[1]&^masked > length16 {
		return false
	}
	header, length := 2, int(head[1]&^masked)
	if length == length16 {
		if head, err = b.reader.Peek(4); err != nil {
			return false
		}
		header, length = 4, int(binary.BigEndian.Uint16(head[2:]))
	}
	header += 4 // the mask
	if length > limit || header+length > b.reader.Size() {
		return false
	}
	frame, err := b.reader.Peek(header + length)
	if err != nil {
		return false
	}
	*buf = append(*buf, frame[header:]...)
	message := (*buf)[len(*buf)-length:]
	applyMask(message, message, binary.LittleEndian.Uint32(frame[header-4:]))
	b.reader.Discard(header + length)
	return true
}
