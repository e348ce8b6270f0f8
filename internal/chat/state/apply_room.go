package state

import storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"

// createRoom makes a room; the change stands for its making and its creator's ownership.
func (t *transaction) createRoom(r *Record, c *storev1.CreateRoom) (Result, error) {
	room, err := t.room(c.GetRoom())
	if err != nil || room != nil {
		return Result{Refusal: RoomExists}, err
	}
	if room, err = t.makeRoom(c.GetRoom(), c.GetTitle(), r); err != nil {
		return Result{}, err
	}
	return t.recordRoom(room, r)
}

// updateRoom changes a room's settings. Unchanged values change nothing.
func (t *transaction) updateRoom(r *Record, c *storev1.UpdateRoom) (Result, error) {
	room, err := t.room(c.GetRoom())
	if err != nil || room == nil {
		return Result{Refusal: NoSuchRoom}, err
	}
	if owner, err := t.isOwner(room, r.Actor); err != nil || !owner {
		return Result{Refusal: NotOwner}, err
	}
	if c.Title == nil || c.GetTitle() == room.value.GetTitle() {
		return Result{}, nil
	}
	room.value.Title = c.GetTitle()
	return t.recordRoom(room, r)
}

// recordRoom takes a rev for the room as it is now.
func (t *transaction) recordRoom(room *room, r *Record) (Result, error) {
	result := t.advance(room, r.Time)
	event, err := t.record(room, RoomChanged, r.Actor, &storev1.ChangeValue{
		Seq:   room.value.GetHeadSeq(),
		Title: room.value.GetTitle(),
	})
	state := roomFromValue(room.id, room.value)
	event.State = &state
	return result, err
}
