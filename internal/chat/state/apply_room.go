package state

import (
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// createRoom makes a room; the change stands for its making and its creator's ownership.
func (t *transaction) createRoom(r *Record, c *storev1.CreateRoom) (Result, error) {
	room, err := t.room(c.GetRoom())
	if err != nil || room != nil {
		return Result{Refusal: RoomExists}, err
	}
	settings := c.GetSettings()
	if settings == nil {
		settings = &storev1.Settings{}
	}
	if room, err = t.makeRoom(c.GetRoom(), settings, r); err != nil {
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
	if role, err := t.role(room, r.Actor.ID); err != nil || role < RoleModerator {
		return Result{Refusal: RoleTooLow}, err
	}
	settings := proto.CloneOf(room.value.GetSettings())
	if c.Title != nil {
		settings.Title = c.GetTitle()
	}
	if c.Topic != nil {
		settings.Topic = c.GetTopic()
	}
	if c.SlowModeMs != nil {
		settings.SlowModeMs = c.GetSlowModeMs()
	}
	if proto.Equal(settings, room.value.GetSettings()) {
		return Result{}, nil
	}
	room.value.Settings = settings
	return t.recordRoom(room, r)
}

// recordRoom takes a rev for the room as it is now.
func (t *transaction) recordRoom(room *room, r *Record) (Result, error) {
	result := t.advance(room, r.Time)
	event, err := t.record(room, RoomChanged, r.Actor, &storev1.ChangeValue{
		Seq:      room.value.GetHeadSeq(),
		Settings: room.value.GetSettings(),
	})
	state := roomFromValue(room.id, room.value)
	event.State = &state
	return result, err
}
