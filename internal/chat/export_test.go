package chat

// What tests may know of a service's inside: what it holds.

// Held returns how many rooms are live and how many sessions there are.
func (s *Service) Held() (rooms, sessions int) {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.hub.rooms), len(s.sessions)
}

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
