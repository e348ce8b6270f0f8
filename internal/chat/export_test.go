package chat

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
