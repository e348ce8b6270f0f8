package state

import storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"

// room is a room in the applying goroutine.
type room struct {
	id    RoomID
	value *storev1.RoomValue
	dirty bool // changed by the transaction
}

// room returns a room; nil if it does not exist, or not any more.
func (t *transaction) room(id string) (*room, error) {
	r, err := t.everRoom(id)
	if err != nil || r.deleted() {
		return nil, err
	}
	return r, nil
}

// deleted reports whether a room was there once and is no more.
func (r *room) deleted() bool { return r != nil && r.value.GetRemoval().GetDeleteTimeMs() != 0 }

// everRoom returns a room, also one that was deleted; nil if there never was one.
func (t *transaction) everRoom(id string) (*room, error) {
	if r, ok := t.store.rooms.get(RoomID(id)); ok {
		return r, nil
	}
	v, err := t.base.room(RoomID(id))
	if v == nil {
		return nil, err
	}
	r := &room{id: RoomID(id), value: v}
	t.store.rooms.put(r.id, r)
	return r, nil
}

// makeRoom makes a room with its creator as owner. That has no rev of its own: the first change of the room, which the
// caller makes, stands for both.
func (t *transaction) makeRoom(id string, settings *storev1.Settings, r *Record) (*room, error) {
	made := t.newRoom(id, settings, r)
	made.value.Members = 1
	return made, t.putMember(made, &storev1.MemberValue{
		Actor:        made.value.GetCreator(),
		Role:         uint32(RoleOwner),
		CreateTimeMs: made.value.GetCreateTimeMs(),
	})
}

// newRoom makes a room without anybody in it.
func (t *transaction) newRoom(id string, settings *storev1.Settings, r *Record) *room {
	made := &room{id: RoomID(id), value: &storev1.RoomValue{
		Settings:     settings,
		CreateTimeMs: changeTime(r.Time, 0),
		Creator:      actorToValue(r.Actor),
		FirstSeq:     1,
	}}
	t.store.rooms.put(made.id, made)
	return made
}

// advance takes the room's next rev for a change and returns the result of one, without a seq.
func (t *transaction) advance(r *room, recordTime int64) Result {
	r.value.HeadRev++
	r.value.UpdateTimeMs = changeTime(recordTime, r.value.GetUpdateTimeMs())
	t.touch(r)
	return Result{Rev: r.value.GetHeadRev(), Time: r.value.GetUpdateTimeMs()}
}

// touch has a room written whose value changed.
func (t *transaction) touch(r *room) {
	if !r.dirty {
		r.dirty = true
		t.dirtyRooms = append(t.dirtyRooms, r)
	}
}

// changeTime returns the time of a change: never before the room's last, and never 0, which means "not".
func changeTime(record, last int64) int64 { return max(record, last, 1) }

// record writes the change that advance took a rev for, and returns the event that shows it, without its subject.
func (t *transaction) record(r *room, kind ChangeKind, actor Actor, v *storev1.ChangeValue) (*Event, error) {
	event := &Event{
		Room:  r.id,
		Rev:   r.value.GetHeadRev(),
		Kind:  kind,
		Time:  r.value.GetUpdateTimeMs(),
		Actor: actor,
	}
	v.Kind, v.TimeMs, v.Actor = uint32(kind), event.Time, actorToValue(actor)
	t.change.Events = append(t.change.Events, event)
	t.key = appendChangeKey(t.key[:0], changeID{r.id, event.Rev})
	return event, t.set(v)
}
