package chat

import (
	"slices"
	"sync"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Hub is where commits meet sessions: the live rooms, which are those that sessions follow, and the sessions of each
// user. It is made first, since the store wants its [Hub.OnCommit] and a [Service] wants both. Safe for concurrent use.
type Hub struct {
	reached revWaits
	feeds   feeds
	news    userNews
	memory  memory // of the rooms' windows and blocks; its limit is the service's, set before any room is live

	onServerBans func() // ends the streams of those whom a commit shut out of the server; set before any

	mu    sync.RWMutex // guards the maps; taken before the mutex of a room or of a session
	rooms map[state.RoomID]*room
	users map[string][]*session

	shutOuts []state.ShutOut // of the commit whose View is about to be published, for those who attach meanwhile
}

// NewHub returns a hub without rooms.
func NewHub() *Hub {
	h := &Hub{
		rooms: make(map[state.RoomID]*room),
		users: make(map[string][]*session),
	}
	h.news.tell = h.tellUsers
	return h
}

// OnCommit feeds a committed change to the live rooms. The store's committer calls it after it has published the View
// that shows the change, so whatever a room's window holds can no longer vanish. It never blocks and makes nobody's
// response: it says what is new to rooms and users, and others wake the sessions.
func (h *Hub) OnCommit(c *state.Change) {
	h.reached.committed(c)
	if len(c.ShutOuts) > 0 {
		h.endShutOut()
	}
	if c.ServerBans && h.onServerBans != nil {
		h.onServerBans()
	}
	if c.Erased {
		h.forgetWindows()
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	h.noteNamesLocked(c)
	for _, e := range c.Events {
		if r := h.rooms[e.Room]; r != nil {
			r.push(e)
		}
		h.feeds.note(e.Room)
	}
	for _, m := range c.Marks { // behind the messages that moved them, to be sent with those
		h.tellLocked(state.Touch{Room: m.Room, User: m.User}, roomNews{marked: true, feed: !m.Posted, mark: m})
	}
	for _, t := range c.Touches {
		if t.User == "" {
			h.feeds.note(t.Room)
		}
		h.tellLocked(t, roomNews{touched: true})
	}
}

// OnShutOut makes the cursors of those who may not see a room any more end at the last rev they may see. The store's committer
// calls it before it publishes the View that shows what comes after, so that none of them reads it there, nor those who attach
// before it is published: until [Hub.OnCommit] they are told, too. Those who attach afterwards find out by that View.
func (h *Hub) OnShutOut(shutOuts []state.ShutOut) {
	if len(shutOuts) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shutOuts = shutOuts
	for _, o := range shutOuts {
		if r := h.rooms[o.Room]; r != nil {
			r.shutOut(o)
		}
	}
}

// endShutOut says that the View is published.
func (h *Hub) endShutOut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shutOuts = nil
}

// attach registers a cursor with its room, which is live from now on: every commit whose View is not yet published
// reaches its window. It may be about to replace another; nil: none.
func (h *Hub) attach(id state.RoomID, c, old *cursor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[id]
	if r == nil {
		r = newRoom(id, c.session.service)
		h.rooms[id] = r
	}
	c.room = r
	r.attach(c, old, h.shutOuts)
}

// detach takes a cursor out of its room. A room without cursors is forgotten.
func (h *Hub) detach(c *cursor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if empty := c.room.detach(c); empty {
		delete(h.rooms, c.room.id)
	}
}

// live returns a room that somebody follows, or nil.
func (h *Hub) live(id state.RoomID) *room {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.rooms[id]
}

// enter adds a session to its user's, which are told of read markers.
func (h *Hub) enter(s *session, user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users[user] = append(h.users[user], s)
}

// leave takes a session back. A no-op for one that is not there.
func (h *Hub) leave(s *session, user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sessions := h.users[user]
	i := slices.Index(sessions, s)
	switch {
	case i < 0:
	case len(sessions) == 1:
		delete(h.users, user)
	default:
		h.users[user] = slices.Delete(sessions, i, i+1)
	}
}
