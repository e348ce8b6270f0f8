package bridge

import (
	"io"
	"sync"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// attempt is a call on one link, and the owner of its stream. A call has more than one only where the server did not begin the
// ones before.
type attempt struct {
	call   *clientCall
	link   *link
	stream *muxStream
	open   []byte // the payload of OPEN while that is not sent; the sending goroutine's

	done chan struct{} // closed when the attempt has ended
	head chan struct{} // closed when headers came, or the attempt has ended without

	mu      sync.Mutex  // guards what follows
	header  metadata.MD // set before head is closed, then constant; nil: none came
	headed  bool        // head is closed
	isEnded bool
	outcome outcome // set before done is closed, then constant
}

// outcome is how an attempt ended.
type outcome struct {
	status      *status.Status
	trailer     metadata.MD
	unprocessed bool // the server surely has not begun the call
}

// newAttempt is entered into the link; nil if that takes no more calls. Room on the link was reserved by pick.
func newAttempt(c *clientCall, l *link, open []byte) *attempt {
	a := &attempt{call: c, link: l, open: open, done: make(chan struct{}), head: make(chan struct{})}
	a.stream = l.session.newStream(a)
	a.stream.in.maxMessageBytes = c.info.maxRecvBytes
	a.stream.in.onFirst = a.answered
	if !l.enter(a) {
		l.leave(a)
		return nil
	}
	if c.desc.ClientStreams {
		a.sendOpen() // the server may be the one to speak first
	}
	return a
}

func (a *attempt) sendOpen() {
	a.stream.send(kindOpen, a.open)
	a.open = nil
}

// send sends a message; false if the attempt has ended. It waits while much is queued. In a call with one message the OPEN, the
// message and the half-close travel together.
func (a *attempt) send(m sentMessage) bool {
	if a.call.desc.ClientStreams {
		return a.stream.sendMessage(m.payload, m.flags)
	}
	open := a.open
	a.open = nil
	return a.stream.sendWhole(open, m)
}

// sendWhole opens a stream with the only message it will send.
func (st *muxStream) sendWhole(open []byte, m sentMessage) bool {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	st.out.bytes += len(m.data)
	st.sendLocked(outItem{kind: kindOpen, data: open})
	st.sendLocked(outItem{kind: kindData, flags: m.flags, data: m.data, box: m.box})
	return st.sendLocked(outItem{kind: kindEndSend})
}

func (a *attempt) closeSend() {
	if a.open != nil {
		a.sendOpen()
	}
	a.stream.send(kindEndSend, nil)
}

// number is the stream's; 0 while its OPEN was not written.
func (st *muxStream) number() uint32 {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	return st.id
}

// headers takes a HEADERS frame.
func (a *attempt) headers(f muxFrame) error {
	payload := new(bridgev1.Headers)
	if err := f.decode(payload); err != nil {
		return err
	}
	md := metadataFromServer(payload.GetMetadata())
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.isEnded {
		return nil
	}
	if a.headed {
		return protocolError("HEADERS twice, or after DATA")
	}
	a.headLocked(md)
	return nil
}

// answered is called at the first DATA: there will be no HEADERS.
func (a *attempt) answered() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.headed {
		a.headLocked(metadata.MD{})
	}
}

func (a *attempt) headLocked(md metadata.MD) {
	a.header, a.headed = md, true
	close(a.head)
}

// ended takes an END frame. What came before it can still be received.
func (a *attempt) ended(f muxFrame) error {
	payload := new(bridgev1.End)
	if err := f.decode(payload); err != nil {
		return err
	}
	o := outcome{status: status.FromProto(payload.GetStatus()), trailer: metadataFromServer(payload.GetMetadata())}
	a.stream.stopSending() // and what has arrived can be received
	if a.stream.in.end() && o.status.Code() == codes.OK {
		o.status = status.New(codes.Internal, "the server ended the call within a message")
	}
	a.end(o)
	return nil
}

// stopSending ends the stream's other half; false if it had ended.
func (st *muxStream) stopSending() bool {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	return st.stopLocked()
}

// forget takes an ended stream out of the session's table.
func (st *muxStream) forget() {
	st.session.mu.Lock()
	defer st.session.mu.Unlock()
	st.out.released = true
	st.session.forgetLocked(st)
}

// end notes how the attempt ended; the first end counts. The stream has ended.
func (a *attempt) end(o outcome) {
	a.mu.Lock()
	if a.isEnded {
		a.mu.Unlock()
		return
	}
	a.isEnded, a.outcome = true, o
	if !a.headed {
		a.headLocked(nil)
	}
	a.mu.Unlock()
	a.stream.forget()
	a.link.leave(a)
	close(a.done)
}

// abort ends the attempt with st unless it has ended, and tells the server. It returns when the attempt has ended.
func (a *attempt) abort(st *status.Status) {
	if a.stream.cancel(st) {
		a.end(outcome{status: st})
	}
	<-a.done // whoever has ended the stream is about to end the attempt
}

// cancel ends the stream with RESET, if it was opened; false if it had ended.
func (st *muxStream) cancel(why *status.Status) bool {
	st.session.mu.Lock()
	ends := st.stopLocked()
	if ends && st.id != 0 {
		code := codes.Canceled // whatever the cause, the server cannot tell it from a client that gave up
		if why.Code() == codes.DeadlineExceeded {
			code = why.Code()
		}
		st.session.sendControlLocked(muxFrame{kind: kindReset, stream: st.id, payload: marshalControl(&bridgev1.Reset{Code: int32(code)})})
	}
	st.session.mu.Unlock()
	if ends {
		st.in.fail(why.Err())
	}
	return ends
}

// receive waits for a message, which is valid until the next call. The error is io.EOF when the attempt has ended and its outcome
// says how, or a status error for a message that cannot be received.
func (a *attempt) receive() (data []byte, compressed bool, err error) {
	data, compressed, err = a.stream.in.receive()
	if err == nil {
		return data, compressed, nil
	}
	if err != io.EOF && a.stream.cancel(status.Convert(err)) {
		a.end(outcome{status: status.Convert(err)})
		return nil, false, io.EOF
	}
	<-a.done // at the server's half-close its status is still to come, or the call's context ends
	if err == io.EOF || a.stream.in.hasFailed() {
		return nil, false, io.EOF
	}
	return nil, false, err // the server had ended the call before we saw the message
}

// hasFailed reports whether fail was called.
func (in *inbound) hasFailed() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err != nil
}

// wasReset implements [streamOwner].
func (a *attempt) wasReset(reset *bridgev1.Reset) error {
	a.end(outcome{status: status.Convert(resetError(reset)), unprocessed: reset.GetNotProcessed()})
	return nil
}

// wasLost implements [streamOwner]. What came before can still be received, as grpc-go has it: a reader that is always a little
// behind a bad network would otherwise never get anything.
func (a *attempt) wasLost(err error) {
	if !a.stream.stopSending() {
		return
	}
	a.stream.in.end()
	a.link.retire(err)
	a.end(outcome{status: lostStatus(err)})
}

// wasBroken implements [streamOwner].
func (a *attempt) wasBroken(err error) {
	if a.stream.cancel(status.Convert(err)) {
		a.end(outcome{status: status.Convert(err)})
	}
}

// metadataFromServer is the metadata that a server sent.
func metadataFromServer(entries []*bridgev1.Metadatum) metadata.MD {
	md := make(metadata.MD, len(entries))
	for _, entry := range entries {
		value := entry.GetText()
		if binary, ok := entry.GetValue().(*bridgev1.Metadatum_Binary); ok {
			value = string(binary.Binary)
		}
		md[entry.GetKey()] = append(md[entry.GetKey()], value)
	}
	return md
}
