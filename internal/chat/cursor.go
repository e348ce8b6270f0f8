package chat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// cursor is a session's position in a room. There is no queue: what lies between it and the room's head is what the
// session has still to send, read from the room's window or, behind that, from a View.
type cursor struct {
	session *session
	room    *room
	slot    int    // in room.subscribers, and guarded as they are
	last    uint64 // guarded by room.mu; the rev after which its user may not see the room any more; uncapped: there is none

	// Guarded by session.mu.
	begun  bool               // whether pos and what belongs to it are set
	queued bool               // whether it waits for the sender's turn
	gone   bool               // left or replaced: nothing of it is sent any more
	limit  uint64             // the rev at which it ends; uncapped but after a half-close
	cancel context.CancelFunc // ends the wait for a resume position; nil but then

	// Set before begun, and then the sender's alone.
	pos      uint64    // rev of the last event that was taken
	seen     uint64    // a rev that is committed, as a View said; the window may not know it
	snapshot *snapshot // what is to be sent before events; nil: nothing
	presence presenceSent
	signals  uint64 // number of the last signal that was taken
}

// turn is what a cursor contributes to a response.
type turn struct {
	events []*chatv1.Event
	bytes  int
	more   bool // whether it has more to send at once
	over   bool // whether its user may not see the room any more and has got what they might
}

// take returns what comes next, about a turn's worth, and moves the cursor past it. Only the sender calls it. Nothing is
// locked and no View is held when it returns.
func (c *cursor) take(limit uint64) (turn, error) {
	c.room.mu.Lock()
	last := c.last
	if last != uncapped {
		c.room.mu.Unlock()
		return c.takeLast(last)
	}
	if c.snapshot != nil {
		c.room.mu.Unlock()
		return c.takeSnapshot()
	}
	t := c.ephemeraLocked()
	events, bytes := c.room.window.read(c.pos, limit, c.session.service.delivery.TurnBytes)
	committed := max(c.room.window.head, c.seen)
	c.room.mu.Unlock()
	if limit != uncapped {
		committed = limit // as a View said
	}
	if len(events) == 0 && c.pos < committed { // behind the window
		var err error
		if events, bytes, err = c.readBlock(committed); err != nil {
			return turn{}, err
		}
	}
	if n := len(events); n > 0 {
		c.pos = events[n-1].GetRev()
		t.events = append(t.events, events...)
		t.bytes += bytes
	}
	t.more = c.pos < committed
	return t, nil
}

// takeLast returns what comes next where nothing after the rev last may be seen: of a snapshot nothing, and of an event
// whose message has changed since no more than that it was.
func (c *cursor) takeLast(last uint64) (turn, error) {
	var t turn
	if c.snapshot != nil {
		c.snapshot, c.pos = nil, last
	}
	if c.pos < last {
		var err error
		if t.events, t.bytes, err = c.readBlock(last); err != nil {
			return turn{}, err
		}
		c.pos = t.events[len(t.events)-1].GetRev()
		for i, e := range t.events {
			if messageRev(e) > last {
				t.events[i] = &chatv1.Event{Room: e.GetRoom(), Rev: e.GetRev(), Time: e.GetTime()}
			}
		}
	}
	t.more, t.over = c.pos < last, c.pos >= last
	return t, nil
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
func shutOutEvent(room state.RoomID, now time.Time) *chatv1.Event {
	return &chatv1.Event{
		Room: string(room),
		Time: timestamppb.New(now),
		Kind: &chatv1.Event_ShutOut{ShutOut: &chatv1.ShutOut{}},
	}
}

// readBlock reads events from a View, up to limit, until the cursor is back in the window.
func (c *cursor) readBlock(limit uint64) (events []*chatv1.Event, bytes int, err error) {
	v := c.session.service.engine.views.View()
	defer v.Close()
	delivery := &c.session.service.delivery
	block, err := v.Events(c.room.id, c.pos, delivery.BlockEvents, delivery.TurnBytes)
	if err != nil {
		return nil, 0, fmt.Errorf("read events: %w", err)
	}
	if len(block) == 0 {
		return nil, 0, fmt.Errorf("read events: %w", errMissingEvents)
	}
	for _, e := range block {
		p := eventProto(e)
		size := proto.Size(p)
		if e.Rev > limit || len(events) > 0 && bytes+size > delivery.TurnBytes {
			break
		}
		events = append(events, p)
		bytes += size
	}
	return events, bytes, nil
}

var errMissingEvents = errors.New("a committed rev is not in the view")

// ephemeraLocked returns what is not part of the room's history: who is here, and signals. It goes before the events of
// the same turn, since a message ends its sender's typing. The room's mutex is held.
func (c *cursor) ephemeraLocked() turn {
	var t turn
	p, sent := c.room.presence.since(c.presence)
	c.presence = sent
	if p != nil {
		t.events = append(t.events, &chatv1.Event{
			Room: string(c.room.id),
			Time: timestamppb.New(c.session.service.engine.now()),
			Kind: &chatv1.Event_Presence{Presence: p},
		})
	}
	t.events = append(t.events, c.room.signals.after(c.signals, c.session.id, time.Now())...)
	c.signals = c.room.signals.last
	for _, e := range t.events {
		t.bytes += proto.Size(e)
	}
	return t
}

// takeSnapshot sends one part.
func (c *cursor) takeSnapshot() (turn, error) {
	part, err := c.snapshot.next(c.session.service.engine, c.session.service.delivery.ResponseBytes)
	if err != nil {
		return turn{}, err
	}
	if !part.GetSnapshot().GetMore() {
		c.snapshot = nil
	}
	return turn{events: []*chatv1.Event{part}, bytes: proto.Size(part), more: true}, nil
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
	_, ok, err := v.Room(id)
	if err != nil {
		return nil, e.internal("read room", err)
	}
	at := &standing{epoch: v.Epoch(), room: state.Room{ID: id}}
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
