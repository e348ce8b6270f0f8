package chat

import "github.com/rialto-rpc/rialto/internal/chat/state"

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
