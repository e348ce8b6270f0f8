package chat

import (
	"slices"
	"sync"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// feed is what a session's user has to do with rooms, as far as the session knows it. It holds names only: what is to be sent
// is read from a View when it is sent, so that a slow session gets the latest, once. Its fields belong to the session's mutex.
type feed struct {
	starting bool                  // whether the whole is still being sent
	first    bool                  // whether nothing of it was
	sent     feedPosition          // how much of it was
	rooms    map[state.RoomID]int  // that it has, and the hub tells of: its slot in feeds.rooms
	invited  map[state.RoomID]bool // invitations that it has
	dirty    map[state.RoomID]bool // what changed since; true: perhaps a membership or an invitation
}

// feedPosition is how far the whole of a feed has been sent: the rooms, and then the invitations.
type feedPosition struct {
	room       state.RoomID // the last one
	roomsDone  bool
	invitation state.RoomID // the last one's room
	invited    int          // how many
}

const (
	feedPage   = 100 // rooms of one feed event, or invitations of a whole
	maxInvited = 500 // invitations of a feed; more are not told
	maxCounted = 100 // mentions that are counted
	// feedInterval is the least time between two looks at the rooms whose news is told to feeds.
	feedInterval = time.Second
)

// markFeed has the feed tell of a room that it has, or, if it was touched, that it is to have.
func (s *session) markFeed(room state.RoomID, touched bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feed
	if f == nil || s.closed || s.capped || !touched && !f.has(room) {
		return
	}
	if f.dirty == nil {
		f.dirty = make(map[state.RoomID]bool)
	}
	f.dirty[room] = f.dirty[room] || touched
	if !s.awaitedLocked() {
		s.parkLocked(0)
	}
}

// has reports whether the session knows a room as one of its user's.
func (f *feed) has(room state.RoomID) bool {
	_, has := f.rooms[room]
	return has
}

// pending reports whether there is something to send. A session without a feed has none.
func (f *feed) pending() bool { return f != nil && (f.starting || len(f.dirty) > 0) }

// whole reports whether all that a session begins with has been sent.
func (f *feed) whole() bool { return f == nil || !f.starting }

// takeFeedLocked puts the next part of the feed into a response. The lock is let go while it is read.
func (s *session) takeFeedLocked(out *outgoing) error {
	f := s.feed
	if !f.pending() || out.bytes >= s.service.delivery.ResponseBytes {
		return nil
	}
	r := feedReader{
		session: s, user: s.actor.ID, now: s.service.engine.now(), part: &chatv1.Feed{Reset_: f.starting && f.first},
		space: s.service.delivery.ResponseBytes - out.bytes, whole: f.starting, sent: f.sent,
	}
	if !r.whole {
		for room, touched := range f.dirty {
			if len(r.rooms) == feedPage {
				break
			}
			r.rooms = append(r.rooms, room)
			r.touched = append(r.touched, touched)
			r.had = append(r.had, f.has(room))
			delete(f.dirty, room)
		}
	}
	if err := s.readFeedUnlocked(&r); err != nil {
		return err
	}
	f.settle(&r)
	if e := r.event(); e != nil {
		out.events = append(out.events, e)
		out.bytes += e.size
	}
	return nil
}

func (s *session) readFeedUnlocked(r *feedReader) error {
	s.mu.Unlock()
	defer s.mu.Lock() // also after a panic
	return r.read()
}

// settle remembers what was read.
func (f *feed) settle(r *feedReader) {
	for _, i := range r.part.GetInvitations() {
		if f.invited == nil {
			f.invited = make(map[state.RoomID]bool)
		}
		f.invited[state.RoomID(i.GetRoom().GetId())] = true
	}
	r.part.RemovedInvitations = slices.DeleteFunc(r.part.GetRemovedInvitations(), func(room string) bool {
		had := f.invited[state.RoomID(room)]
		delete(f.invited, state.RoomID(room))
		return !had
	})
	if r.whole {
		f.first, f.sent, f.starting = false, r.sent, r.part.GetMore()
		return
	}
	for i := r.done; i < len(r.rooms); i++ { // there was no space for them
		f.dirty[r.rooms[i]] = f.dirty[r.rooms[i]] || r.touched[i]
	}
}

// feeds are the sessions whose feeds have a room, by room. What is new in rooms is told to them together, at most once each
// [feedInterval], from a goroutine that exists only for that.
type feeds struct {
	mu      sync.Mutex                  // guards all below; taken after Hub.mu and before the mutex of a session
	rooms   map[state.RoomID][]*session // each in the slot that its feed.rooms says
	news    map[state.RoomID]struct{}
	waiting bool // whether a goroutine will tell
	told    time.Time
}

// note says that something is new in a room.
func (f *feeds) note(room state.RoomID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.rooms[room]) == 0 {
		return
	}
	if f.news == nil {
		f.news = make(map[state.RoomID]struct{})
	}
	f.news[room] = struct{}{}
	if !f.waiting {
		f.waiting = true
		time.AfterFunc(feedInterval-time.Since(f.told), f.tell) // ends by itself; touches nothing but memory
	}
}

// tell tells the sessions of one room after the other, so that the committer, which notes, waits for none.
func (f *feeds) tell() {
	f.mu.Lock()
	news := f.news
	f.news, f.waiting, f.told = nil, false, time.Now()
	f.mu.Unlock()
	for room := range news {
		for _, s := range f.sessions(room) {
			s.markFeed(room, false)
		}
	}
}

// sessions returns those whose feeds have a room.
func (f *feeds) sessions(room state.RoomID) []*session {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.rooms[room])
}

// followFeed has the hub tell a session's feed of a room. A no-op for a session that has ended.
func (h *Hub) followFeed(s *session, room state.RoomID) {
	f := &h.feeds
	f.mu.Lock()
	defer f.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.feed.has(room) {
		return
	}
	if s.feed.rooms == nil {
		s.feed.rooms = make(map[state.RoomID]int)
	}
	s.feed.rooms[room] = len(f.rooms[room])
	if f.rooms == nil {
		f.rooms = make(map[state.RoomID][]*session)
	}
	f.rooms[room] = append(f.rooms[room], s)
}

// dropFeed takes a session out of one room.
func (h *Hub) dropFeed(s *session, room state.RoomID) {
	f := &h.feeds
	f.mu.Lock()
	defer f.mu.Unlock()
	s.mu.Lock()
	slot, has := s.feed.rooms[room]
	delete(s.feed.rooms, room)
	s.mu.Unlock()
	if has {
		f.dropLocked(room, slot)
	}
}

// unfollowFeed takes a session that has ended out of all rooms.
func (h *Hub) unfollowFeed(s *session) {
	f := &h.feeds
	f.mu.Lock()
	defer f.mu.Unlock()
	for room, slot := range s.leaveFeed() {
		f.dropLocked(room, slot)
	}
}

// leaveFeed returns the rooms that the feed had, and forgets them.
func (s *session) leaveFeed() map[state.RoomID]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feed == nil {
		return nil
	}
	rooms := s.feed.rooms
	s.feed.rooms = nil
	return rooms
}

// dropLocked takes the session in a slot out of a room; the last one gets its slot.
func (f *feeds) dropLocked(room state.RoomID, slot int) {
	sessions := f.rooms[room]
	last := len(sessions) - 1
	moved := sessions[last]
	sessions[slot], sessions[last] = moved, nil
	if f.rooms[room] = sessions[:last]; last == 0 {
		delete(f.rooms, room)
	}
	if slot == last {
		return
	}
	moved.mu.Lock()
	defer moved.mu.Unlock()
	moved.feed.rooms[room] = slot
}
