package chat

import (
	"context"
	"net/netip"

	"google.golang.org/grpc"

	"github.com/rialto-rpc/rialto/internal/auth"
)

// This file keeps those out who are banned from the server: their calls are refused, and their streams end with the commit of
// the ban. What they have sent and nobody has ordered yet, the state machine refuses.

// banned returns why a user, or a caller from an address, may not use the server; nil if they may. Either may be unknown.
func (s *Service) banned(user string, address netip.Addr) error {
	bans, now := s.engine.views.Bans(), s.engine.now().UnixMilli()
	if _, banned := bans.User(user, now); banned || bans.Gone(user) {
		return errBannedFromServer
	}
	if _, banned := bans.Address(address, now); banned {
		return errBannedFromServer
	}
	return nil
}

// admit is banned for a call whose context has its principal, if there is one.
func (s *Service) admit(ctx context.Context) error {
	return s.banned(callerID(ctx), auth.Address(ctx))
}

// UnaryServerInterceptor refuses calls of those who are banned from the server, to whatever service: PERMISSION_DENIED. It
// stands behind the interceptors that find the principal and the address of a call.
func (s *Service) UnaryServerInterceptor() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if err := s.admit(ctx); err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}
}

// StreamServerInterceptor is [Service.UnaryServerInterceptor] for streams.
func (s *Service) StreamServerInterceptor() grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if err := s.admit(stream.Context()); err != nil {
			return err
		}
		return handler(srv, stream)
	}
}

// endBanned has the streams of all who are banned end. The committer calls it, and does not wait until all streams are looked at;
// bans that come meanwhile are looked for together. While the service drains all streams end anyway.
func (s *Service) endBanned() {
	if s.banning.Swap(true) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return
	}
	s.running.Go(func() { // ends by itself, when it has told sessions to end
		s.banning.Store(false) // who is banned from now on is looked for once more
		s.endSessions(errBannedFromServer, func(user string, address netip.Addr) bool { return s.banned(user, address) != nil })
	})
}

// endSessions ends streams with cause, and returns how many.
func (s *Service) endSessions(cause error, which func(user string, address netip.Addr) bool) (ended int) {
	for _, c := range s.allSessions() {
		if which(c.userID(), c.address) && c.end(cause) {
			ended++
		}
	}
	return ended
}

// allSessions returns those whose handler has not returned, in no order.
func (s *Service) allSessions() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	sessions := make([]*session, 0, len(s.sessions))
	for c := range s.sessions {
		sessions = append(sessions, c)
	}
	return sessions
}

// userID returns who a session is; "" if that is not settled.
func (s *session) userID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.actor.ID
}
