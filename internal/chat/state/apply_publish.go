package state

import (
	"bytes"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// publish appends a message, making the room if there is none, and moves the sender's marker to it.
func (t *transaction) publish(r *Record, c *storev1.Publish) (Result, error) {
	room, err := t.room(c.GetRoom())
	if err != nil {
		return Result{}, err
	}
	id := dedupeID{RoomID(c.GetRoom()), r.Actor.ID, c.GetClientId()}
	if room != nil && id.clientID != "" {
		if first, err := t.first(id); err != nil || first != nil {
			return repeated(first, c.GetBody()), err
		}
	}
	if room == nil {
		if room, err = t.makeRoom(c.GetRoom(), "", r); err != nil {
			return Result{}, err
		}
	}
	return t.post(room, id, r, c)
}

// repeated is the verdict on a publish whose client_id has a first result.
func repeated(first *storev1.DedupeValue, body *storev1.Body) Result {
	if h := first.GetBodyHash(); len(h) > 0 && !bytes.Equal(h, bodyHash(body)) {
		return Result{Refusal: ClientIDReused}
	}
	return Result{Seq: first.GetSeq(), Rev: first.GetRev(), Time: first.GetTimeMs(), Duplicate: true}
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
			BodyHash: bodyHash(c.GetBody()),
		}); err != nil {
			return Result{}, err
		}
	}
	if err := t.putMarker(room, r.Actor.ID, result.Seq); err != nil {
		return Result{}, err
	}
	return result, t.recordMessage(room, Posted, r.Actor, result.Seq, &storev1.MessageValue{
		Sender:       actorToValue(r.Actor),
		CreateTimeMs: result.Time,
		ClientId:     c.GetClientId(),
		Body:         c.GetBody(),
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

// find returns a message and its room, or the refusal that one of them is missing.
func (t *transaction) find(roomID string, seq uint64) (*room, *storev1.MessageValue, Refusal, error) {
	room, err := t.room(roomID)
	if err != nil || room == nil {
		return nil, nil, NoSuchRoom, err
	}
	v, err := t.message(messageID{room.id, seq})
	if err != nil || v == nil {
		return nil, nil, NoSuchMessage, err
	}
	return room, v, Accepted, nil
}
