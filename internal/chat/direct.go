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
	id, people := state.DirectRoom(append([]string{who.ID}, req.GetUserIds()...)...)
	if len(people) < 2 || len(people) > state.MaxDirect {
		return nil, invalidArgument("user_ids", "must be 1 to 7 others")
	}
	if err := s.engine.admitRoom(network(ctx), who.ID, id); err != nil {
		return nil, err
	}
	room, err := s.change(ctx, who, string(id), &storev1.OpenDirect{Room: string(id), Users: req.GetUserIds()})
	if err != nil {
		return nil, err
	}
	return &chatv1.OpenDirectRoomResponse{Room: room}, nil
}
