package chat

import (
	"slices"
	"time"
)

const (
	signalsKept    = 64              // of a room
	signalLifetime = 6 * time.Second // after which nobody would show it; see Signaled in event.proto
)

// signals is what people in a room tell each other and nobody keeps: a ring of the newest, overwritten when full. It
// belongs to its room's mutex.
type signals struct {
	ring []signal // signal number n (1, 2, 3, …) is at (n-1) % signalsKept
	last uint64   // the newest signal's number; 0: none yet
}

type signal struct {
	session uint64 // that sent it, which does not get it; 0: a call
	user    string
	time    time.Time
	event   *event
}

func (s *signals) push(g signal) {
	if len(s.ring) < signalsKept {
		s.ring = append(s.ring, g)
	} else {
		s.ring[s.last%signalsKept] = g
	}
	s.last++
}

// after returns the signals after number n that are worth a session's while: not its own, the newest of each user,
// nothing old.
func (s *signals) after(n, session uint64, now time.Time) []*event {
	if n >= s.last {
		return nil
	}
	var events []*event
	seen := make(map[string]bool)
	oldest := max(n, s.last-uint64(len(s.ring)))
	for i := s.last; i > oldest; i-- {
		g := s.ring[(i-1)%signalsKept]
		if g.session == session || seen[g.user] || now.Sub(g.time) > signalLifetime {
			continue
		}
		seen[g.user] = true
		events = append(events, g.event)
	}
	slices.Reverse(events)
	return events
}
