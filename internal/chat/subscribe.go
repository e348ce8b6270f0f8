package chat

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Subscribe implements chatv1.ChatServiceServer.
func (s *Service) Subscribe(req *chatv1.SubscribeRequest, stream grpc.ServerStreamingServer[chatv1.SubscribeResponse]) error {
	if err := s.validateSubscribe(req); err != nil {
		return err
	}
	if err := s.engine.meter.connection(network(stream.Context())); err != nil {
		return err
	}
	c := s.newSession(stream.Context(), func(r *response) error {
		r.subscribe = true
		return stream.SendMsg(r)
	})
	p, known := auth.FromContext(stream.Context())
	if known {
		c.actor = actorOf(p)
	} else if req.GetSelf() {
		return errUnauthenticated
	}
	if err := s.begin(c); err != nil {
		return err
	}
	defer s.finish(c)
	s.endIfBanned(c)
	if req.GetSelf() {
		if err := c.welcome(p, "", ""); err != nil {
			c.end(err)
		}
	}
	for _, j := range req.GetRooms() {
		c.follow(j, func(_ *chatv1.JoinResult, err error) {
			if err != nil {
				c.end(err)
			}
		})
	}
	return c.wait()
}

func (s *Service) validateSubscribe(req *chatv1.SubscribeRequest) error {
	rooms := req.GetRooms()
	switch {
	case len(rooms) == 0 && !req.GetSelf():
		return invalidArgument("rooms", "must not be empty")
	case len(rooms) > s.maxRooms:
		s.engine.meter.count(MaxRooms)
		return quotaError(MaxRooms)
	}
	seen := make(map[string]bool, len(rooms))
	for i, j := range rooms {
		field := fmt.Sprintf("rooms[%d].room", i)
		if err := validateRoom(field, j.GetRoom()); err != nil {
			return err
		}
		if seen[j.GetRoom()] {
			return invalidArgument(field, "must not be named twice")
		}
		seen[j.GetRoom()] = true
	}
	return nil
}

// SendSignal implements chatv1.ChatServiceServer.
func (s *Service) SendSignal(ctx context.Context, req *chatv1.SendSignalRequest) (*chatv1.SendSignalResponse, error) {
	p, ok := auth.FromContext(ctx)
	if !ok {
		return nil, errUnauthenticated
	}
	g := req.GetSignal()
	if err := validateSignal("signal.", g); err != nil {
		return nil, err
	}
	id := state.RoomID(g.GetRoom())
	if err := s.engine.admitWrite(network(ctx), p.ID, id); err != nil {
		return nil, err
	}
	exists, err := s.engine.mayTell(id, p.ID)
	if err == nil && !exists {
		err = errNoSuchRoom
	}
	if err != nil {
		return nil, err
	}
	actor, err := s.engine.actor(p)
	if err != nil {
		return nil, err
	}
	s.engine.meter.wrote(id)
	if r := s.hub.live(id); r != nil {
		r.signal(0, userProto(actor), g)
	}
	return &chatv1.SendSignalResponse{}, nil
}
