package state

import (
	"bytes"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// publish appends a message, making the room if there is none, and moves the sender's marker to it.
func (t *transaction) publish(r *Record, c *storev1.Publish) (Result, error) {
	room, err := t.everRoom(c.GetRoom())
	if err != nil {
		return Result{}, err
	}
	if room.deleted() {
		return Result{Refusal: RoomDeleted}, nil
	}
	id := dedupeID{RoomID(c.GetRoom()), r.Actor.ID, c.GetClientId()}
	if room != nil && id.clientID != "" {
		if first, err := t.first(id); err != nil || first != nil {
			return repeated(first, c), err
		}
	}
	switch {
	case room != nil:
		if result, err := t.admit(r, c); err != nil || result.Refusal != Accepted {
			return result, err
		}
	case RoomID(c.GetRoom()).Reserved(): // as in the direct room of others, whatever is said
		return Result{Refusal: NoSuchRoom}, nil
	}
	answered, refusal, err := t.answered(room, c.GetReplyTo())
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	if room == nil {
		if room, err = t.makeRoom(c.GetRoom(), &storev1.Settings{Kind: uint32(Public)}, r); err != nil {
			return Result{}, err
		}
	}
	result, err := t.post(room, id, r, c)
	if err != nil || answered == nil {
		return result, err
	}
	return result, t.countReply(replyID{room.id, c.GetReplyTo(), result.Seq}, answered, result.Time)
}

// admit says whether the actor may post in a room that is there.
func (t *transaction) admit(r *Record, c *storev1.Publish) (Result, error) {
	in, refusal, err := t.enter(c.GetRoom(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	if result, err := t.mayWrite(in, r.Actor.ID); err != nil || result.Refusal != Accepted {
		return result, err
	}
	return t.slowDown(in, r.Actor.ID)
}

// repeated is the verdict on a publish whose client_id has a first result.
func repeated(first *storev1.DedupeValue, c *storev1.Publish) Result {
	if h := first.GetBodyHash(); len(h) > 0 && !bytes.Equal(h, contentHash(c)) {
		return Result{Refusal: ClientIDReused}
	}
	return Result{Seq: first.GetSeq(), Rev: first.GetRev(), Time: first.GetTimeMs(), Duplicate: true}
}

// answered returns the message that a publish answers; nil for 0, which is none. The room may be nil.
func (t *transaction) answered(room *room, to uint64) (*storev1.MessageValue, Refusal, error) {
	if to == 0 {
		return nil, Accepted, nil
	}
	if room == nil || to < room.value.GetFirstSeq() {
		return nil, NoSuchMessage, nil
	}
	v, err := t.message(messageID{room.id, to})
	if err != nil || v == nil {
		return nil, NoSuchMessage, err
	}
	return v, Accepted, nil
}

// countReply adds a message to the thread of the one that it answers. That takes no rev: the reply's own says it.
func (t *transaction) countReply(id replyID, answered *storev1.MessageValue, at int64) error {
	answered.Replies++
	answered.LastReply, answered.LastReplyTimeMs = id.seq, at
	if err := t.putReply(id); err != nil {
		return err
	}
	return t.putMessage(messageID{id.room, id.to}, answered)
}

// slowDown refuses a message that comes too soon after the sender's last one in a room in slow mode. In other rooms it costs
// nothing.
func (t *transaction) slowDown(in entered, sender string) (Result, error) {
	interval := in.value.GetSettings().GetSlowModeMs()
	if interval <= 0 || in.actor.Role >= RoleModerator {
		return Result{}, nil
	}
	last, err := t.lastPosted(memberID{in.id, sender})
	if wait := last + interval - in.now; err == nil && last != 0 && wait > 0 {
		return Result{Refusal: TooSoon, Wait: wait}, nil
	}
	return Result{}, err
}

// post appends the message of a publish that is no repetition.
func (t *transaction) post(room *room, id dedupeID, r *Record, c *storev1.Publish) (Result, error) {
	room.value.HeadSeq++
	result := t.advance(room, r.Time)
	result.Seq = room.value.GetHeadSeq()
	if id.clientID != "" {
		if err := t.putFirst(id, &storev1.DedupeValue{
			Seq:      result.Seq,
			Rev:      result.Rev,
			TimeMs:   result.Time,
			BodyHash: contentHash(c),
		}); err != nil {
			return Result{}, err
		}
	}
	if err := t.putMarker(room, r.Actor.ID, result.Seq, true); err != nil {
		return Result{}, err
	}
	if room.value.GetSettings().GetSlowModeMs() > 0 {
		if err := t.putPosted(memberID{room.id, r.Actor.ID}, result.Time); err != nil {
			return Result{}, err
		}
	}
	mentions := t.present(c.GetMentions())
	if err := t.setMentions(room.id, result.Seq, r.Actor.ID, nil, mentions); err != nil {
		return Result{}, err
	}
	return result, t.recordMessage(room, Posted, r.Actor, result.Seq, &storev1.MessageValue{
		Sender:       actorToValue(r.Actor),
		CreateTimeMs: result.Time,
		ClientId:     c.GetClientId(),
		Body:         c.GetBody(),
		ReplyTo:      c.GetReplyTo(),
		Mentions:     mentions,
	})
}

// recordMessage writes the new form of a message and the change that made it so, at the rev that advance took.
func (t *transaction) recordMessage(
	room *room, kind ChangeKind, actor Actor, seq uint64, v *storev1.MessageValue,
) error {
	id := messageID{room.id, seq}
	v.Rev = room.value.GetHeadRev()
	if err := t.putMessage(id, v); err != nil {
		return err
	}
	event, err := t.record(room, kind, actor, &storev1.ChangeValue{Seq: seq})
	event.Message = messageFromValue(id, v)
	return err
}

// find returns a message and its room, or the refusal that the actor cannot see one of them.
func (t *transaction) find(roomID string, seq uint64, r *Record) (entered, *storev1.MessageValue, Refusal, error) {
	in, refusal, err := t.enter(roomID, r)
	if err != nil || refusal != Accepted {
		return in, nil, refusal, err
	}
	if seq < in.value.GetFirstSeq() {
		return in, nil, NoSuchMessage, nil
	}
	v, err := t.message(messageID{in.id, seq})
	if err != nil || v == nil {
		return in, nil, NoSuchMessage, err
	}
	return in, v, Accepted, nil
}
