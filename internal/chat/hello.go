package chat

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
)

// hello names the session's user. One that is refused changes nothing, and another may follow. An error ends the stream.
func (s *session) hello(cmd command, h *chatv1.Hello) error {
	if s.user.Load() != nil {
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
		if err := s.welcome(p, h.GetDisplayName(), ""); err != nil {
			return err
		}
	} else if err := s.identify(h.GetDisplayName()); err != nil {
		return err
	}
	s.answer(cmd, &chatv1.Reply{Result: &chatv1.Reply_Hello{Hello: &chatv1.HelloResult{User: s.user.Load()}}}, nil)
	return nil
}

// identify makes the session that of the call's principal, or of a fresh guest, under a valid name to show; empty keeps
// the principal's, or lets the server choose. An error, of which there is one when too many guests come from one address, ends
// the stream: nobody could say anything on it.
func (s *session) identify(name string) error {
	if p, ok := auth.FromContext(s.ctx); ok {
		return s.welcome(p, name, "")
	}
	if err := s.service.engine.meter.guest(auth.Network(s.address)); err != nil {
		return err
	}
	p, token, err := s.service.guests.Issue(name)
	if err != nil {
		return s.service.engine.internal("make guest", err)
	}
	return s.welcome(p, name, token)
}

// welcome settles who the session is and says so, in its first event; token is that of a fresh guest. An error ends the
// stream.
func (s *session) welcome(p auth.Principal, name, token string) error {
	if name != "" {
		p.Name = name
	}
	actor, shown := actorOf(p), actorOf(p)
	if token == "" {
		var err error
		if shown, err = s.service.engine.actor(p); err != nil {
			return err
		}
	}
	w := &chatv1.Welcome{User: userProto(shown), GuestToken: token}
	if token != "" {
		w.TokenExpires = timestamppb.New(p.Expires)
	}
	event := newEvent(&chatv1.Event{Time: timestamppb.New(s.service.engine.now()), Kind: &chatv1.Event_Welcome{Welcome: w}})
	s.mu.Lock()
	s.actor = actor
	s.user.Store(w.GetUser())
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
	if token == "" { // perhaps renamed before it entered
		if err := s.lookAtProfile(); err != nil {
			return err
		}
	}
	return s.service.banned(actor.ID, s.address)
}
