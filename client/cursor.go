package client

import (
	"time"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// acceptLocked takes one event of the room off the wire.
func (r *Room) acceptLocked(event *chatv1.Event) {
	r.heard = time.Now()
	if snapshot := event.GetSnapshot(); snapshot != nil {
		r.acceptSnapshotLocked(event, snapshot)
		return
	}
	switch {
	case event.GetShutOut() != nil:
		delete(r.client.rooms, r.id)
		if event.GetShutOut().GetReason() == chatv1.ShutOutReason_SHUT_OUT_REASON_ROOM_DELETED {
			r.endLocked(ErrDeleted)
		} else {
			r.endLocked(ErrShutOut) // what was kept can still be taken
		}
	case event.GetRev() == 0:
		r.acceptEphemeralLocked(event)
	case r.kept.Epoch == "":
		// Of an earlier join of the same room: this one begins with a snapshot.
	case event.GetRev() <= r.kept.Rev:
		// A repetition: the cursor was set back by a join, and what it passes again is here.
	case event.GetRev() == r.kept.Rev+1:
		r.keepLocked(event, Position{r.kept.Epoch, event.GetRev()})
	case !r.behind && r.join == joinDone:
		// A gap. Until the new join takes effect, what else comes of the old one is not contiguous either.
		r.client.config.logger.Warn("gap in events", "room", r.id, "after", r.kept.Rev, "rev", event.GetRev())
		r.join = joinDue
	}
}

// acceptSnapshotLocked puts a snapshot's parts together and keeps it when it is whole.
func (r *Room) acceptSnapshotLocked(event *chatv1.Event, snapshot *chatv1.Snapshot) {
	if !snapshot.GetContinued() {
		r.parts = nil
	}
	r.parts = append(r.parts, snapshot.GetMessages()...)
	if snapshot.GetMore() {
		return
	}
	whole := &chatv1.Event{Room: event.GetRoom(), Rev: event.GetRev(), Time: event.GetTime()}
	whole.Kind = &chatv1.Event_Snapshot{Snapshot: &chatv1.Snapshot{
		Reason:   snapshot.GetReason(),
		Epoch:    snapshot.GetEpoch(),
		Room:     snapshot.GetRoom(),
		Messages: r.parts,
	}}
	r.parts = nil
	r.keepLocked(whole, Position{snapshot.GetEpoch(), event.GetRev()})
}

// keepLocked puts an event with a rev where the consumer finds it. If there is no room, the event and all that follows
// are let go until the consumer has taken enough; then the server repeats them.
func (r *Room) keepLocked(event *chatv1.Event, at Position) {
	if r.behind || !r.inbox.push(event) {
		r.behind = true
		return
	}
	r.kept = at
	switch kind := event.GetKind().(type) {
	case *chatv1.Event_Snapshot:
		r.info, r.stated = proto.CloneOf(kind.Snapshot.GetRoom()), at.Rev
		r.head = min(r.head, at.Rev) // a snapshot is the room's head, also when its revs began anew
	case *chatv1.Event_RoomChanged:
		r.info, r.stated = proto.CloneOf(kind.RoomChanged), at.Rev
	case *chatv1.Event_Posted:
		r.advanceLocked(event)
		r.info.HeadSeq = max(r.info.GetHeadSeq(), kind.Posted.GetSeq())
	case *chatv1.Event_Trimmed:
		r.advanceLocked(event)
		r.info.FirstSeq = max(r.info.GetFirstSeq(), kind.Trimmed.GetFirstSeq())
	default:
		r.advanceLocked(event)
	}
	r.notify()
}

// advanceLocked moves what is known of the room on to an event, which may be one of before the join.
func (r *Room) advanceLocked(event *chatv1.Event) {
	if r.info == nil {
		r.info = &chatv1.Room{Id: r.id}
	}
	if event.GetRev() > r.info.GetHeadRev() {
		r.info.HeadRev, r.info.UpdateTime = event.GetRev(), event.GetTime()
	}
}

// acceptEphemeralLocked takes an event that is not part of the room's history.
func (r *Room) acceptEphemeralLocked(event *chatv1.Event) {
	switch kind := event.GetKind().(type) {
	case *chatv1.Event_Presence:
		r.roster.fold(kind.Presence)
		r.inbox.pushSlot(presenceSlot)
	case *chatv1.Event_Read:
		r.read, r.moved = kind.Read, true
		r.inbox.pushSlot(readSlot)
	default:
		if r.behind || !r.inbox.push(event) {
			return // signals may be lost
		}
	}
	r.notify()
}

// take returns the next event for the consumer, or nil, or why there will be none.
func (r *Room) take() (*chatv1.Event, error) {
	c := r.client
	c.mu.Lock()
	defer c.mu.Unlock()
	event := r.inbox.pop()
	if r.behind && r.inbox.low() {
		r.behind = false
		if r.join != joinDue {
			r.join = joinDue
			c.wakeUp()
		}
	}
	switch {
	case event == nil:
		return nil, r.err
	case event == presenceSlot:
		return &chatv1.Event{Room: r.id, Kind: &chatv1.Event_Presence{Presence: r.roster.presence()}}, nil
	case event == readSlot:
		return &chatv1.Event{Room: r.id, Kind: &chatv1.Event_Read{Read: r.read}}, nil
	case event.GetSnapshot() != nil:
		r.taken = Position{event.GetSnapshot().GetEpoch(), event.GetRev()}
	case event.GetRev() > 0:
		r.taken.Rev = event.GetRev()
	}
	return event, nil
}

// beginLocked prepares the room for a new stream.
func (r *Room) beginLocked() {
	r.join, r.joinID, r.joinAt = joinDue, "", time.Time{}
	r.parts = nil
	if r.mark.requestID != "" { // its answer was lost
		r.mark.requestID, r.mark.due = "", true
	}
	r.typing = typing{}
}

// joinReplyLocked takes the answer to the room's newest join. Its events follow it or came before it.
func (c *Client) joinReplyLocked(r *Room, result *chatv1.JoinResult, err error) {
	switch {
	case err == nil:
		r.join, r.refusals = joinDone, 0
		r.stateLocked(result)
		if result.GetRead() != nil && !r.moved {
			r.read = result.GetRead()
			r.inbox.pushSlot(readSlot)
			r.notify()
		}
		r.noticeJoinedLocked()
	case refusedForNow(err):
		r.join, r.joinAt = joinDue, time.Now().Add(c.config.backoff.delay(r.refusals, err))
		r.refusals++
	default:
		delete(c.rooms, r.id)
		r.endLocked(err)
	}
}

// stateLocked takes what the answer to a join says of the room, which may be from before events that are here already.
func (r *Room) stateLocked(result *chatv1.JoinResult) {
	room := proto.CloneOf(result.GetRoom())
	r.head = room.GetHeadRev()
	if newer := r.kept.Epoch == result.GetEpoch() && r.info.GetHeadRev() > r.head; newer {
		if r.stated > r.head {
			return
		}
		room.HeadRev, room.UpdateTime = r.info.GetHeadRev(), r.info.GetUpdateTime()
		room.HeadSeq, room.FirstSeq = max(room.GetHeadSeq(), r.info.GetHeadSeq()), max(room.GetFirstSeq(), r.info.GetFirstSeq())
	}
	r.info, r.stated = room, r.head
}

// settledLocked reports whether the room has nothing to catch up on, but for its own consumer.
func (r *Room) settledLocked() bool {
	return r.join == joinDone && (r.behind || r.kept.Epoch != "" && r.kept.Rev >= r.head)
}
