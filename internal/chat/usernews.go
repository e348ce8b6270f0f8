package chat

import (
	"slices"
	"sync"
	"time"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// userNews is what commits have for users, not for rooms: markers that moved, what they have to do with a room, what they are
// called. A user may have any number of sessions, in many rooms each, so where there are more than [fewSessions] they are told
// together, at most [tellAfter] later, from one goroutine that exists only for that. What comes several times in one room is
// told once.
type userNews struct {
	tell func() // tells it; set before any

	mu      sync.Mutex               // guards all below; a leaf
	rooms   map[state.Touch]roomNews // what has not been told
	noted   map[string]struct{}      // the users of rooms
	telling map[string]struct{}      // the users who are being told
	renamed map[string]struct{}      // users whose rooms have not been told
	waiting bool                     // whether somebody tells, or will
}

// roomNews is what there is for a user about a room.
type roomNews struct {
	marked  bool // whether the user's marker moved, to mark
	feed    bool // whether that is for feeds, too
	touched bool // whether what they have to do with the room may have changed
	mark    state.ReadMark
}

const (
	// tellAfter is how long news waits for more of it.
	tellAfter = 5 * time.Millisecond
	// fewSessions of a user are told by the commit itself: so a marker comes with the message that moved it, in one response.
	fewSessions = 4
)

// noteNamesLocked has those who are here be called what a commit says. The hub's mutex is held for reading.
func (h *Hub) noteNamesLocked(c *state.Change) {
	for _, p := range c.Profiles {
		for _, s := range h.users[p.User] { // their names at once: what they say from now on has them
			if s.rename(p.Profile, c.Results[len(c.Results)-1].Pos) != nil && s.visible {
				h.news.rename(p.User)
			}
		}
	}
}

// tellLocked tells a user about a room, or notes it: also while they are being told, behind which it must come.
func (h *Hub) tellLocked(about state.Touch, news roomNews) {
	sessions := h.users[about.User]
	switch {
	case len(sessions) == 0:
	case len(sessions) > fewSessions || h.news.has(about.User):
		h.news.note(about, news)
	default:
		for _, s := range sessions {
			s.tell(about.Room, news)
		}
	}
}

// has reports whether there is something for a user that they have not been told.
func (n *userNews) has(user string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, noted := n.noted[user]
	_, telling := n.telling[user]
	return noted || telling
}

// note adds what there is for a user about a room.
func (n *userNews) note(about state.Touch, news roomNews) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.rooms == nil {
		n.rooms, n.noted = make(map[state.Touch]roomNews), make(map[string]struct{})
	}
	before := n.rooms[about]
	if !news.marked {
		news.marked, news.mark = before.marked, before.mark
	}
	news.feed, news.touched = news.feed || before.feed, news.touched || before.touched
	n.rooms[about] = news
	n.noted[about.User] = struct{}{}
	n.wakeLocked()
}

// rename says that a user has another name.
func (n *userNews) rename(user string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.renamed == nil {
		n.renamed = make(map[string]struct{})
	}
	n.renamed[user] = struct{}{}
	n.wakeLocked()
}

func (n *userNews) wakeLocked() {
	if !n.waiting {
		n.waiting = true
		time.AfterFunc(tellAfter, n.tell) // ends by itself; touches nothing but memory
	}
}

// take returns what has not been told.
func (n *userNews) take() (rooms map[state.Touch]roomNews, renamed map[string]struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	rooms, renamed = n.rooms, n.renamed
	n.rooms, n.noted, n.telling, n.renamed = nil, nil, n.noted, nil
	return rooms, renamed
}

// told ends a telling. Only now may the next one begin, so that newer markers come after older ones.
func (n *userNews) told() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting, n.telling = false, nil
	if len(n.rooms)+len(n.renamed) > 0 {
		n.wakeLocked()
	}
}

// tellUsers tells sessions what there is for their users.
func (h *Hub) tellUsers() {
	rooms, renamed := h.news.take()
	for user := range renamed {
		for _, s := range h.sessionsOf(user) {
			s.showName()
		}
	}
	for about, news := range rooms {
		for _, s := range h.sessionsOf(about.User) {
			s.tell(about.Room, news)
		}
	}
	h.news.told()
}

// sessionsOf returns the sessions of a user.
func (h *Hub) sessionsOf(user string) []*session {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Clone(h.users[user])
}

// tell tells the session what there is for its user about a room.
func (s *session) tell(room state.RoomID, news roomNews) {
	if news.marked {
		s.marked(news.mark)
	}
	if news.feed || news.touched {
		s.markFeed(room, news.touched)
	}
}

// showName has the rooms that the session is in show its user under the name that is theirs now.
func (s *session) showName() {
	if !s.visible {
		return
	}
	s.mu.Lock()
	rooms := make([]*room, 0, len(s.rooms))
	for _, c := range s.rooms {
		rooms = append(rooms, c.room)
	}
	s.mu.Unlock()
	for _, r := range rooms {
		r.rename(s.user.Load())
	}
}
