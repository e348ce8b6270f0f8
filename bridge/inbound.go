package bridge

import (
	"io"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxKeptBytes is up to what size a stream keeps an empty buffer for its next message.
const maxKeptBytes = 4 << 10

// inbound is the receiving side of a stream: DATA on its way from the session's reader, which never waits, to whoever
// receives messages. The stream's window bounds what lies here, and the message limit bounds the one that is being received.
//
// Credit returns as messages are taken. While a receive is waiting it also returns for each chunk of the message it waits
// for, so that a message larger than the window can complete.
type inbound struct {
	maxMessageBytes int
	maxMessages     int // of the call; 0: any number
	assembly        *assemblyBudget
	grant           func(n int) // queues a WINDOW frame; called with mu
	onFirst         func()      // called at the first DATA, with mu; nil: nobody wants to know
	lent            bool        // release has something to give back; the receiver's
	taken           atomic.Bool // bytes of buf are with the receiver; set with mu

	mu        sync.Mutex // guards what follows; before the session's mu
	ready     sync.Cond  // the first message is complete or refused, or no more will come
	window    recvWindow
	buf       []byte  // messages one behind the other
	box       *[]byte // that buf came from; nil: none
	off       int     // where the first begins
	complete  inMessages
	last      inMessage // behind them
	goesOn    bool      // last is incomplete
	refused   error     // last was: receiving it fails with this, and neither it nor what follows is kept
	extra     int       // credit that returns with the next message which is taken, beside what that cost
	count     int       // messages begun so far
	receiving bool      // a receive is waiting, or await
	waiting   func()    // what await was called with; nil: it was not, or the time has come
	held      int       // bytes of assembly in use
	ended     bool      // the peer sends no more
	err       error     // final; nothing more is received
}

// inMessage is the message that an inbound is assembling.
type inMessage struct {
	bytes      int
	compressed bool
	owed       int // credit that was not returned yet
}

// assemblyBudget bounds the bytes of unfinished messages for which credit was returned, over all streams of a connection.
type assemblyBudget struct {
	limit int64
	used  atomic.Int64
}

func (b *assemblyBudget) take(n int) bool { return b.used.Add(int64(n)) <= b.limit }
func (b *assemblyBudget) release(n int)   { b.used.Add(int64(-n)) }

var (
	errAssembly       = status.Error(codes.ResourceExhausted, "too many large messages at once on this connection")
	errTooManyInbound = status.New(codes.Internal, "cardinality violation: received multiple messages where one belongs")
)

// init is called before the stream is shared.
func (in *inbound) init(window, maxMessageBytes int, assembly *assemblyBudget, grant func(int)) {
	in.ready.L = &in.mu
	in.complete.init()
	in.window = newRecvWindow(window)
	in.maxMessageBytes = maxMessageBytes
	in.assembly = assembly
	in.grant = grant
}

// deliver takes a chunk. The first result is what ends the call, the second, a *connError, what ends the connection.
func (in *inbound) deliver(payload []byte, flags frameFlags) (*status.Status, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	cost := dataCost(len(payload))
	if err := in.window.arrived(cost); err != nil {
		return nil, err
	}
	if in.err != nil {
		return nil, nil // the stream has ended; its connection credit has been returned
	}
	if in.ended {
		return nil, protocolError("DATA after the half-close")
	}
	if err := in.beginMessage(flags); err != nil {
		return nil, err
	}
	if in.maxMessages > 0 && in.count > in.maxMessages {
		return errTooManyInbound, nil
	}
	in.add(payload, cost)
	in.ended = flags&flagEndSend != 0
	in.advance()
	return nil, nil
}

func (in *inbound) beginMessage(flags frameFlags) error {
	if in.goesOn {
		if flags&flagCompressed != 0 {
			return protocolError("COMPRESSED within a message")
		}
	} else {
		in.last = inMessage{compressed: flags&flagCompressed != 0}
		if in.count++; in.count == 1 && in.onFirst != nil {
			in.onFirst()
		}
	}
	in.goesOn = flags&flagMore != 0
	return nil
}

// add appends a chunk to the last message, unless that is refused.
func (in *inbound) add(payload []byte, cost int) {
	if in.refused != nil {
		return
	}
	in.last.owed += cost
	if in.last.bytes+len(payload) > in.maxMessageBytes {
		in.refuse(errTooLarge(in.maxMessageBytes))
		return
	}
	if len(in.buf)+len(payload) > cap(in.buf) {
		in.grow(len(payload))
	}
	in.buf = append(in.buf, payload...)
	in.last.bytes += len(payload)
	if !in.goesOn {
		in.completeLast()
	}
}

// completeLast puts the last message to those that are complete. Its credit returns when it is taken. What that is besides its
// length, for empty chunks, holds no memory and may return before; what has returned already was the first message's.
func (in *inbound) completeLast() {
	in.complete.push(in.last.bytes, in.last.compressed)
	in.extra += in.last.owed - dataCost(in.last.bytes)
	in.last = inMessage{}
}

// grow makes room for n more bytes. What the receiver still has stays in the old buffer.
func (in *inbound) grow(n int) {
	box := getBuffer(len(in.buf) - in.off + n)
	larger := append((*box)[:0], in.buf[in.off:]...)
	in.freeBuffer()
	in.buf, in.box, in.off = larger, box, 0
}

// freeBuffer gives the buffer back, unless the receiver still has some of it.
func (in *inbound) freeBuffer() {
	if in.box != nil && !in.taken.Load() {
		putBuffer(in.box)
	}
	in.buf, in.box, in.off = nil, nil, 0
}

// refuse drops the last message, and all that follow. Their credit does not return: the call is about to end.
func (in *inbound) refuse(err error) {
	in.dropLast()
	in.refused = err
}

func (in *inbound) dropLast() {
	in.buf = in.buf[:len(in.buf)-in.last.bytes]
	in.last = inMessage{}
}

// advance wakes a waiting receive if it has something to return, or returns the credit of a message that goes on.
func (in *inbound) advance() {
	if !in.receiving {
		return
	}
	in.returnEarly()
	if in.isReady() {
		in.signal()
	}
}

// isReady reports whether a receive would not wait.
func (in *inbound) isReady() bool {
	return in.err != nil || !in.complete.empty() || in.refused != nil || in.ended
}

// returnEarly returns the credit of a message before it is complete, if it is the first. It may be refused.
func (in *inbound) returnEarly() {
	if !in.goesOn || in.isReady() {
		return
	}
	owed := in.last.owed
	in.held += owed
	if !in.assembly.take(owed) {
		in.refuse(errAssembly)
		return
	}
	in.last.owed = 0
	in.consumed(owed)
}

func (in *inbound) consumed(cost int) {
	if in.ended {
		return // the peer needs no more credit
	}
	if n := in.window.consumed(cost); n > 0 {
		in.grant(n)
	}
}

// receive waits for the next message. The bytes are valid until the next call or until release. The error is io.EOF after
// the half-close, a status error for a message that cannot be received, or what fail was called with. At most one goroutine
// calls receive.
func (in *inbound) receive() (data []byte, compressed bool, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.reclaim()
	for {
		if !in.receiving {
			in.returnEarly()
		}
		switch {
		case in.err != nil:
			return nil, false, in.err
		case !in.complete.empty():
			data, compressed = in.take()
			return data, compressed, nil
		case in.refused != nil:
			return nil, false, in.refused
		case in.ended:
			return nil, false, io.EOF
		}
		in.receiving = true
		in.ready.Wait()
	}
}

// await has f run, in a goroutine of its own, as soon as receive would not wait, now or later. Meanwhile it counts as a receive
// that waits; it takes its place, and receive is not called before.
func (in *inbound) await(f func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.reclaim()
	if in.off == len(in.buf) {
		in.freeBuffer() // it may take long
	}
	in.receiving = true
	in.returnEarly()
	in.waiting = f
	if in.isReady() {
		in.signal()
	}
}

// signal ends a wait.
func (in *inbound) signal() {
	if f := in.waiting; f != nil {
		in.waiting = nil
		go f() // its owner is the call, which f goes on with
		return
	}
	in.ready.Signal()
}

// take returns the first message, which is complete.
func (in *inbound) take() (data []byte, compressed bool) {
	in.receiving = false
	n, compressed := in.complete.pop()
	in.assembly.release(in.held)
	in.held = 0
	data = in.buf[in.off : in.off+n : in.off+n]
	in.off += n
	in.taken.Store(true)
	in.lent = cap(in.buf) > maxKeptBytes
	owed := dataCost(n) + in.extra
	in.extra = 0
	in.consumed(owed)
	return data, compressed
}

// release gives back the bytes of the last message, where they lie in memory that is not kept for the next one anyhow.
func (in *inbound) release() {
	in.taken.Store(false)
	if !in.lent {
		return
	}
	in.lent = false
	in.mu.Lock()
	defer in.mu.Unlock()
	in.reclaim()
}

// reclaim makes room in the buffer, and forgets the messages that were taken.
func (in *inbound) reclaim() {
	in.taken.Store(false)
	switch {
	case in.err != nil:
		in.drop()
	case in.off == len(in.buf) && cap(in.buf) > maxKeptBytes:
		in.freeBuffer()
	case in.off == len(in.buf):
		in.buf, in.off = in.buf[:0], 0
	case in.off > len(in.buf)/2:
		in.buf = in.buf[:copy(in.buf, in.buf[in.off:])]
		in.off = 0
	}
	in.complete.reclaim()
}

// end notes that the peer sends no more. What has arrived can still be received; a message that is incomplete is dropped,
// and reported.
func (in *inbound) end() (incomplete bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err != nil || in.ended {
		return false
	}
	in.ended = true
	if incomplete = in.goesOn; incomplete {
		in.dropLast()
		in.goesOn = false
	}
	in.signal()
	return incomplete
}

// fail drops what was not received: every further receive returns err. The first call counts.
func (in *inbound) fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err != nil {
		return
	}
	in.err = err
	in.assembly.release(in.held)
	in.held = 0
	if !in.taken.Load() {
		in.drop()
	}
	in.signal()
}

func (in *inbound) drop() {
	in.freeBuffer()
	in.complete, in.last = inMessages{}, inMessage{}
}
