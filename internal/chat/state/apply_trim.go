package state

import storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"

// trim takes the oldest messages out of a room, up to one that its retention excludes. One that it does not, or not any more,
// changes nothing: whoever asks may have looked at other settings.
func (t *transaction) trim(r *Record, c *storev1.Trim) (Result, error) {
	room, err := t.room(c.GetRoom())
	if err != nil || room == nil {
		return Result{Refusal: NoSuchRoom}, err
	}
	excluded, err := t.excluded(room, r, c)
	if err != nil || !excluded {
		return Result{}, err
	}
	first := c.GetSeq() + 1
	room.value.FirstSeq = first
	room.removal().Changes = true
	t.removed(room)
	result := t.advance(room, r.Time)
	event, err := t.record(room, Trimmed, r.Actor, &storev1.ChangeValue{Seq: first})
	event.First = first
	return result, err
}

// excluded reports whether a message is there that the room does not keep.
func (t *transaction) excluded(room *room, r *Record, c *storev1.Trim) (bool, error) {
	keep := room.value.GetSettings().GetRetention()
	if keep == nil {
		keep = c.GetOtherwise()
	}
	head := room.value.GetHeadSeq()
	if c.GetSeq() < room.value.GetFirstSeq() || c.GetSeq() > head {
		return false, nil
	}
	if n := keep.GetMessages(); n != 0 && n <= head-c.GetSeq() {
		return true, nil
	}
	if keep.GetAgeMs() <= 0 {
		return false, nil
	}
	v, err := t.message(messageID{room.id, c.GetSeq()})
	if err != nil || v == nil {
		return false, err
	}
	return changeTime(r.Time, room.value.GetUpdateTimeMs())-v.GetCreateTimeMs() >= keep.GetAgeMs(), nil
}

// deleteRoom makes a room a tombstone, which keeps its id. It takes no rev: there is nobody left to see one.
func (t *transaction) deleteRoom(r *Record, c *storev1.DeleteRoom) (Result, error) {
	in, refusal, err := t.enterAs(RoleOwner, c.GetRoom(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	in.value = &storev1.RoomValue{HeadRev: in.value.GetHeadRev(), UpdateTimeMs: in.now}
	in.removal().DeleteTimeMs, in.removal().DeletedBy = in.now, r.Actor.ID
	t.removed(in.room)
	if r.Actor.Operator {
		act := &storev1.OperatorActValue{Action: uint32(RoomRemoved), Room: c.GetRoom()}
		if err := t.auditOperator(r, act); err != nil {
			return Result{}, err
		}
	}
	t.change.ShutOuts = append(t.change.ShutOuts, ShutOut{Room: in.id, Rev: in.value.GetHeadRev(), Deleted: true})
	t.change.Touches = append(t.change.Touches, Touch{Room: in.id})
	return Result{Time: in.now}, nil
}
