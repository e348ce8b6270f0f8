package chat

import (
	"container/list"
	"sync"
)

// memory bounds what the rooms' windows and blocks hold together. What was used least recently goes first: whoever needs it
// reads it from disk. Safe for concurrent use.
type memory struct {
	limit int

	mu   sync.Mutex // guards all below and the holdings; a leaf
	used int
	lru  list.List // of *holding with bytes, the one used last in front
}

// holding is one share of a memory.
type holding struct {
	evict func() // lets go of what is held; called with nothing locked
	bytes int
	place *list.Element // nil: holds nothing
}

// set says that h was used and how much it holds now. It returns those that have to go; see [evictAll].
func (m *memory) set(h *holding, bytes int) (victims []*holding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used += bytes - h.bytes
	h.bytes = bytes
	switch {
	case bytes == 0:
		m.removeLocked(h)
		return nil
	case h.place == nil:
		h.place = m.lru.PushFront(h)
	default:
		m.lru.MoveToFront(h.place)
	}
	for m.used > m.limit {
		oldest := m.lru.Back().Value.(*holding)
		if oldest == h {
			break // one alone may be larger than all
		}
		victims = append(victims, oldest)
		m.removeLocked(oldest)
	}
	return victims
}

// touch says that h was used.
func (m *memory) touch(h *holding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h.place != nil {
		m.lru.MoveToFront(h.place)
	}
}

func (m *memory) removeLocked(h *holding) {
	if h.place == nil {
		return
	}
	m.lru.Remove(h.place)
	h.place = nil
	m.used -= h.bytes
	h.bytes = 0
}

// size returns how much is held.
func (m *memory) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

// evictAll lets victims go. Nothing may be locked that they lock.
func evictAll(victims []*holding) {
	for _, v := range victims {
		v.evict()
	}
}
