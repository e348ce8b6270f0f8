package chat

import (
	"iter"
	"sync/atomic"
)

// Stats is what a [Service] holds at a moment, and what it has done since it was made.
type Stats struct {
	Sessions  int    // streams of Connect and Subscribe
	Rooms     int    // that somebody follows
	Responses uint64 // written to streams
	Replies   uint64 // in them
	Events    uint64 // in them: one for each receiver
	Stalled   uint64 // streams ended because their client took nothing any more
	Memory    int    // bytes that the rooms' windows and blocks hold, about
}

// Limits yields every limit that an operator sets.
func (s *Service) Limits() iter.Seq[Limit] {
	return func(yield func(Limit) bool) {
		for l := range limits {
			if !yield(l) {
				return
			}
		}
	}
}

// Refused returns how much was refused because of a limit.
func (s *Service) Refused(l Limit) uint64 { return s.engine.meter.refused[l].Load() }

// sent counts what sessions have written.
type sent struct {
	responses, replies, events, stalled atomic.Uint64
}

func (s *sent) add(out *outgoing) {
	s.responses.Add(1)
	s.replies.Add(uint64(len(out.replies)))
	s.events.Add(uint64(len(out.events)))
}

// Stats returns the numbers of this moment. It is cheap and may be called at any time.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	sessions := len(s.sessions)
	s.mu.Unlock()
	s.hub.mu.RLock()
	rooms := len(s.hub.rooms)
	s.hub.mu.RUnlock()
	return Stats{
		Sessions:  sessions,
		Rooms:     rooms,
		Responses: s.sent.responses.Load(),
		Replies:   s.sent.replies.Load(),
		Events:    s.sent.events.Load(),
		Stalled:   s.sent.stalled.Load(),
		Memory:    s.hub.memory.size(),
	}
}
