package bridge

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"sync"
	"time"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// muxCall is a call on a stream of a multiplexed connection: the [wire] of that call, and the owner of its stream. The
// service's handler runs in a goroutine of its own.
type muxCall struct {
	server      *muxServer
	stream      *muxStream
	call        serverStream
	context     callContext
	unknown     string // why there is no method
	compression *compression
	cancel      context.CancelFunc
	release     func()        // the stream's in.release
	received    int           // bytes of the last message as it came; the receiving goroutine's
	sent        int           // bytes of the last message as it went; the sending goroutine's
	start       time.Time     // when OPEN came
	timeout     time.Duration // -1: none
	stopTimeout func()        // nil: there is none
	goOn        func()        // goOnDetached, bound once; nil: the handler has never detached

	ending sync.Once
	status *status.Status // what the call ended with; written within ending
}

func newMuxCall(m *muxServer, open *bridgev1.Open) *muxCall {
	c := &muxCall{server: m, start: time.Now(), timeout: -1}
	c.stream = m.session.newStream(c)
	c.release = c.stream.in.release
	config := &m.handler.config
	c.call = serverStream{wire: c, maxSendMsgSize: config.maxSendMsgSize, mayDetach: config.detachedCalls}
	if open.TimeoutNs != nil {
		c.timeout = time.Duration(min(open.GetTimeoutNs(), math.MaxInt64))
	}
	ctx, cancel := context.WithCancel(m.ctx)
	c.call.ctx, c.cancel = ctx, cancel
	c.call.method, c.unknown = m.handler.lookup(open.GetMethod())
	if method := c.call.method; method != nil && method.resolve == nil && !method.clientStreams() {
		c.stream.in.maxMessages = 1
	}
	return c
}

// begin runs the service's handler, if there is one for what OPEN asks for.
func (c *muxCall) begin(open *bridgev1.Open) {
	c.server.begun++
	ctx, refusal := c.prepare(open)
	if refusal != nil {
		c.stream.uncount()
		c.end(refusal)
		return
	}
	// Owner: the connection. Ends when the service's handler has returned, or has detached, and then others go on with it.
	// muxServer.serve waits until the call has ended.
	c.server.calls.Add(1)
	go c.serve(ctx)
}

// prepare makes of an OPEN what the service needs, or says what is wrong with it.
func (c *muxCall) prepare(open *bridgev1.Open) (context.Context, *status.Status) {
	h := c.server.handler
	if c.call.method == nil {
		return nil, status.New(codes.Unimplemented, c.unknown)
	}
	codecName := open.GetCodec()
	if codecName == "" {
		codecName = "proto"
	}
	var ok bool
	if c.call.codec, ok = codecRegistered(codecName); !ok {
		return nil, status.Newf(codes.Unimplemented, "unknown codec %q", cut(codecName, 64))
	}
	if c.compression, ok = compressionNamed(open.GetEncoding()); !ok {
		return nil, status.Newf(codes.Unimplemented, "unknown encoding %q", cut(open.GetEncoding(), 64))
	}
	opened, err := metadataFromEntries(open.GetMetadata(), h.config.maxMetadataBytes)
	if err != nil {
		return nil, status.Convert(err)
	}
	if c.timeout == 0 {
		return nil, status.FromContextError(context.DeadlineExceeded)
	}
	return c.newContext(opened), nil
}

func (c *muxCall) newContext(opened metadata.MD) context.Context {
	md := c.server.callMetadata(opened)
	md["content-type"] = []string{c.call.codec.contentType()}
	c.context = callContext{c.call.ctx, c.server.peer, &c.call, flatten(md)}
	return &c.context
}

// serve runs the service's handler until it returns or detaches.
func (c *muxCall) serve(ctx context.Context) {
	if c.timeout >= 0 {
		timed, cancelTimeout := context.WithDeadline(ctx, c.start.Add(c.timeout))
		ctx = timed
		stop := abandonAtDeadline(ctx, c)
		c.stopTimeout = func() { stop(); cancelTimeout() }
	}
	c.call.ctx = ctx
	if c.runs(c.server.handler.invoke) {
		c.goOn = c.goOnDetached
		c.wait()
	}
}

// goOnDetached has the handler of a detached call go on: there is something to receive. It is the main function of a goroutine.
func (c *muxCall) goOnDetached() {
	if c.runs(c.server.handler.resume) {
		c.wait()
	}
}

// wait leaves a detached call to whoever delivers to its stream. No goroutine waits.
func (c *muxCall) wait() { c.stream.in.await(c.goOn) }

// canDetach implements [detachable].
func (c *muxCall) canDetach() bool { return true }

// runs has a part of the service's handler run. When that was the last it ends the call and returns false.
func (c *muxCall) runs(part func(*serverStream) (st *status.Status, ended bool)) (goesOn bool) {
	defer func() { // also when the handler ends its goroutine
		if !goesOn {
			c.finish()
		}
	}()
	st, ended := part(&c.call)
	if !ended {
		return true
	}
	c.stream.uncount() // before END: who has read that may open another call
	if err := c.call.ctx.Err(); errors.Is(err, context.DeadlineExceeded) {
		c.abandon(status.FromContextError(err)) // the handler saw it first; END must not wait for credit
	}
	c.end(st)
	return false
}

func (c *muxCall) finish() {
	defer c.server.calls.Done()
	if c.stopTimeout != nil {
		c.stopTimeout()
	}
	c.logEnd()
}

func (c *muxCall) logEnd() {
	logger := c.server.handler.config.logger
	if !logger.Enabled(c.server.ctx, slog.LevelDebug) {
		return
	}
	logger.Debug("bridge: call ended", "method", c.call.method.fullName,
		"code", c.status.Code().String(), "peer", c.server.peer.Addr.String(), "duration", time.Since(c.start))
}

// recv implements [wire].
func (c *muxCall) recv() ([]byte, func(), error) {
	data, compressed, err := c.stream.in.receive()
	switch {
	case err == io.EOF:
		return nil, nil, err
	case err != nil && c.stream.hasEnded():
		return nil, nil, c.callError()
	case err == errInterrupted:
		return nil, nil, err
	case err != nil:
		c.end(status.Convert(err)) // a message that cannot be received
		return nil, nil, err
	}
	c.received = len(data)
	if !compressed {
		return data, c.release, nil
	}
	defer c.release()
	budget := &c.server.session.assembly
	if data, err = c.compression.decompressWithin(data, c.server.handler.config.maxRecvMsgSize, budget); err != nil {
		c.end(status.Convert(err))
		return nil, nil, err
	}
	return data, func() { budget.release(len(data)) }, nil
}

// interrupt implements [interruptible].
func (c *muxCall) interrupt() { c.stream.in.fail(errInterrupted) }

// send implements [wire].
func (c *muxCall) send(message payload) error {
	message, flags, err := c.compression.outgoing(message)
	if err != nil {
		c.end(status.Newf(codes.Internal, "error while compressing: %v", err))
		return c.callError()
	}
	c.sent = len(message.data)
	if !c.stream.sendMessage(message, flags) {
		return c.callError()
	}
	return nil
}

// connSent implements [sentCounter].
func (c *muxCall) connSent() uint64 { return c.stream.written() }

// receivedBytes and sentBytes implement [wireSizes].
func (c *muxCall) receivedBytes() int { return c.received }
func (c *muxCall) sentBytes() int     { return c.sent }

// encoding is the name of the compression that the client has chosen for this call; empty: none.
func (c *muxCall) encoding() string {
	if c.compression == nil {
		return ""
	}
	return c.compression.Name()
}

// sendHeader implements [wire].
func (c *muxCall) sendHeader(md metadata.MD) error {
	payload, fits := c.headersPayload(md)
	if !fits {
		c.end(errLargeHeaders)
		return errLargeHeaders.Err()
	}
	if !c.stream.send(kindHeaders, payload) {
		return c.callError()
	}
	return nil
}

var errLargeHeaders = status.New(codes.ResourceExhausted, "the headers are larger than the client takes")

// headersPayload is the payload of HEADERS; fits is false if the client does not take so much.
func (c *muxCall) headersPayload(md metadata.MD) (payload []byte, fits bool) {
	if len(md) == 0 {
		return nil, true
	}
	entries, size := metadataToEntries(md)
	if size > min(c.server.session.peerSettings().metadataBytes, maxControlBytes/2) {
		return nil, false
	}
	return marshalControl(&bridgev1.Headers{Metadata: entries}), true
}

// end implements [wire]. In order: what was sent before, headers that were set and never sent, END. Headers that are too large are
// left out beside an error, as trailers are.
func (c *muxCall) end(st *status.Status) {
	c.ending.Do(func() {
		header, _ := c.call.takeEnd()
		headers, fit := c.headersPayload(header)
		if !fit && st.Code() == codes.OK {
			st = errLargeHeaders
		}
		end := c.stop(st)
		if fit && len(header) > 0 {
			c.stream.send(kindHeaders, headers)
		}
		c.stream.send(kindEnd, end)
	})
}

// abandon is end for a call whose handler may still be sending: END takes the place of what waits to be written.
func (c *muxCall) abandon(st *status.Status) {
	c.ending.Do(func() { c.stream.endNow(c.stop(st)) })
}

// stop ends the call for its handler, and returns the payload of END.
func (c *muxCall) stop(st *status.Status) []byte {
	c.status = st
	c.cancel()
	c.stream.in.fail(errCallEnded)
	return endPayload(st, c.call.trailers(), c.server.session.peerSettings().metadataBytes)
}

var errCallEnded = status.Error(codes.Canceled, "the call has ended")

// callError is the error of a call whose stream has ended, for its service. That sees its context ended too: whoever ends a
// stream has cancelled the call before, or is about to.
func (c *muxCall) callError() error {
	<-c.call.ctx.Done()
	return status.FromContextError(c.call.ctx.Err()).Err()
}

// wasReset implements [streamOwner].
func (c *muxCall) wasReset(reset *bridgev1.Reset) error {
	c.lose(status.New(codes.Canceled, reset.GetMessage()))
	return c.server.countReset()
}

// wasLost implements [streamOwner].
func (c *muxCall) wasLost(err error) {
	if c.stream.stop(err) {
		c.lose(status.New(codes.Canceled, err.Error()))
	}
}

// wasBroken implements [streamOwner].
func (c *muxCall) wasBroken(err error) { c.abandon(status.Convert(err)) }

// lose ends the call without telling the client, who knows or is gone.
func (c *muxCall) lose(st *status.Status) {
	c.ending.Do(func() {
		c.status = st
		c.cancel()
	})
}
