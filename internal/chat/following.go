package chat

import (
	"slices"
	"strings"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// following is a cursor for each room that a session follows, in the order of their ids. Most sessions follow few rooms, and a
// map is as large for one as for eight.
type following []*cursor

func (f following) search(id state.RoomID) (i int, found bool) {
	return slices.BinarySearchFunc(f, id, func(c *cursor, id state.RoomID) int {
		return strings.Compare(string(c.room.id), string(id))
	})
}

// in returns the cursor in a room; nil if there is none.
func (f following) in(id state.RoomID) *cursor {
	if i, ok := f.search(id); ok {
		return f[i]
	}
	return nil
}

// put adds a cursor and returns the one it takes the place of; nil if there was none.
func (f *following) put(c *cursor) (old *cursor) {
	i, ok := f.search(c.room.id)
	if ok {
		old, (*f)[i] = (*f)[i], c
		return old
	}
	*f = slices.Insert(*f, i, c)
	return nil
}

// remove takes the cursor out of a room.
func (f *following) remove(id state.RoomID) {
	if i, ok := f.search(id); ok {
		*f = slices.Delete(*f, i, i+1)
	}
}
