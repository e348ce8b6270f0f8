package chat

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
)

// begin admits a session; the error is the status its stream ends with. After it, [Service.finish] must be called.
func (s *Service) begin(c *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return errDraining()
	}
	s.sessions[c] = struct{}{}
	s.running.Add(1)
	if s.sweep == nil {
		s.sweep = time.AfterFunc(s.delivery.StallTimeout/sweeps, s.endStalled)
	}
	return nil
}

// endIfBanned ends a session that has begun whose user or address was banned while it did: [Service.endBanned] may have been
// too early for it.
func (s *Service) endIfBanned(c *session) {
	if err := s.banned(c.actor.ID, c.address); err != nil {
		c.end(err)
	}
}

// finish is the last that a session's handler does.
func (s *Service) finish(c *session) {
	s.mu.Lock()
	delete(s.sessions, c)
	s.mu.Unlock()
	s.running.Done()
}

// Drain ends every Connect and Subscribe, now and from now on, with UNAVAILABLE and a google.rpc.RetryInfo whose delays
// spread the clients' return. It waits until all are gone and what they sent is answered or stored, or until ctx ends.
// Calls that are no streams go on.
func (s *Service) Drain(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	sessions := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	for _, c := range sessions {
		c.end(errDraining())
	}

	s.stopErasing()
	s.markers.flush()
	gone := make(chan struct{})
	go func() { // ends with the last session, whose transport ends it at the latest
		s.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("chat: drain: %w", context.Cause(ctx))
	}
}

// Wait returns when every session has ended and the read markers that they took are stored. To be called after Drain, when the
// transports have ended and before the sequencer does: a Drain that was out of time has not waited for either.
func (s *Service) Wait() {
	s.running.Wait()
	s.markers.wait()
}

// Where the clients of a server that goes away come back: spread over some seconds, so that its successor meets a
// stream of them and not a wave.
const (
	minReturn = 500 * time.Millisecond
	maxReturn = 5 * time.Second
)

func errDraining() error {
	return retryable(codes.Unavailable, "the server is going away", minReturn+rand.N(maxReturn-minReturn))
}
