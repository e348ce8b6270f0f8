package chat

import (
	"errors"
	"fmt"
	"sync"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// block is a run of a room's events that was read from disk for the cursors behind the window. Blocks begin at multiples of
// [Delivery.BlockEvents], so that all who catch up read the same ones, and share what is read and encoded once. Where the
// bodies are so large that a block cannot hold all its events, the next begins where it ends.
type block struct {
	room    *room
	start   uint64 // rev before the first event, unless changes after it are not kept any more
	holding holding

	load   sync.Once
	first  uint64   // rev before the first event; set by load
	events []*event // revs first+1, first+2, …; set by load
	cut    bool     // whether it ends for its bytes, not at the head of its time or at the next multiple; set by load
	err    error    // set by load

	loaded bool // guarded by room.mu
}

// maxBlockBytes bounds the bodies of a block, but for one event.
const maxBlockBytes = 1 << 20

// blocks are those of a room, by start. They belong to the room's mutex.
type blocks map[uint64]*block

// blockAt returns the block that holds, or will hold once it is loaded, the event after rev pos.
func (r *room) blockAt(pos uint64) *block {
	r.mu.Lock()
	defer r.mu.Unlock()
	start := pos - pos%uint64(r.delivery.BlockEvents)
	for {
		b := r.blocks[start]
		switch {
		case b == nil, b.loaded && b.end() <= pos && !b.cut: // there is more by now
			return r.newBlockLocked(start)
		case !b.loaded || b.end() > pos:
			return b
		}
		start = b.end()
	}
}

func (r *room) newBlockLocked(start uint64) *block {
	if old := r.blocks[start]; old != nil {
		r.hub.memory.set(&old.holding, 0)
	}
	b := &block{room: r, start: start, first: start}
	b.holding.evict = b.evict
	if r.blocks == nil {
		r.blocks = make(blocks)
	}
	r.blocks[start] = b
	return b
}

func (b *block) end() uint64 { return b.first + uint64(len(b.events)) }

// evict implements [holding]. Those who read the block keep it.
func (b *block) evict() {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	if b.room.blocks[b.start] == b {
		delete(b.room.blocks, b.start)
	}
}

// dropBlocksLocked forgets all blocks, also those that are being read: a message has changed that they may show.
func (r *room) dropBlocksLocked() {
	for _, b := range r.blocks {
		r.hub.memory.set(&b.holding, 0)
	}
	clear(r.blocks)
}

var errUnreadable = errors.New("events that cannot be read")

var errMissingEvents = errors.New("a committed rev is not in the view")

// readBlocks returns events after pos up to limit, which is committed, about budget bytes of them but at least one.
func (r *room) readBlocks(e *engine, pos, limit uint64, budget int) (events []*event, bytes int, err error) {
	for range 3 {
		b := r.blockAt(pos)
		b.load.Do(func() { b.read(e) })
		if b.err != nil {
			return nil, 0, b.err
		}
		if pos < b.first {
			return nil, 0, fmt.Errorf("read events: %w", state.ErrTrimmed)
		}
		if pos < b.end() {
			r.hub.memory.touch(&b.holding)
			events, bytes = within(b.events[pos-b.first:], limit-pos, budget)
			return events, bytes, nil
		}
		// It was read by somebody else, before pos was committed.
	}
	return nil, 0, fmt.Errorf("read events: %w", errMissingEvents)
}

// read reads the block from a View. If that panics, those who read the block with this one see an error.
func (b *block) read(e *engine) {
	b.err = errUnreadable
	defer func() {
		if b.err == errUnreadable {
			b.room.settle(b, 0)
		}
	}()
	size := uint64(b.room.delivery.BlockEvents)
	n := size - b.start%size
	events, first, head, err := readEvents(e, b.room.id, b.start, n)
	b.first = first
	bytes := 0
	for _, read := range events {
		shared := newEvent(eventProto(read))
		b.events = append(b.events, shared)
		bytes += eventCost(shared.size)
	}
	b.cut = len(b.events) > 0 && b.end() < min(b.start+n, head)
	b.err = err
	b.room.settle(b, bytes)
}

// readEvents returns up to n events after a rev from a View, without those at the beginning that are not kept any more; the rev
// before the first of them; and the head that the View shows.
func readEvents(e *engine, id state.RoomID, after, n uint64) (events []*state.Event, first, head uint64, err error) {
	v := e.views.View()
	defer v.Close()
	room, _, err := v.Room(id)
	first = max(after+1, room.Removal.Rev) - 1
	switch {
	case err != nil:
	case first >= after+n:
		err = state.ErrTrimmed
	default:
		events, err = v.Events(id, first, int(after+n-first), maxBlockBytes)
	}
	if err != nil {
		return nil, after, 0, fmt.Errorf("read events: %w", err)
	}
	return events, first, room.Head.Rev, nil
}

// settle notes that a block is loaded, and counts it unless the room has dropped it meanwhile.
func (r *room) settle(b *block, bytes int) {
	r.mu.Lock()
	var victims []*holding
	if r.blocks[b.start] == b {
		if b.err != nil || len(b.events) == 0 {
			delete(r.blocks, b.start)
		} else {
			victims = r.hub.memory.set(&b.holding, bytes)
		}
	}
	b.loaded = true
	r.mu.Unlock()
	evictAll(victims)
}

// within returns the first of events: at most n, about budget bytes but at least one.
func within(events []*event, n uint64, budget int) (first []*event, bytes int) {
	for i, e := range events {
		if uint64(i) == n || i > 0 && bytes+e.size > budget {
			return events[:i:i], bytes
		}
		bytes += e.size
	}
	return events, bytes
}

// eventCost is about what an event holds in memory: its message and two encodings.
func eventCost(size int) int { return 512 + 3*size }
