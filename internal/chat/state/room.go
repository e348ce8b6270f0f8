package state

import storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"

// room is a room in the applying goroutine.
type room struct {
	id    RoomID
	value *storev1.RoomValue
	dirty bool // changed by the transaction
}

// roomCache holds the rooms used last, in two generations: when the young one is full it becomes the old one, and what
// was in the old one and not used since is forgotten.
type roomCache struct {
	size       int // of a generation
	young, old map[RoomID]*room
}

func (c *roomCache) get(id RoomID) *room {
	if r, ok := c.young[id]; ok {
		return r
	}
	r, ok := c.old[id]
	if !ok {
		return nil
	}
	c.put(r)
	return r
}

func (c *roomCache) put(r *room) {
	if c.young == nil {
		c.young = make(map[RoomID]*room)
	}
	c.young[r.id] = r
}

// evict is called between transactions only, for what one changed must be found again by the same.
func (c *roomCache) evict() {
	if len(c.young) >= c.size {
		c.young, c.old = nil, c.young
	}
}

// room returns a room; nil if it does not exist.
func (t *transaction) room(id string) (*room, error) {
	if r := t.store.rooms.get(RoomID(id)); r != nil {
		return r, nil
	}
	v, err := t.base.room(RoomID(id))
	if v == nil {
		return nil, err
	}
	r := &room{id: RoomID(id), value: v}
	t.store.rooms.put(r)
	return r, nil
}

// makeRoom makes a room with its creator as owner. That has no rev of its own: the first change of the room, which the
// caller makes, stands for both.
func (t *transaction) makeRoom(id string, settings *storev1.Settings, r *Record) (*room, error) {
	created := changeTime(r.Time, 0)
	made := &room{id: RoomID(id), value: &storev1.RoomValue{
		Settings:     settings,
		CreateTimeMs: created,
		Creator:      actorToValue(r.Actor),
		FirstSeq:     1,
	}}
	t.store.rooms.put(made)
	return made, t.putMember(memberID{made.id, r.Actor.ID}, &storev1.MemberValue{
		Actor:        made.value.GetCreator(),
		Role:         uint32(RoleOwner),
		CreateTimeMs: created,
	})
}

// advance takes the room's next rev for a change and returns the result of one, without a seq.
func (t *transaction) advance(r *room, recordTime int64) Result {
	r.value.HeadRev++
	r.value.UpdateTimeMs = changeTime(recordTime, r.value.GetUpdateTimeMs())
	if !r.dirty {
		r.dirty = true
		t.dirtyRooms = append(t.dirtyRooms, r)
	}
	return Result{Rev: r.value.GetHeadRev(), Time: r.value.GetUpdateTimeMs()}
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
