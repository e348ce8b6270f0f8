package bridge

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// plainCall is a socket in plain mode and the one call it carries: the [wire] of that call.
//
// Its goroutine is the call's: it runs the service's handler, and a handler that waits in RecvMsg reads the socket there, so
// an idle call is one goroutine, and one with a small stack if the handler detaches (plain_detached.go). Only when nobody reads
// does a watcher take the reader's turn (plain_recv.go).
//
// Locks: recvMu, then ending, then the socket's writeMu. recvMu is held while the socket is read and writeMu while it is
// written, on purpose: they are turns. Both waits end, for each read and write of an ending call is bounded.
type plainCall struct {
	handler *Handler
	path    string // of the method
	sock    serverSocket
	peer    peer.Peer
	stream  serverStream
	context callContext
	cancel  context.CancelFunc // of the call's context and all that comes from it

	request       *plainRequest // nil once the call is open
	framing       framing       // nil: plain mode's own
	maxFrameBytes int           // of a frame of the client's

	heartbeat heartbeat

	start       int64  // in Unix nanoseconds, for the log
	stopTimeout func() // nil: there is none

	ending sync.Once
	status *status.Status // what the call ended with, for the log; written within ending

	watcher sync.WaitGroup
	recvMu  sync.Mutex   // the reader's turn
	pending *frame       // guarded by recvMu: read, but not received yet
	readErr error        // guarded by recvMu: what the socket's last read returned; final
	input   atomic.Int32 // how far the client is: inputOpen and so on; written with recvMu
	wanted  atomic.Bool  // the call's goroutine waits for the reader's turn

	interrupted atomic.Bool // nothing is read any more, and that is no fault of the socket
	controls    bool        // the client speaks SubprotocolPlain
	begun       bool        // guarded by handler.mu: the service's handler runs
}

// newPlainCall makes a call whose socket is not open yet: connected follows when it is.
func newPlainCall(h *Handler, request plainRequest) *plainCall {
	if m, _ := h.lookup(request.path); m != nil {
		request.path = m.fullName // the same, without the HTTP request's memory around it
	}
	c := &plainCall{handler: h, path: request.path, controls: request.offer.plain, request: &request}
	c.stream = serverStream{wire: c, codec: request.codec, maxSendMsgSize: h.config.maxSendMsgSize, mayDetach: h.config.detachedCalls}
	c.maxFrameBytes = h.config.maxRecvMsgSize
	if request.offer.improbable {
		newImprobableCall(c)
	}
	return c
}

func (c *plainCall) connected(r *http.Request) {
	c.peer = peerOf(&c.sock.socket, r)
	// Nothing of the HTTP request's context: it ends with ServeHTTP, and its values belong to the server that took it.
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	if stats := c.handler.stats; stats != nil {
		ctx = stats.beginConn(ctx, &c.peer)
	}
	c.context = callContext{Context: ctx, peer: &c.peer, stream: &c.stream}
	c.stream.ctx = &c.context
}

// framing is how one call lies in the frames of its socket, where that is not plain mode's way.
type framing interface {
	// readOpening reads what comes before the first message. The caller has the reader's turn.
	readOpening() (opening, bool)
	// acceptLate handles a frame after the half-close.
	acceptLate(frame) error
	// writeEnd writes what ends the call. header is what was set and never sent.
	writeEnd(st *status.Status, header, trailer metadata.MD) error
}

// serve is the life of the socket, in a goroutine of its own; if the handler detaches, it goes on in others. At the end the
// handler has returned, the watcher has ended, the socket is closed, and Drain no longer waits for it.
func (c *plainCall) serve() {
	if c.runs(c.begin) {
		go c.attend() // where it goes on
	}
}

// begin is the call up to where its handler returns or detaches.
func (c *plainCall) begin() (st *status.Status, ended bool) {
	c.start = time.Now().UnixNano()
	if !c.handler.track(c) {
		return errDraining, true
	}
	opened, ok := c.open()
	if !ok {
		return c.status, true
	}
	if !c.handler.begin(c) {
		return errDraining, true
	}
	c.takeMetadata(opened.metadata)
	c.request = nil
	if opened.timeout > 0 {
		var cancelTimeout context.CancelFunc
		c.stream.ctx, cancelTimeout = context.WithTimeout(&c.context, opened.timeout)
		stop := abandonAtDeadline(c.stream.ctx, c)
		c.stopTimeout = func() { stop(); cancelTimeout() }
	}
	c.heartbeat.start(c)
	return c.handler.invoke(&c.stream)
}

// runs has a part of the call run. When that was the last it ends the call and cleans up, and returns false.
func (c *plainCall) runs(part func() (st *status.Status, ended bool)) (goesOn bool) {
	defer func() { // also when the handler ends its goroutine
		if !goesOn {
			c.finish()
		}
	}()
	st, ended := part()
	if ended {
		c.end(st)
	}
	return !ended
}

// end implements [wire]. In order: headers that were set and never sent, the status with the trailers, the close frame.
func (c *plainCall) end(st *status.Status) {
	c.ending.Do(func() { c.endWith(st) })
}

// abandon is end for a call whose handler may still be sending: what is being written has to give way soon, also where the
// call is ending already and waits for it.
func (c *plainCall) abandon(st *status.Status) {
	c.sock.conn.cutOff(closeTimeout)
	c.end(st)
}

func (c *plainCall) endWith(st *status.Status) {
	c.status = st
	c.cancel()
	header, trailer := c.stream.takeEnd()
	if c.framing != nil {
		c.wroteLast(c.framing.writeEnd(st, header, trailer))
		return
	}
	var last []byte
	if c.controls {
		if len(header) > 0 {
			c.sock.write(websocket.TextMessage, headersFrame(header))
		}
		last = endFrame(st, trailer, c.stream.detailTypes(st))
	}
	c.wroteLast(c.sock.writeLast(last, CloseCodeOf(st.Code()), st.Message()))
}

// waits implements [openCall].
func (c *plainCall) waits() bool { return !c.begun }

// breach ends the socket because the client broke the protocol. The service sees a cancelled call.
func (c *plainCall) breach(err *connError) {
	c.ending.Do(func() {
		c.status = status.New(codes.Canceled, err.reason)
		c.cancel()
		c.sock.conn.cutOff(closeTimeout)
		c.wroteLast(c.sock.writeLast(nil, err.code, err.reason))
	})
}

// wroteLast starts the time the peer has for its own close frame.
func (c *plainCall) wroteLast(err error) {
	if errors.Is(err, errStalled) {
		c.handler.stalled(c.path, &c.peer, err)
	}
	c.sock.closing()
}

// lost ends the call because the peer closed the socket or is gone. The service sees a cancelled call.
func (c *plainCall) lost(reason error) {
	c.ending.Do(func() {
		c.status = status.New(codes.Canceled, reason.Error())
		c.cancel()
		var closed *websocket.CloseError
		if errors.As(reason, &closed) && closed.Code != websocket.CloseAbnormalClosure {
			c.sock.answerClose(closed)
		}
		c.sock.closing()
	})
}

// finish closes the socket once the call has ended, and waits for whoever else reads it.
func (c *plainCall) finish() {
	defer c.handler.leave()
	c.heartbeat.stop()
	if c.stopTimeout != nil {
		c.stopTimeout()
	}
	c.recvMu.Lock()
	if c.pending != nil {
		c.pending.free()
		c.pending = nil
	}
	c.sock.shutdown(c.readErr)
	c.readErr = net.ErrClosed
	c.recvMu.Unlock()
	c.watcher.Wait()
	c.handler.untrack(c)
	if stats := c.handler.stats; stats != nil {
		stats.endConn(c.context.Context)
	}
	c.handler.config.logger.Debug("bridge: call ended", "method", c.path, "code", c.status.Code().String(),
		"peer", c.peer.Addr.String(), "duration", time.Since(time.Unix(0, c.start)))
}
