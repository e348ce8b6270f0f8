package chat

import (
	"context"
	"sync"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// markerInterval is the least time between two read markers of one user in one room that sessions have stored.
const markerInterval = time.Second

// markers stores read markers for sessions, at most one each [markerInterval] for a user and room: the first at once, and
// of those that come meanwhile the last. All who asked learn what became of it. A marker that was taken is stored, also
// when its session has ended: people close the page right after reading. Safe for concurrent use.
type markers struct {
	engine *engine

	mu       sync.Mutex // guards all below; nothing is called with it held
	entries  map[markerKey]*marker
	draining bool      // markers are stored without delay
	empty    sync.Cond // of entries
}

type markerKey struct {
	room state.RoomID
	user string
}

// marker is a user's in a room, from the first until nothing has come for an interval.
type marker struct {
	record  state.Record                      // the newest
	waiting []func(*chatv1.ReadMarker, error) // those who gave it or were overtaken by it; none: it is stored
	timer   *time.Timer                       // runs until the next may be stored; nil while one is
}

func newMarkers(e *engine) *markers {
	m := &markers{engine: e, entries: make(map[markerKey]*marker)}
	m.empty.L = &m.mu
	return m
}

// set stores a marker, now or soon; done is called once, from another goroutine. A seq that the room has is never refused
// later, because of one that came after it or otherwise, so what is refused is refused here.
func (m *markers) set(key markerKey, seq uint64, record state.Record, done func(*chatv1.ReadMarker, error)) error {
	at, err := m.engine.head(key.room, key.user)
	if err != nil {
		return err
	}
	if seq > at.Seq {
		return resultError(state.Result{Refusal: state.SeqAboveHead})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	if e == nil {
		e = &marker{}
		m.entries[key] = e
		go m.store(key, e) // ends once it is stored; wait waits for it
	}
	e.record = record
	e.waiting = append(e.waiting, done)
	return nil
}

// store stores what waits, and comes back after an interval for what will have come; once there is nothing, it forgets
// the entry.
func (m *markers) store(key markerKey, e *marker) {
	for {
		m.mu.Lock()
		e.timer = nil
		record, waiting := e.record, e.waiting
		e.waiting = nil
		if len(waiting) == 0 {
			delete(m.entries, key)
			m.empty.Broadcast()
			m.mu.Unlock()
			return
		}
		m.mu.Unlock()

		result, err := m.append(key, record)
		for _, done := range waiting {
			done(result, err)
		}

		m.mu.Lock()
		draining := m.draining
		if !draining {
			e.timer = time.AfterFunc(markerInterval, func() { m.store(key, e) })
		}
		m.mu.Unlock()
		if !draining {
			return
		}
	}
}

func (m *markers) append(key markerKey, record state.Record) (*chatv1.ReadMarker, error) {
	if _, err := m.engine.append(context.Background(), record); err != nil {
		return nil, err
	}
	return m.engine.readMarker(key.room, key.user)
}

// flush stores without delay what waits, and from now on.
func (m *markers) flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.draining = true
	for key, e := range m.entries {
		if e.timer != nil && e.timer.Stop() {
			go m.store(key, e) // as in set
		}
	}
}

// wait returns when all that was set is stored. To be called after flush, when nothing is set any more.
func (m *markers) wait() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.entries) > 0 {
		m.empty.Wait()
	}
}

// markRead stores how far the session's user has read.
func (s *session) markRead(cmd command, r *chatv1.MarkRead) {
	record, err := s.service.engine.markReadRecord(s.author(), markReadPaths, r)
	if err != nil {
		s.answer(cmd, nil, err)
		return
	}
	cmd = s.awaitOutcome(cmd)
	key := markerKey{room: state.RoomID(r.GetRoom()), user: s.actor.ID}
	err = s.service.markers.set(key, r.GetSeq(), record, func(result *chatv1.ReadMarker, err error) {
		s.answer(cmd, &chatv1.Reply{Result: &chatv1.Reply_MarkRead{MarkRead: &chatv1.MarkReadResult{Read: result}}}, err)
	})
	if err != nil {
		s.answer(cmd, nil, err)
	}
}
