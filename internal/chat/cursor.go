package chat

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// cursor is a session's position in a room. There is no queue: what lies between it and the room's head is what the
// session has still to send, read from the room's window or, behind that, from a View.
type cursor struct {
	session *session
	room    *room
	slot    int    // in room.subscribers, and guarded as they are; noSlot: not there any more
	last    uint64 // guarded by room.mu; the rev after which its user may not see the room any more; uncapped: there is none
	deleted bool   // guarded by room.mu; whether the room was
	doubt   uint64 // guarded by room.mu; the last rev for who is no member, while it is to be found out who is; 0: it is not
	present bool   // guarded by room.mu; whether it counts in presence

	// Guarded by session.mu.
	begun  bool               // whether pos and what belongs to it are set
	queued bool               // whether it waits for the sender's turn
	gone   bool               // left or replaced: nothing of it is sent any more
	limit  uint64             // the rev at which it ends; uncapped but after a half-close
	ended  bool               // whether it is there
	cancel context.CancelFunc // ends the wait for a resume position; nil but then

	// Set before begun, and then the sender's alone.
	pos      uint64    // rev of the last event that was taken
	seen     uint64    // a rev that is committed, as a View said; the window may not know it
	snapshot *snapshot // what is to be sent before events; nil: nothing
	presence presenceSent
	signals  uint64 // number of the last signal that was taken
}

// turn is what a cursor contributes to a response, beside the events.
type turn struct {
	bytes  int                  // of them
	more   bool                 // whether it has more to send at once
	behind bool                 // whether that has to be read from disk, which the asker did not want
	later  bool                 // whether it left something out that is to come, but not at once
	ended  bool                 // whether it has reached its limit
	over   bool                 // whether its user may not see the room any more and has got what they might
	reason chatv1.ShutOutReason // with over
}

// ask says what a cursor may do in its turn.
type ask struct {
	to    *outgoing // where its events go
	limit uint64    // up to which rev
	disk  bool      // whether it may read from disk
	shed  bool      // whether it leaves out what is not part of history: signals for good, presence for later
}

// take returns what comes next, about a turn's worth, and moves the cursor past it. Only the sender calls it. Nothing is
// locked and no View is held when it returns.
//
// From disk it takes no more than what the window knows to be committed, or what its View showed when it joined: so nothing
// that was committed after its user was shut out. A View may show a message in a form that it took on after that, so what was
// read counts only if the cursor would be told that its user is shut out, and was not, once it is read.
func (c *cursor) take(a ask) (turn, error) {
	delivery := &c.session.service.delivery
	t, w := c.look(a)
	if w.left {
		return t, nil
	}
	if w.deleted {
		c.snapshot = nil
		return deletedTurn(), nil
	}
	if w.doubt {
		if !a.disk {
			return turn{behind: true}, nil
		}
		return c.settle()
	}
	if w.last != uncapped {
		return c.takeLast(a, w.last, min(w.committed, w.last))
	}
	if c.snapshot != nil {
		return c.takeSnapshot(a)
	}
	found, bytes, committed := w.events, w.bytes, min(w.committed, a.limit)
	if found == 0 && c.pos < committed { // behind the window
		if !a.disk {
			t.behind = true
			return t, nil
		}
		old, size, err := c.room.readBlocks(c.session.service.engine, c.pos, committed, delivery.TurnBytes)
		switch {
		case errors.Is(err, state.ErrTrimmed):
			return c.beginAnew()
		case errors.Is(err, state.ErrRoomDeleted): // since the look
			return deletedTurn(), nil
		case err != nil:
			return turn{}, err
		case !c.stillMay():
			return turn{more: true}, nil
		}
		a.to.add(old...)
		found, bytes = len(old), size
	}
	c.pos += uint64(found)
	t.bytes += bytes
	t.more = c.pos < committed
	t.ended = c.pos >= a.limit
	return t, nil
}

// inWindow is what a cursor finds in its room's window.
type inWindow struct {
	left      bool   // whether the cursor is not in the room any more; the rest is then not set
	last      uint64 // that its user may see
	deleted   bool   // whether the room was
	doubt     bool   // whether it is to be found out if its user is a member
	committed uint64
	events    int // that it added; none with a last or a doubt, or where a snapshot comes first
	bytes     int // of them
}

// look begins a turn with what is in memory.
func (c *cursor) look(a ask) (t turn, w inWindow) {
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.left = c.slot == noSlot; w.left { // nobody tells it any more what its user may see
		return t, w
	}
	w.last, w.deleted, w.doubt, w.committed = c.last, c.deleted, c.doubt != 0, max(r.window.head, c.seen)
	if w.doubt || w.last != uncapped || c.snapshot != nil {
		return t, w
	}
	if a.shed {
		c.signals = r.signals.last
		t.later = c.presence.version != r.presence.version
	} else {
		t.bytes = c.ephemeraLocked(a.to)
	}
	before := len(a.to.events)
	a.to.events, w.bytes = r.window.read(a.to.events, c.pos, a.limit, c.session.service.delivery.TurnBytes)
	w.events = len(a.to.events) - before
	return t, w
}

// takeLast returns what comes next where nothing after the rev last may be seen: of a snapshot nothing, and of an event
// whose message has changed since no more than that it was. The room may not be there yet, but at committed.
func (c *cursor) takeLast(a ask, last, committed uint64) (turn, error) {
	var t turn
	if c.snapshot != nil {
		c.snapshot, c.pos = nil, last
	}
	if c.pos < committed {
		if !a.disk {
			return turn{behind: true}, nil
		}
		s := c.session.service
		events, bytes, err := c.room.readBlocks(s.engine, c.pos, committed, s.delivery.TurnBytes)
		switch {
		case errors.Is(err, state.ErrTrimmed):
			return turn{over: true}, nil
		case errors.Is(err, state.ErrRoomDeleted):
			return deletedTurn(), nil
		case err != nil:
			return turn{}, err
		}
		c.pos += uint64(len(events))
		for _, e := range events {
			if m := e.message; messageRev(m) > last {
				e = newEvent(&chatv1.Event{Room: m.GetRoom(), Rev: m.GetRev(), Time: m.GetTime()})
			}
			a.to.add(e)
		}
		t.bytes = bytes
	}
	t.more, t.over = c.pos < committed, c.pos >= last
	return t, nil
}

// beginAnew puts a snapshot before what comes, because changes that were to come are not kept any more.
func (c *cursor) beginAnew() (turn, error) {
	e := c.session.service.engine
	at, err := e.standing(c.room.id, c.session.actor.ID)
	switch ok, err := maySee(err); {
	case err != nil:
		return turn{}, err
	case !ok: // which the room was told before a View showed it
		return c.shutOutTurn(), nil
	}
	c.seen = at.room.Head.Rev
	c.reset(at, chatv1.SnapshotReason_SNAPSHOT_REASON_TRIMMED, resetHistory)
	return turn{more: true}, nil
}

// stillMay reports whether the cursor is in the room and its user may see it, without doubt. While it is true, no View that was
// taken before shows what they may not see.
func (c *cursor) stillMay() bool {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	return c.slot != noSlot && c.last == uncapped && c.doubt == 0 && !c.deleted
}

// deletedTurn is the last turn in a room that was deleted.
func deletedTurn() turn {
	return turn{over: true, reason: chatv1.ShutOutReason_SHUT_OUT_REASON_ROOM_DELETED}
}

// shutOutTurn is the last turn of a cursor that has no more to come.
func (c *cursor) shutOutTurn() turn {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	if c.deleted {
		return deletedTurn()
	}
	return turn{over: true}
}

// messageRev returns the rev of the message that an event shows; 0 if it shows none.
func messageRev(e *chatv1.Event) uint64 {
	switch kind := e.GetKind().(type) {
	case *chatv1.Event_Posted:
		return kind.Posted.GetRev()
	case *chatv1.Event_Edited:
		return kind.Edited.GetRev()
	case *chatv1.Event_Deleted:
		return kind.Deleted.GetRev()
	case *chatv1.Event_Reacted:
		return kind.Reacted.GetRev()
	}
	return 0
}

// shutOutEvent is the last of a room for those who may not see it any more.
func shutOutEvent(room state.RoomID, reason chatv1.ShutOutReason, now time.Time) *event {
	return newEvent(&chatv1.Event{
		Room: string(room),
		Time: timestamppb.New(now),
		Kind: &chatv1.Event_ShutOut{ShutOut: &chatv1.ShutOut{Reason: reason}},
	})
}

// ephemeraLocked adds what is not part of the room's history, who is here and signals, and returns its bytes. It goes before the
// events of the same turn, since a message ends its sender's typing. The room's mutex is held.
func (c *cursor) ephemeraLocked(to *outgoing) (bytes int) {
	before := len(to.events)
	p, sent := c.room.presence.since(c.presence, c.room.presenceEvent)
	c.presence = sent
	if p != nil {
		to.add(p)
	}
	to.add(c.room.signals.after(c.signals, c.session.id, time.Now())...)
	c.signals = c.room.signals.last
	for _, e := range to.events[before:] {
		bytes += e.size
	}
	return bytes
}

// takeSnapshot sends one part.
func (c *cursor) takeSnapshot(a ask) (turn, error) {
	if !a.disk {
		return turn{behind: true}, nil
	}
	was := *c.snapshot
	part, err := c.snapshot.next(c.session.service.engine, c.session.service.delivery.ResponseBytes)
	switch {
	case err != nil:
		return turn{}, err
	case !c.stillMay():
		*c.snapshot = was // the part is to come yet if they turn out to be a member
		return turn{more: true}, nil
	case !part.GetSnapshot().GetMore():
		c.snapshot = nil
	}
	e := newEvent(part)
	a.to.add(e)
	return turn{bytes: e.size, more: true}, nil
}

// begin sets the cursor at the start that j asks for, as far as a View shows it. It reports false, and does nothing, for a
// resume position that the View has not reached, unless final. resumed says that events continue exactly there.
func (c *cursor) begin(j *chatv1.Join, at *standing, final bool) (resumed, ok bool) {
	c.seen = at.room.Head.Rev
	switch start := j.GetStart().(type) {
	case *chatv1.Join_History:
		c.reset(at, chatv1.SnapshotReason_SNAPSHOT_REASON_HISTORY, min(start.History, maxHistory))
	case *chatv1.Join_Resume:
		rev := start.Resume.GetRev()
		switch {
		case start.Resume.GetEpoch() != string(at.epoch):
			c.reset(at, chatv1.SnapshotReason_SNAPSHOT_REASON_EPOCH_CHANGED, resetHistory)
		case rev > c.seen && !final:
			return false, false
		case rev > c.seen:
			c.reset(at, chatv1.SnapshotReason_SNAPSHOT_REASON_UNKNOWN_POSITION, resetHistory)
		case rev+1 < at.room.Removal.Rev:
			c.reset(at, chatv1.SnapshotReason_SNAPSHOT_REASON_TRIMMED, resetHistory)
		case c.seen-rev > maxReplay:
			c.reset(at, chatv1.SnapshotReason_SNAPSHOT_REASON_TOO_FAR_BEHIND, resetHistory)
		default:
			c.pos = rev
			return true, true
		}
	default:
		c.reset(at, chatv1.SnapshotReason_SNAPSHOT_REASON_HISTORY, 0)
	}
	return false, true
}

const (
	maxHistory   = 100 // messages of a snapshot that a join may ask for
	resetHistory = 50  // messages of a snapshot that comes instead of a replay
	maxReplay    = 500 // changes that are replayed one by one
)

// reset puts a snapshot before the events after the head of at.
func (c *cursor) reset(at *standing, reason chatv1.SnapshotReason, messages uint32) {
	c.pos = at.room.Head.Rev
	c.snapshot = newSnapshot(at, reason, uint64(messages))
}

// standing is where a room is, read from one View.
type standing struct {
	epoch state.Epoch
	room  state.Room // only its id if it does not exist
	self  state.Member
	read  uint64 // the reader's marker
}

// standing reads where a room is for a user, who may be nobody: one that they may see, or that does not exist.
func (e *engine) standing(id state.RoomID, user string) (*standing, error) {
	v := e.views.View()
	defer v.Close()
	room, ok, err := v.Room(id)
	if err != nil {
		return nil, e.internal("read room", err)
	}
	at := &standing{epoch: v.Epoch(), room: state.Room{ID: id}}
	if room.Deleted != 0 || !ok && id.Reserved() { // who is in direct rooms that there are not yet is nobody's business, either
		return nil, errNoSuchRoom
	}
	if ok {
		if at.room, at.self, err = e.enter(v, id, user); err != nil {
			return nil, err
		}
	}
	if ok && user != "" {
		if at.read, err = v.ReadMarker(id, user); err != nil {
			return nil, e.internal("read marker", err)
		}
	}
	return at, nil
}

// head returns where a room is that a user may see.
func (e *engine) head(id state.RoomID, user string) (state.Head, error) {
	v := e.views.View()
	defer v.Close()
	room, _, err := e.enter(v, id, user)
	return room.Head, err
}
