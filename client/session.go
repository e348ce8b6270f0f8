package client

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

const (
	connectTimeout   = 20 * time.Second // for a transport to become ready
	reconnectTimeout = 3 * time.Second  // the same while the transport reports failure
	stableAfter      = 10 * time.Second // a session that lasted this long starts the backoff afresh
)

var (
	errSilent    = status.Error(codes.Unavailable, "the server gives no sign of life")
	errNoConnect = status.Error(codes.Unavailable, "the server cannot be reached")
	errEnded     = status.Error(codes.Unavailable, "the server ended the session")
	errStuck     = status.Error(codes.Unavailable, "the server says nothing about a room")
	errRestart   = errors.New("client: restart")
)

// session is the part of a client's state that begins anew with every stream. Guarded by Client.mu.
type session struct {
	helloID      string    // request_id of the hello; empty before it is sent
	welcomed     bool      // the server has said who we are
	lastReceived time.Time // of anything
	probed       bool      // since then
	end          error     // set to end the session from our side
}

// run keeps a session until ctx ends or the server refuses for good. It is the client's only lasting goroutine.
func (c *Client) run(ctx context.Context) {
	defer close(c.done)
	for attempt := 0; ; attempt++ {
		began := time.Now()
		err := c.serve(ctx)
		switch {
		case ctx.Err() != nil:
			c.finish(ErrClosed)
			return
		case err == errRestart:
			attempt = -1
			continue
		case sessionOver(err):
			c.config.logger.Info("session refused", "code", status.Code(err))
			c.finish(err)
			return
		}
		if time.Since(began) >= stableAfter {
			attempt = 0
		}
		delay := c.config.backoff.delay(attempt, err)
		c.config.logger.Info("session ended", "code", status.Code(err), "err", err, "retry_in", delay)
		c.pause(ctx, delay, err)
	}
}

// pause looks back on a session that ended with err and waits out the backoff.
func (c *Client) pause(ctx context.Context, delay time.Duration, err error) {
	c.mu.Lock()
	c.blameLocked(err)
	if err == errNoConnect && c.state.Err != nil {
		err = c.state.Err // says more
	}
	c.setStateLocked(State{Phase: Waiting, Err: err, RetryAt: time.Now().Add(delay)})
	c.mu.Unlock()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// serve opens one stream and works it until it ends; it returns why. The calling goroutine is the stream's writer.
func (c *Client) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.begin()
	stream, err := c.open(ctx, cancel)
	if err != nil {
		return endReason(ctx, err)
	}
	// The watchdog does not rest on the writer, which may hang in a Send that the network takes no more.
	watchdog := time.AfterFunc(probeAfter+deadAfter, func() { cancel(errSilent) })
	defer watchdog.Stop()

	var receiveErr error
	received := make(chan struct{})
	go func() { // ends with the stream; waited for below
		defer close(received)
		receiveErr = c.receive(stream, watchdog)
	}()
	err = c.send(stream, received)
	if err == nil {
		<-received
		return endReason(ctx, receiveErr)
	}
	cancel(nil)
	<-received
	return err
}

// endReason prefers our own reason for cancelling a stream to the CANCELED that came of it.
func endReason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause == errSilent || cause == errNoConnect {
		return cause
	}
	return err
}

// begin resets all that belonged to the stream before: every room is to be joined, every publication to be sent.
func (c *Client) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = session{lastReceived: time.Now()}
	c.setStateLocked(State{Phase: Connecting, Err: c.state.Err})
	clear(c.leaving)
	c.feed.begin()
	for _, r := range c.rooms {
		r.beginLocked()
	}
	for _, p := range c.publications {
		p.sent = false
	}
}

// transport is what a connection, native gRPC's or the bridge's, tells about its own attempts to connect.
type transport interface {
	GetState() connectivity.State
	ResetConnectBackoff()
}

// open starts the stream. Normally it fails fast, with the dialer's own words. A connection that failed before has a backoff
// of its own, which is cut short so that ours is the only one. A native gRPC connection goes on reporting that failure all
// the same until it is ready (gRFC A62), so there the stream waits a little instead.
func (c *Client) open(ctx context.Context, cancel context.CancelCauseFunc) (chatv1.ChatService_ConnectClient, error) {
	c.mu.Lock()
	ctx = withToken(ctx, c.token)
	c.mu.Unlock()
	timeout := connectTimeout
	var opts []grpc.CallOption
	if t, ok := c.conn.(transport); ok && t.GetState() == connectivity.TransientFailure {
		t.ResetConnectBackoff()
		if t.GetState() == connectivity.TransientFailure {
			opts = append(opts, grpc.WaitForReady(true))
			timeout = reconnectTimeout
		}
	}
	timer := time.AfterFunc(timeout, func() { cancel(errNoConnect) })
	defer timer.Stop()
	return chatv1.NewChatServiceClient(c.conn).Connect(ctx, opts...)
}

// receive takes what the server sends until the stream ends, and returns why it ended.
func (c *Client) receive(stream chatv1.ChatService_ConnectClient, watchdog *time.Timer) error {
	for {
		response, err := stream.Recv()
		if err == io.EOF {
			return errEnded
		}
		if err != nil {
			return err
		}
		watchdog.Reset(probeAfter + deadAfter)
		c.handle(response)
	}
}

// send writes what the state calls for, until the stream ends (nil: the receiver knows why). Nothing is queued: after a
// break the next stream's writer finds the same state with the marks of what was sent taken off.
func (c *Client) send(stream chatv1.ChatService_ConnectClient, received <-chan struct{}) error {
	for {
		request, next, err := c.nextRequest(time.Now())
		if err != nil {
			return err
		}
		if request != nil {
			if err := stream.Send(request); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			continue
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-c.wake:
			timer.Stop()
		case <-timer.C:
		case <-received:
			timer.Stop()
			return nil
		}
	}
}

func withToken(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}
