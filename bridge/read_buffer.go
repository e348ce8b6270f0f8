package bridge

import (
	"bufio"
	"sync"
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
