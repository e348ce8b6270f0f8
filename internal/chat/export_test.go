package chat

import (
	"context"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Queued returns how many messages wait in sessions for their turn to be appended.
func (s *Service) Queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for c := range s.sessions {
		c.mu.Lock()
		n += len(c.publishes)
		c.mu.Unlock()
	}
	return n
}

// Look has the keeper look at a room.
func (s *Service) Look(room state.RoomID) { s.keeper.look(room) }

// Trim takes messages out of a room, up to seq, if this retention or the room's own excludes it.
func (s *Service) Trim(ctx context.Context, room state.RoomID, seq uint64, r *storev1.Retention) error {
	return s.keeper.do(ctx, &storev1.Trim{Room: string(room), Seq: seq, Otherwise: r})
}
