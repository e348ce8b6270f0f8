package bridge

import (
	"encoding/binary"
	"sync"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxQueuedBytes is how much of its messages a stream keeps for the writer before it makes the sender wait, as grpc-go does.
const maxQueuedBytes = 64 << 10

// outItemBytes is what a message counts there beside its bytes: what it takes in memory, also if it is empty.
const outItemBytes = 64

// muxStream is a stream of a session, from OPEN to END or RESET. What arrives is in, what leaves is out. One goroutine may
// send while another receives.
type muxStream struct {
	session *session
	owner   streamOwner
	id      uint32 // guarded by session.mu until OPEN is written, then constant; 0: not open yet

	in  inbound
	out outbound
}

// outbound is the sending side of a stream: what waits for the writer, in order. Guarded by the session's mu.
type outbound struct {
	items  []outItem
	room   [4]outItem // where items begin: what a call with one message sends
	head   int        // the first in items
	bytes  int        // of messages in items, with outItemBytes for each
	sent   uint64     // bytes of messages that were given to the connection
	window sendWindow
	grant  int       // credit to be granted to the peer
	space  sync.Cond // bytes has fallen, or nothing more is sent

	queue *streamQueue // the line it stands in; nil: none
	next  *muxStream   // in that line

	last     bool // END is in items, or was written: nothing comes after it
	closed   bool // nothing more is written: END or RESET was, or the session has ended
	released bool // the owner is done with it
}

// outItem is a frame that waits, or a message, which may become many.
type outItem struct {
	kind  frameKind
	flags frameFlags
	data  []byte  // the payload, or what is left of the message; not modified
	box   *[]byte // as in payload
}

var errStreamReleased = status.Error(codes.Internal, "the call has ended")

// newStream makes a stream. It is not in the session's table yet: a server's is entered when its OPEN was read (enter), a
// client's when its OPEN is written.
func (s *session) newStream(owner streamOwner) *muxStream {
	st := &muxStream{session: s, owner: owner}
	st.in.init(int(s.config.settings.GetStreamWindowBytes()), s.config.maxRecvMsgSize, &s.assembly,
		func(n int) { s.grantStream(st, n) })
	st.out.items = st.out.room[:0]
	st.out.space.L = &s.mu
	return st
}

// enter puts a stream into the table, with the peer's credit.
func (s *session) enter(st *muxStream, id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enterLocked(st, id)
}

func (s *session) enterLocked(st *muxStream, id uint32) {
	st.id = id
	st.out.window = sendWindow{s.peer.streamWindow}
	s.streams[id] = st
	s.lastStream = id
}

// send queues a frame that needs no credit, behind what was sent before: OPEN, HEADERS, END_SEND or END. False if the stream
// has ended, or END is queued.
func (st *muxStream) send(kind frameKind, payload []byte) bool {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	return st.sendLocked(outItem{kind: kind, data: payload})
}

// sendMessage queues a message, which the writer frees, and returns once not too much waits before it. False if the stream has
// ended, or END is queued, also while it waits. The message must not change afterwards.
func (st *muxStream) sendMessage(message payload, flags frameFlags) bool {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	for st.out.bytes >= maxQueuedBytes && !st.out.closed && !st.out.last {
		st.out.space.Wait()
	}
	st.out.bytes += len(message.data) + outItemBytes
	return st.sendLocked(outItem{kind: kindData, flags: flags, data: message.data, box: message.box})
}

func (st *muxStream) sendLocked(item outItem) bool {
	if st.out.closed || st.out.last {
		return false
	}
	st.out.items = append(st.out.items, item)
	if item.kind == kindEnd {
		st.out.last = true
		st.out.space.Broadcast()
	}
	st.session.offerLocked(st)
	return true
}

// stop ends the stream without a frame: receives return err, and nothing more is written. False if it had ended.
func (st *muxStream) stop(err error) bool {
	st.session.mu.Lock()
	ends := st.stopLocked()
	st.session.mu.Unlock()
	if ends {
		st.in.fail(err)
	}
	return ends
}

func (st *muxStream) stopLocked() bool {
	if st.out.closed {
		return false
	}
	st.out.closed = true
	st.out.discard()
	st.out.space.Broadcast()
	st.session.forgetLocked(st)
	return true
}

// endNow replaces what was not written yet by END.
func (st *muxStream) endNow(payload []byte) bool {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	st.out.discard()
	if st.out.queue == &st.session.starved {
		st.session.starved.remove(st) // END needs no credit
	}
	return st.sendLocked(outItem{kind: kindEnd, data: payload})
}

// written returns how many bytes of messages were given to the connection.
func (st *muxStream) written() uint64 {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	return st.out.sent
}

// hasEnded reports whether nothing more is sent: END or RESET was written or read, or the session has ended.
func (st *muxStream) hasEnded() bool {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	return st.out.closed
}

// release says that the owner is done and receives nothing more: the stream no longer counts once it has ended.
func (st *muxStream) release() {
	st.uncount()
	st.in.fail(errStreamReleased)
}

// uncount says that the owner needs the stream for nothing but its end: from the moment END is written the stream no longer
// counts.
func (st *muxStream) uncount() {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	st.out.released = true
	st.session.forgetLocked(st)
}

// forgetLocked drops a stream from the table if it has ended and its owner is done with it.
func (s *session) forgetLocked(st *muxStream) {
	if !st.out.closed || !st.out.released || s.streams[st.id] != st {
		return
	}
	delete(s.streams, st.id)
	if len(s.streams) == 0 && s.closing != nil {
		s.wakeLocked()
	}
}

// canWrite reports whether the next item can be written as far as the stream is concerned.
func (o *outbound) canWrite() bool {
	return !o.closed && o.head < len(o.items) && (o.items[o.head].kind != kindData || o.window.available > 0)
}

// free lets the memory of a message that was written be used again.
func (i outItem) free() { payload{box: i.box}.free() }

// discard forgets what was not written.
func (o *outbound) discard() {
	clear(o.items)
	o.items, o.head, o.bytes = o.items[:0], 0, 0
}

func (o *outbound) pop() outItem {
	item := o.items[o.head]
	o.items[o.head] = outItem{}
	if o.head++; o.head == len(o.items) {
		o.items, o.head = o.items[:0], 0
	}
	return item
}

// nextOfLocked appends the stream's next frame to dst and puts the stream in line again. False if there is none now.
func (s *session) nextOfLocked(st *muxStream, dst []byte) ([]byte, bool) {
	o := &st.out
	if !o.canWrite() {
		return dst, false
	}
	if o.items[o.head].kind == kindData {
		if s.sendWindow.available <= 0 {
			s.starved.push(st)
			return dst, false
		}
		dst = s.appendChunkLocked(st, dst)
		s.offerLocked(st)
		return dst, true
	}
	item := o.pop()
	switch item.kind {
	case kindOpen:
		dst = s.appendOpenLocked(st, dst, item)
	default:
		dst = appendFrame(dst, muxFrame{kind: item.kind, flags: item.flags, stream: st.id, payload: item.data})
	}
	if item.kind == kindEnd {
		st.stopLocked()
		return dst, true
	}
	s.offerLocked(st)
	return dst, true
}

// appendChunkLocked appends as much of the stream's first message as the windows and the peer's chunk size let through. The
// caller has seen that both windows are open.
func (s *session) appendChunkLocked(st *muxStream, dst []byte) []byte {
	item := &st.out.items[st.out.head]
	n := min(len(item.data), s.peer.chunkBytes, st.out.window.available, s.sendWindow.available)
	f := muxFrame{kind: kindData, flags: item.flags, stream: st.id, payload: item.data[:n]}
	if n < len(item.data) {
		s.spendLocked(st, n, 0)
		f.flags = f.flags&^flagEndSend | flagMore
		item.data = item.data[n:]
		item.flags &^= flagCompressed
		return appendFrame(dst, f)
	}
	s.spendLocked(st, n, outItemBytes)
	message := st.out.pop()
	f.flags |= s.takeEndSendLocked(st)
	dst = appendFrame(dst, f)
	message.free()
	return dst
}

// spendLocked takes what a DATA frame costs and lets a waiting sender go on. besides is what goes from the queue with the payload.
func (s *session) spendLocked(st *muxStream, payloadBytes, besides int) {
	st.out.window.take(dataCost(payloadBytes))
	s.sendWindow.take(dataCost(payloadBytes))
	before := st.out.bytes
	st.out.bytes -= payloadBytes + besides
	st.out.sent += uint64(payloadBytes)
	if before >= maxQueuedBytes && st.out.bytes < maxQueuedBytes {
		st.out.space.Broadcast()
	}
}

// takeEndSendLocked makes a flag of an END_SEND that comes next.
func (s *session) takeEndSendLocked(st *muxStream) frameFlags {
	o := &st.out
	if o.head == len(o.items) || o.items[o.head].kind != kindEndSend {
		return 0
	}
	o.pop()
	return flagEndSend
}

// appendOpenLocked opens a client's stream: it gets its number now, so that numbers are in the order of OPEN frames. A short
// message that comes next travels inside.
func (s *session) appendOpenLocked(st *muxStream, dst []byte, open outItem) []byte {
	s.enterLocked(st, s.lastStream+2-(s.lastStream+1)%2)
	flags := open.flags
	o := &st.out
	if o.head == len(o.items) || o.items[o.head].kind != kindData || !s.fitsInlineLocked(st, o.items[o.head].data) {
		flags |= s.takeEndSendLocked(st)
		return appendFrame(dst, muxFrame{kind: kindOpen, flags: flags, stream: st.id, payload: open.data})
	}
	message := o.pop()
	s.spendLocked(st, len(message.data), outItemBytes)
	flags |= flagInline | message.flags | s.takeEndSendLocked(st)
	dst = appendFrame(dst, muxFrame{kind: kindOpen, flags: flags, stream: st.id})
	dst = appendInlineOpen(dst, open.data, message.data)
	message.free()
	return dst
}

func (s *session) fitsInlineLocked(st *muxStream, message []byte) bool {
	return len(message) <= min(s.peer.chunkBytes, st.out.window.available) && dataCost(len(message)) <= s.sendWindow.available
}

// streamQueue is a line of streams. A stream is in at most one.
type streamQueue struct{ first, last *muxStream }

func (q *streamQueue) push(st *muxStream) {
	st.out.queue, st.out.next = q, nil
	if q.first == nil {
		q.first = st
	} else {
		q.last.out.next = st
	}
	q.last = st
}

// pop returns nil when nobody is in line.
func (q *streamQueue) pop() *muxStream {
	st := q.first
	if st == nil {
		return nil
	}
	q.first = st.out.next
	st.out.queue, st.out.next = nil, nil
	return st
}

func (q *streamQueue) remove(st *muxStream) {
	var before *muxStream
	for other := q.first; other != st; other = other.out.next {
		before = other
	}
	if before == nil {
		q.first = st.out.next
	} else {
		before.out.next = st.out.next
	}
	if q.last == st {
		q.last = before
	}
	st.out.queue, st.out.next = nil, nil
}

func appendWindow(dst []byte, stream uint32, n int) []byte {
	dst = appendFrame(dst, muxFrame{kind: kindWindow, stream: stream})
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

// resetError is what the calls of a stream return after RESET.
func resetError(reset *bridgev1.Reset) error {
	code := codes.Code(reset.GetCode())
	if code == codes.OK {
		code = codes.Unknown // a call that was reset is never OK
	}
	return status.Error(code, reset.GetMessage())
}
