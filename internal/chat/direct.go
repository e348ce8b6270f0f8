package chat

import (
	"context"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// OpenDirectRoom implements chatv1.RoomServiceServer.
func (s *roomService) OpenDirectRoom(ctx context.Context, req *chatv1.OpenDirectRoomRequest) (*chatv1.OpenDirectRoomResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if len(req.GetUserIds()) > state.MaxDirect {
		return nil, invalidArgument("user_ids", "must be at most 7")
	}
	for _, user := range req.GetUserIds() {
		if err := validateUserID("user_ids", user); err != nil {
			return nil, err
		}
	}
	_, people := state.DirectRoom(0, append([]string{who.ID}, req.GetUserIds()...)...)
	if len(people) < 2 || len(people) > state.MaxDirect {
		return nil, invalidArgument("user_ids", "must be 1 to 7 others")
	}
	id, generation, err := s.engine.directRoom(people)
	if err != nil {
		return nil, err
	}
	if err := s.engine.admitRoom(network(ctx), who.ID, id); err != nil {
		return nil, err
	}
	command := &storev1.OpenDirect{Room: string(id), Users: req.GetUserIds(), Generation: generation}
	room, err := s.change(ctx, who, string(id), command)
	if err != nil {
		return nil, err
	}
	return &chatv1.OpenDirectRoomResponse{Room: room}, nil
}

// directRoom returns the direct room of some people that was not deleted, which may be one that is not there yet, and its
// generation. Only operators delete such rooms, so there are few to look at. One that is deleted before the caller's command takes
// its place has that refused.
func (e *engine) directRoom(people []string) (state.RoomID, uint32, error) {
	v := e.views.View()
	defer v.Close()
	for generation := uint32(0); ; generation++ {
		id, _ := state.DirectRoom(generation, people...)
		room, _, err := v.Room(id)
		if err != nil {
			return "", 0, e.internal("read room", err)
		}
		if room.Deleted == 0 {
			return id, generation, nil
		}
	}
}
