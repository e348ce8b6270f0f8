package bridge

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/status"
)

// openCall is a call as [Handler.Drain] sees it.
type openCall interface {
	// waits reports whether the call has not begun: nobody loses anything when it ends now. The caller holds Handler.mu.
	waits() bool
	// abandon ends the call; its handler sees that by its context. It may take as long as the peer needs to be told.
	abandon(st *status.Status)
}

// Drain shuts the handler down. From the call on no socket is opened (HTTP 503), sockets whose call has not begun are
// closed with UNAVAILABLE, and clients of multiplexed sockets are told to go elsewhere for further calls. Drain waits for the calls to end. When ctx ends first, the remaining calls are cancelled and
// their clients get UNAVAILABLE. It returns when every goroutine of the handler has ended, which needs the service's
// handlers to return once their context is cancelled: nil if all calls ended by themselves, otherwise ctx's error.
//
// [net/http.Server.Shutdown] knows nothing of these sockets: call it as well, before or after.
func (h *Handler) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.draining = true
	h.mu.Unlock()

	defer h.config.upstream.close()
	var ending sync.WaitGroup
	defer ending.Wait()
	h.abandon(&ending, openCall.waits)
	h.sendAway(ctx)
	ended := make(chan struct{})
	// Owner: Drain. Ends when the last socket has ended, which Drain waits for.
	go func() {
		defer close(ended)
		h.active.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	h.abandon(&ending, func(openCall) bool { return true })
	for _, session := range h.allSessions() {
		session.abandon(errDraining)
	}
	<-ended
	return ctx.Err()
}

// abandon ends the calls that match, each in a goroutine of its own, since one may take as long as its peer needs to take a
// close frame. The caller waits for them.
func (h *Handler) abandon(ending *sync.WaitGroup, match func(openCall) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for call := range h.calls {
		if match(call) {
			ending.Go(func() { call.abandon(errDraining) })
		}
	}
}

// sendAway tells the clients of multiplexed connections to make no further calls there, and how long ctx leaves the rest.
func (h *Handler) sendAway(ctx context.Context) {
	var left time.Duration
	if deadline, ok := ctx.Deadline(); ok {
		left = max(time.Until(deadline), time.Millisecond)
	}
	for _, session := range h.allSessions() {
		session.goAway(h.drainNotice(left))
	}
}

// drainNotice spreads the clients' return over time, so that they do not all come at once.
func (h *Handler) drainNotice(left time.Duration) departure {
	return departure{reason: errDraining, reconnectMax: h.config.mux.reconnectSpread, drain: left}
}

// trackSession makes m one of the connections that Drain sends away; false while draining, when m has to do so itself.
func (h *Handler) trackSession(m *muxServer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[m] = struct{}{}
	return !h.draining
}

func (h *Handler) untrackSession(m *muxServer) {
	h.mu.Lock()
	delete(h.sessions, m)
	h.mu.Unlock()
}

func (h *Handler) allSessions() []*muxServer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.sessions))
}
