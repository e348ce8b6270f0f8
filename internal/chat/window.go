package chat

import (
	"math"
	"slices"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// window is the newest events of a live room: a contiguous run of revs that ends at the head, bounded by count and bytes.
// It is fed in the order of revs with what is committed, and belongs to its room's mutex.
type window struct {
	maxEvents, maxBytes int

	entries []entry
	head    uint64 // rev of the last event; 0 if there never was one
	bytes   int    // of the entries' bodies
	pushed  volume // since the room is live
}

// volume is a number of events and the bytes of their bodies.
type volume struct{ events, bytes int }

func (v volume) minus(w volume) volume { return volume{v.events - w.events, v.bytes - w.bytes} }

// entry is one event. What is sent of it is made once, by the first who reads it, and shared by all.
type entry struct {
	event  *state.Event
	shared *event // nil until read
}

// uncapped is the limit of a cursor that follows its room without end.
const uncapped = math.MaxUint64

// push appends the room's next event. Where it changes a message, older events of that message show it from now on as it
// has become, and where it trims the room, older events of what has left show nothing: a body that is gone cannot be had from
// the window.
func (w *window) push(e *state.Event) {
	if len(w.entries) > 0 && e.Rev != w.head+1 {
		// What would be a gap is read from disk instead.
		w.clear()
	}
	switch {
	case e.Kind == state.Trimmed:
		w.forget(e.First)
	case changesMessage(e):
		w.replace(e.Message)
	}
	w.entries = append(w.entries, entry{event: e})
	w.head = e.Rev
	w.bytes += bodyBytes(e)
	w.pushed.events++
	w.pushed.bytes += bodyBytes(e)
	w.trim()
}

// clear lets all events go.
func (w *window) clear() { w.entries, w.bytes = nil, 0 }

// cost is about what the window holds in memory.
func (w *window) cost() int { return len(w.entries)*eventCost(0) + 3*w.bytes }

// replace puts m in the place of older forms of itself.
func (w *window) replace(m *state.Message) {
	for i := range w.entries {
		old := w.entries[i].event
		if old.Message == nil || old.Message.Seq != m.Seq {
			continue
		}
		newer := *old // others read the old one
		newer.Message = m
		w.entries[i] = entry{event: &newer}
		w.bytes += bodyBytes(&newer) - bodyBytes(old)
	}
}

// forget lets go of messages below first. Their events stay, without them.
func (w *window) forget(first uint64) {
	for i := range w.entries {
		old := w.entries[i].event
		if old.Message == nil || old.Message.Seq >= first {
			continue
		}
		without := *old // others read the old one
		without.Message = nil
		w.entries[i] = entry{event: &without}
		w.bytes -= bodyBytes(old)
	}
}

// trim lets the oldest events go, some at a time so that their places are moved up seldom.
func (w *window) trim() {
	drop := 0
	if n := len(w.entries); n > w.maxEvents {
		drop = max(n-w.maxEvents, w.maxEvents/8)
	}
	bytes := w.bytes
	for i := range w.entries[:len(w.entries)-1] {
		if i >= drop && bytes <= w.maxBytes {
			break
		}
		bytes -= bodyBytes(w.entries[i].event)
		drop = max(drop, i+1)
	}
	w.entries = slices.Delete(w.entries, 0, drop)
	w.bytes = bytes
}

// read appends the events after rev to events, up to and including limit, about budget bytes of them but at least one. There are
// none where the next one lies before the window.
func (w *window) read(events []*event, rev, limit uint64, budget int) (all []*event, bytes int) {
	base := w.head - uint64(len(w.entries))
	if rev < base || rev >= w.head {
		return events, 0
	}
	before := len(events)
	for i := rev - base; i < uint64(len(w.entries)) && base+i < limit; i++ {
		e := &w.entries[i]
		if e.shared == nil {
			e.shared = newEvent(eventProto(e.event))
		}
		if len(events) > before && bytes+e.shared.size > budget {
			break
		}
		events = append(events, e.shared)
		bytes += e.shared.size
	}
	return events, bytes
}

// changesMessage reports whether an event gives a message that was there before another form.
func changesMessage(e *state.Event) bool {
	return e.Kind == state.Edited || e.Kind == state.Deleted || e.Kind == state.Reacted
}

// bodyBytes is what makes one event larger than another.
func bodyBytes(e *state.Event) int {
	if e.Message == nil {
		return 0
	}
	n := len(e.Message.Text) + len(e.Message.Data) + len(e.Message.Mentions)*32
	for _, r := range e.Message.Reactions {
		n += len(r.UserIDs) * 32
	}
	return n
}
