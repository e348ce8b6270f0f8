package chat

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
)

// hello names the session's user. One that is refused changes nothing, and another may follow. An error ends the stream.
func (s *session) hello(cmd command, h *chatv1.Hello) error {
	if s.user != nil {
		s.answer(cmd, nil, errLateHello)
		return nil
	}
	if name := h.GetDisplayName(); name != "" {
		if err := validateName("hello.display_name", name); err != nil {
			s.answer(cmd, nil, err)
			return nil
		}
	}
	if token := h.GetToken(); token != "" {
		if s.service.guests == nil {
			return errInvalidToken
		}
		p, err := s.service.guests.Authenticate(s.ctx, token)
		if err != nil {
			return errInvalidToken
		}
		if caller, ok := auth.FromContext(s.ctx); ok && caller.ID != p.ID {
			s.answer(cmd, nil, invalidArgument("hello.token", "names another identity than the call's metadata"))
			return nil
		}
		s.welcome(p, h.GetDisplayName(), "")
	} else if err := s.identify(h.GetDisplayName()); err != nil {
		return err
	}
	s.answer(cmd, &chatv1.Reply{Result: &chatv1.Reply_Hello{Hello: &chatv1.HelloResult{User: s.user}}}, nil)
	return nil
}

// identify makes the session that of the call's principal, or of a fresh guest, under a valid name to show; empty keeps
// the principal's, or lets the server choose.
func (s *session) identify(name string) error {
	if p, ok := auth.FromContext(s.ctx); ok {
		s.welcome(p, name, "")
		return nil
	}
	p, token, err := s.service.guests.Issue(name)
	if err != nil {
		return s.service.engine.internal("make guest", err)
	}
	s.welcome(p, name, token)
	return nil
}

// welcome settles who the session is and says so, in its first event; token is that of a fresh guest.
func (s *session) welcome(p auth.Principal, name, token string) {
	if name != "" {
		p.Name = name
	}
	actor := actorOf(p)
	w := &chatv1.Welcome{User: userProto(actor), GuestToken: token}
	if token != "" {
		w.TokenExpires = timestamppb.New(p.Expires)
	}
	event := newEvent(&chatv1.Event{Time: timestamppb.New(s.service.engine.now()), Kind: &chatv1.Event_Welcome{Welcome: w}})
	s.mu.Lock()
	s.actor, s.user = actor, w.User
	s.feed = &feed{}
	s.outbox.events = append(s.outbox.events, event)
	s.kickLocked()
	s.mu.Unlock()

	s.service.hub.enter(s, actor.ID) // only now: no marker comes before the welcome
	s.mu.Lock()
	closed := s.closed
	if token == "" && !closed { // of a fresh guest there is nothing to say
		s.feed.starting, s.feed.first = true, true
		s.kickLocked()
	}
	s.mu.Unlock()
	if closed { // perhaps before it entered
		s.service.hub.leave(s, actor.ID)
	}
}
