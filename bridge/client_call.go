package bridge

import (
	"context"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// maxAttempts is how often a call is tried that servers do not begin, as grpc-go's default for WithMaxCallAttempts.
const maxAttempts = 5

// clientCall is a call as the program sees it: a [grpc.ClientStream] for every kind of call. As with grpc-go one goroutine may
// send while another receives.
type clientCall struct {
	cc          *ClientConn
	parent      context.Context // the program's; a field because the call may have to connect again
	desc        *grpc.StreamDesc
	method      string
	info        callInfo
	compression *compression
	watching    sync.Mutex  // guards the next two: what they wait for may come before begin has them
	stopWatch   func() bool // stops waiting for parent's end
	stopClose   func() bool // stops waiting for the ClientConn's end

	sentLast  bool                    // the half-close was sent; used by the sending goroutine only
	received  bool                    // a message was received; used by the receiving goroutine only
	replaying sync.Mutex              // held by who sends, and while another attempt is given what was sent, which may wait
	attempt   atomic.Pointer[attempt] // the current one; replaced with replaying held

	// Guarded by replaying.
	tries      int
	closedSend bool
	refusal    error // why there was no further attempt

	keeping     sync.Mutex // guards what follows: what another attempt has to send again; after replaying
	sent        []sentMessage
	sentBytes   int
	irrevocable bool // too much was sent to be kept, or the server has begun to answer

	finishing sync.Once
	finished  atomic.Bool     // finish was called
	finishErr error           // what with; set before finished
	ctx       context.Context // the stream's: ends with the call
	cancel    context.CancelFunc
}

// sentMessage is a message as it travels.
type sentMessage struct {
	payload
	flags frameFlags
}

var _ grpc.ClientStream = (*clientCall)(nil)

var unaryDesc = grpc.StreamDesc{}

// Invoke makes a unary call and returns when it has ended; all errors are status errors. It implements
// [grpc.ClientConnInterface].
func (cc *ClientConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	call, err := cc.newCall(ctx, &unaryDesc, method, opts)
	if err != nil {
		return err
	}
	if err := call.SendMsg(args); err != nil {
		return err
	}
	return call.RecvMsg(reply)
}

// NewStream begins a call. ctx is its lifetime. To release what it holds, as with grpc-go: receive until an error, cancel ctx,
// or close the ClientConn. It implements [grpc.ClientConnInterface].
func (cc *ClientConn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	call, err := cc.newCall(ctx, desc, method, opts)
	if err != nil {
		return nil, err
	}
	return call, nil
}

func (cc *ClientConn) newCall(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts []grpc.CallOption,
) (*clientCall, error) {
	info, err := newCallInfo(cc.config.callOptions, opts)
	c := &clientCall{cc: cc, parent: ctx, desc: desc, method: method, info: info}
	if err == nil {
		err = c.begin()
	}
	if err != nil {
		for _, onFinish := range info.onFinish {
			onFinish(err)
		}
		return nil, err
	}
	return c, nil
}

// begin makes the first attempt. The error is a status.
func (c *clientCall) begin() error {
	if err := c.info.settle(c.cc.target.Host); err != nil {
		return err
	}
	var ok bool
	if c.compression, ok = compressionNamed(c.info.compressor); !ok {
		return status.Errorf(codes.Internal, "compressor %q is not registered", c.info.compressor)
	}
	if md, ok := metadata.FromOutgoingContext(c.parent); ok {
		if err := validateOutgoing(md); err != nil {
			return err
		}
	}
	first, err := c.try()
	if err != nil {
		return err
	}
	c.attempt.Store(first)
	c.ctx, c.cancel = context.WithCancel(peer.NewContext(c.parent, first.link.peer))
	// Owner: the call, which stops both when it finishes. What they do takes no time.
	c.watching.Lock()
	defer c.watching.Unlock()
	c.stopClose = func() bool { return true }
	if c.desc != &unaryDesc {
		c.stopClose = context.AfterFunc(c.cc.ctx, func() { c.finish(errClientClosing) })
	}
	c.stopWatch = context.AfterFunc(c.parent, func() { c.finish(status.FromContextError(c.parent.Err()).Err()) })
	return nil
}

// try makes an attempt on a link that takes it. The error is a status.
func (c *clientCall) try() (*attempt, error) {
	for {
		l, err := c.cc.pick(c.parent, c.info.waitForReady)
		if err != nil {
			return nil, err
		}
		open, err := c.openPayload(l)
		if err != nil {
			l.leave(nil)
			return nil, err
		}
		if a := newAttempt(c, l, open); a != nil {
			return a, nil
		}
	}
}

// again replaces an attempt that ended before the server began it, and sends again what was sent. False if that cannot be: the
// call ends with how the attempt did. Somebody else may have replaced it already.
func (c *clientCall) again(failed *attempt) bool {
	if !failed.outcome.unprocessed {
		return false
	}
	c.replaying.Lock()
	defer c.replaying.Unlock()
	if c.attempt.Load() != failed {
		return true
	}
	if c.tries++; c.tries >= maxAttempts {
		return false
	}
	sent, ok := c.kept()
	if !ok || !c.pause() {
		return false
	}
	next, err := c.try()
	if err != nil {
		c.refusal = err
		return false
	}
	c.attempt.Store(next) // before sends that may wait: who receives goes on with it, and finish ends it
	if c.finished.Load() {
		next.abort(errCallFinished) // finish has seen the attempt before
	}
	for _, m := range sent {
		next.send(m)
	}
	if c.closedSend {
		next.closeSend()
	}
	return true
}

// kept is what another attempt has to send; false if there can be none.
func (c *clientCall) kept() ([]sentMessage, bool) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	return c.sent, !c.irrevocable
}

var errCallFinished = status.New(codes.Canceled, "the call has ended")

// result is the error of a call whose last attempt was a.
func (c *clientCall) result(a *attempt) error {
	c.replaying.Lock()
	defer c.replaying.Unlock()
	if c.refusal != nil {
		return c.refusal
	}
	return a.outcome.status.Err()
}

// pause waits a little before all repetitions but the first; false if the call's context has ended.
func (c *clientCall) pause() bool {
	if c.tries == 1 {
		return c.parent.Err() == nil
	}
	timer := time.NewTimer(rand.N(10 * time.Millisecond << c.tries))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.parent.Done():
		return false
	}
}

// keep remembers a message for another attempt.
func (c *clientCall) keep(m sentMessage) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if c.irrevocable {
		return
	}
	if c.sentBytes += len(m.data); c.sentBytes > c.info.maxReplayBytes {
		c.irrevocable, c.sent = true, nil
		return
	}
	c.sent = append(c.sent, m)
}

// commit forgets what was sent: the server has begun the call.
func (c *clientCall) commit() {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	c.irrevocable, c.sent = true, nil
}

// Context implements [grpc.ClientStream].
func (c *clientCall) Context() context.Context { return c.ctx }

// Header implements [grpc.ClientStream]: it waits for the headers, and returns nil if the call ended without.
func (c *clientCall) Header() (metadata.MD, error) {
	for {
		a := c.attempt.Load()
		<-a.head
		if a.header != nil {
			return a.header, nil
		}
		<-a.done
		if !c.again(a) {
			c.finish(c.result(a))
			return nil, nil // as with grpc-go the status is RecvMsg's to tell
		}
	}
}

// Trailer implements [grpc.ClientStream].
func (c *clientCall) Trailer() metadata.MD {
	a := c.attempt.Load()
	select {
	case <-a.done:
		return a.outcome.trailer
	default:
		return nil
	}
}

// SendMsg implements [grpc.ClientStream].
func (c *clientCall) SendMsg(m any) error {
	err := c.send(m)
	if err == io.EOF {
		if !c.desc.ClientStreams {
			return nil // generated code wants it so; RecvMsg tells the status
		}
		return io.EOF
	}
	if err != nil {
		c.finish(err)
	}
	return err
}

func (c *clientCall) send(m any) error {
	if c.sentLast {
		return status.Error(codes.Internal, "SendMsg called after CloseSend")
	}
	c.sentLast = !c.desc.ClientStreams
	message, err := c.encode(m)
	if err != nil {
		return err
	}
	c.replaying.Lock()
	a := c.attempt.Load()
	c.keep(message)
	c.replaying.Unlock()
	if a.send(message) {
		return nil
	}
	<-a.done
	if c.again(a) {
		return nil // and so the message was sent again
	}
	return io.EOF
}

// encode returns a message as it travels. The error is a status.
func (c *clientCall) encode(m any) (sentMessage, error) {
	if m == nil {
		return sentMessage{}, nil
	}
	_, keeps := c.kept()
	encoded, err := c.info.codec.encode(m, !keeps)
	if err != nil {
		return sentMessage{}, status.Errorf(codes.Internal, "error while marshaling: %v", err)
	}
	message, flags, err := c.compression.outgoing(encoded)
	if err != nil {
		return sentMessage{}, status.Errorf(codes.Internal, "error while compressing: %v", err)
	}
	if len(message.data) > c.info.maxSendBytes {
		return sentMessage{}, status.Errorf(codes.ResourceExhausted,
			"trying to send message larger than max (%d vs. %d)", len(message.data), c.info.maxSendBytes)
	}
	return sentMessage{message, flags}, nil
}

// CloseSend implements [grpc.ClientStream].
func (c *clientCall) CloseSend() error {
	if c.sentLast {
		return nil
	}
	c.sentLast = true
	c.replaying.Lock()
	a := c.attempt.Load()
	c.closedSend = true
	c.replaying.Unlock()
	a.closeSend()
	return nil
}

// RecvMsg implements [grpc.ClientStream].
func (c *clientCall) RecvMsg(m any) error {
	err := c.recv(m)
	if err == nil && !c.desc.ServerStreams {
		err = c.recvEnd()
	}
	if err != nil || !c.desc.ServerStreams {
		c.finish(err)
	}
	return err
}

// recv receives a message; io.EOF if the call ended with OK.
func (c *clientCall) recv(m any) error {
	if err := c.parent.Err(); err != nil { // before whoever waits for that has seen it
		if c.finish(status.FromContextError(err).Err()); c.finishErr != nil {
			return c.finishErr
		}
	}
	for {
		a := c.attempt.Load()
		data, compressed, err := a.receive()
		switch {
		case err == nil:
			return c.decode(a, data, compressed, m)
		case err != io.EOF:
			return err
		case c.again(a):
			continue
		case c.finished.Load() && c.finishErr != nil:
			return c.finishErr // and what had arrived is gone
		}
		if err := c.result(a); err != nil {
			return err
		}
		if !c.received && !c.desc.ServerStreams {
			return status.Error(codes.Internal,
				"cardinality violation: received no response message from non-server-streaming RPC")
		}
		return io.EOF
	}
}

// recvEnd waits for the status of a call that has received its only message.
func (c *clientCall) recvEnd() error {
	a := c.attempt.Load()
	switch _, _, err := a.receive(); err {
	case io.EOF:
		return c.result(a)
	case nil:
		return status.Error(codes.Internal,
			"cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message")
	default:
		return err
	}
}

func (c *clientCall) decode(a *attempt, data []byte, compressed bool, m any) error {
	defer a.stream.in.release()
	if !c.received {
		c.received = true
		c.commit()
	}
	if compressed {
		var err error
		if data, err = c.compression.decompress(data, c.info.maxRecvBytes); err != nil {
			return err
		}
	}
	if err := c.info.codec.decode(data, m); err != nil {
		return status.Errorf(codes.Internal, "failed to unmarshal the received message: %v", err)
	}
	return nil
}

// finish ends the call for the program: nil and io.EOF are OK. The first finish counts.
func (c *clientCall) finish(err error) {
	if err == io.EOF {
		err = nil
	}
	c.finishing.Do(func() {
		c.finishErr = err
		c.finished.Store(true)
		c.watching.Lock()
		c.stopWatch()
		c.stopClose()
		c.watching.Unlock()
		a := c.attempt.Load()
		a.abort(statusOfFinish(err)) // in case that it has not ended
		a.stream.release()
		c.fillIn(a)
		for _, onFinish := range c.info.onFinish {
			onFinish(err)
		}
		c.cancel()
	})
}

// statusOfFinish is how an attempt ends that has not ended by itself.
func statusOfFinish(err error) *status.Status {
	if err == nil {
		return errCallFinished
	}
	return status.Convert(err)
}

// fillIn is what grpc-go does after a call: it sets what the options point to.
func (c *clientCall) fillIn(a *attempt) {
	for _, header := range c.info.header {
		*header = a.header
	}
	for _, trailer := range c.info.trailer {
		*trailer = a.outcome.trailer
	}
	for _, p := range c.info.peer {
		*p = *a.link.peer
	}
}
