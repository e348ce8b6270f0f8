package chat

import "slices"

// chunkLen is how many cursors share a chunk: what one attach or detach copies at most.
const chunkLen = 256

// noSlot is the slot of a cursor that is in no chunk any more.
const noSlot = -1

// subscribers is the set of a room's cursors, in copy-on-write chunks: a walk over thousands holds no lock. All chunks
// but the last are full. It belongs to its room's mutex, as does cursor.slot.
type subscribers struct {
	chunks [][]*cursor
	n      int
}

func (s *subscribers) add(c *cursor) {
	if s.n%chunkLen == 0 {
		s.chunks = append(s.chunks, nil)
	}
	last := &s.chunks[len(s.chunks)-1]
	*last = append(*last, c) // beyond what any walk sees
	c.slot = s.n
	s.n++
}

// remove takes c out; the last cursor gets its slot.
func (s *subscribers) remove(c *cursor) {
	s.n--
	chunk, i := s.n/chunkLen, s.n%chunkLen
	moved, slot := s.chunks[chunk][i], c.slot
	c.slot = noSlot
	s.chunks[chunk] = slices.Clone(s.chunks[chunk][:i])
	if i == 0 {
		s.chunks = slices.Delete(s.chunks, chunk, chunk+1)
	}
	if moved == c {
		return
	}
	chunk, i = slot/chunkLen, slot%chunkLen
	s.chunks[chunk] = slices.Clone(s.chunks[chunk])
	s.chunks[chunk][i] = moved
	moved.slot = slot
}

// all returns the chunks as they are now; they do not change any more.
func (s *subscribers) all() [][]*cursor { return slices.Clone(s.chunks) }
