package bridge

import (
	"container/list"
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// waiter is a call that waits for a link.
type waiter struct {
	waitForReady bool
	done         chan struct{}
	err          error // set before done is closed: why there is none; nil: look again
}

// pick returns a link with room for one more call, which the caller gives back with leave. It waits while the connection is
// being made, and after a failed try if the call asks for that. The error is a status.
func (cc *ClientConn) pick(ctx context.Context, waitForReady bool) (*link, error) {
	for {
		l, place, err := cc.tryPick(waitForReady)
		if l != nil || err != nil {
			return l, err
		}
		w := place.Value.(*waiter)
		select {
		case <-w.done:
			if w.err != nil {
				return nil, w.err
			}
		case <-ctx.Done():
			return nil, cc.stopWaiting(place, ctx.Err())
		}
	}
}

// tryPick returns a link, an error, or else a place in the line of those that wait.
func (cc *ClientConn) tryPick(waitForReady bool) (*link, *list.Element, error) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	switch {
	case cc.state == connectivity.Shutdown:
		return nil, nil, errClientClosing
	case cc.link != nil && cc.link.calls < cc.link.maxCalls:
		cc.link.calls++
		return cc.link, nil, nil
	case cc.state == connectivity.TransientFailure && !waitForReady:
		return nil, nil, cc.unavailableLocked()
	case cc.state == connectivity.Idle && cc.hold == nil:
		cc.state = connectivity.Connecting
		// Owner: the connection. Ends when the socket is closed, or none could be opened; Close waits for it.
		cc.running.Go(cc.connect)
	}
	return nil, cc.waiting.PushBack(&waiter{waitForReady: waitForReady, done: make(chan struct{})}), nil
}

// stopWaiting leaves the line, and says why in vain.
func (cc *ClientConn) stopWaiting(place *list.Element, cause error) error {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	select {
	case <-place.Value.(*waiter).done:
		cc.wakeOneLocked() // it was woken just now: somebody else may go
	default:
		cc.waiting.Remove(place)
	}
	st := status.FromContextError(cause)
	if cc.link == nil && cc.lastErr != nil {
		return status.Errorf(st.Code(), "%s while waiting for the connection: latest connection error: %v", st.Message(), cc.lastErr)
	}
	return st.Err()
}

func (cc *ClientConn) wakeOneLocked() {
	if first := cc.waiting.Front(); first != nil {
		close(cc.waiting.Remove(first).(*waiter).done)
	}
}

func (cc *ClientConn) wakeAllLocked() {
	for cc.waiting.Len() > 0 {
		cc.wakeOneLocked()
	}
}

// failWaitingLocked ends the waiting of those that do not wait for better times, or of all.
func (cc *ClientConn) failWaitingLocked(err error, all bool) {
	for place := cc.waiting.Front(); place != nil; {
		next := place.Next()
		if w := place.Value.(*waiter); all || !w.waitForReady {
			cc.waiting.Remove(place)
			w.err = err
			close(w.done)
		}
		place = next
	}
}

func (cc *ClientConn) unavailableLocked() error {
	return status.Errorf(codes.Unavailable, "connection error: %v", cc.lastErr)
}

// connect opens a socket and serves it until it ends.
func (cc *ClientConn) connect() {
	ctx, cancel := context.WithTimeout(cc.ctx, cc.config.connectTimeout)
	sock, p, err := openSocket(ctx, cc.target, &cc.config)
	cancel()
	l, ok := cc.connected(sock, p, err)
	if !ok {
		if err == nil {
			sock.abort()
		}
		return
	}
	l.run()
}

// connected notes how a try to connect ended; false if there is no link.
func (cc *ClientConn) connected(sock messageSocket, p *peer.Peer, err error) (*link, bool) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	switch {
	case cc.state == connectivity.Shutdown:
		return nil, false
	case err != nil:
		cc.failLocked(err)
		return nil, false
	}
	l := newLink(cc, sock, p)
	cc.link, cc.state = l, connectivity.Ready
	cc.links[l] = struct{}{}
	cc.wakeAllLocked()
	return l, true
}

// failLocked waits before the next try.
func (cc *ClientConn) failLocked(err error) {
	cc.state = connectivity.TransientFailure
	cc.lastErr = err
	cc.holdLocked(max(cc.backoffLocked(), time.Millisecond))
	cc.failures++
	cc.failWaitingLocked(cc.unavailableLocked(), false)
}

// backoffLocked is how long to wait after one more failure, by grpc-go's rule
// (https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md).
func (cc *ClientConn) backoffLocked() time.Duration {
	b := cc.config.backoff
	delay := float64(b.BaseDelay)
	for range cc.failures {
		if delay *= b.Multiplier; delay >= float64(b.MaxDelay) {
			delay = float64(b.MaxDelay)
			break
		}
	}
	return time.Duration(delay * (1 + b.Jitter*(2*rand.Float64()-1)))
}

// ResetConnectBackoff ends the wait after a failed try, so that the next call connects at once, and the waits after further
// failures begin with the shortest again. For those who know that the network is back, or keep a backoff of their own.
func (cc *ClientConn) ResetConnectBackoff() {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	cc.failures = 0
	if cc.state == connectivity.TransientFailure {
		cc.stopHoldLocked()
		cc.state = connectivity.Idle
		cc.wakeAllLocked()
	}
}

// holdLocked puts off the next try.
func (cc *ClientConn) holdLocked(delay time.Duration) {
	cc.stopHoldLocked()
	if delay <= 0 {
		return
	}
	var timer *time.Timer
	// Owner: the connection. Close stops it. What it does takes no time.
	timer = time.AfterFunc(delay, func() {
		cc.mu.Lock()
		defer cc.mu.Unlock()
		if cc.hold != timer {
			return
		}
		cc.hold, cc.state = nil, connectivity.Idle
		cc.wakeAllLocked()
	})
	cc.hold = timer
}

func (cc *ClientConn) stopHoldLocked() {
	if cc.hold != nil {
		cc.hold.Stop()
		cc.hold = nil
	}
}

// retire takes no further calls to l. err says why, if connecting came to nothing after all; otherwise the next call connects
// again once delay is over.
func (cc *ClientConn) retire(l *link, err error, delay time.Duration) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	if cc.link != l {
		return
	}
	cc.link = nil
	if err != nil {
		cc.failLocked(err)
		return
	}
	cc.state = connectivity.Idle
	cc.holdLocked(delay)
	cc.wakeAllLocked()
}

// removed notes that l's socket is closed.
func (cc *ClientConn) removed(l *link) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	delete(cc.links, l)
}
