package state

import (
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// createRoom makes a room; the change stands for its making and its creator's ownership.
func (t *transaction) createRoom(r *Record, c *storev1.CreateRoom) (Result, error) {
	room, err := t.everRoom(c.GetRoom())
	if err != nil || room != nil || RoomID(c.GetRoom()).Reserved() {
		return Result{Refusal: RoomExists}, err
	}
	settings := c.GetSettings()
	if settings == nil {
		settings = &storev1.Settings{}
	}
	if settings.GetKind() == 0 {
		settings.Kind = uint32(Public)
	}
	if room, err = t.makeRoom(c.GetRoom(), settings, r); err != nil {
		return Result{}, err
	}
	return t.recordRoom(room, r)
}

// updateRoom changes a room's settings. Unchanged values change nothing.
func (t *transaction) updateRoom(r *Record, c *storev1.UpdateRoom) (Result, error) {
	in, refusal, err := t.enterAs(RoleModerator, c.GetRoom(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	if in.actor.Role < RoleOwner && (c.Kind != nil || c.Posting != nil || c.Archived != nil || c.Requests != nil ||
		c.Retention != nil || c.GetClearRetention()) {
		return Result{Refusal: RoleTooLow}, nil
	}
	before := in.value.GetSettings()
	archived := before.GetArchiveTimeMs() != 0
	settings := change(before, c)
	switch {
	case c.Archived == nil || c.GetArchived() == archived:
	case archived:
		settings.ArchiveTimeMs = 0
	default:
		settings.ArchiveTimeMs = in.now
	}
	switch {
	case proto.Equal(settings, before):
		return Result{}, nil
	case settings.GetArchiveTimeMs() != 0 && archived:
		return Result{Refusal: RoomArchived}, nil
	}
	in.value.Settings = settings
	act := &storev1.ActValue{Action: uint32(SettingsChanged)}
	if err := t.auditAs(settingsAction(before, settings), in.room, r, act); err != nil {
		return Result{}, err
	}
	result, err := t.recordRoom(in.room, r)
	if err == nil && settings.GetKind() == uint32(Private) && before.GetKind() != uint32(Private) {
		t.change.ShutOuts = append(t.change.ShutOuts, ShutOut{Room: in.id, Rev: result.Rev, Visitors: true})
	}
	return result, err
}

// change returns settings with what an update sets, but for the archive.
func change(before *storev1.Settings, c *storev1.UpdateRoom) *storev1.Settings {
	settings := proto.CloneOf(before)
	if c.Title != nil {
		settings.Title = c.GetTitle()
	}
	if c.Topic != nil {
		settings.Topic = c.GetTopic()
	}
	if c.SlowModeMs != nil {
		settings.SlowModeMs = c.GetSlowModeMs()
	}
	if c.Kind != nil {
		settings.Kind = c.GetKind()
	}
	if c.Posting != nil {
		settings.Posting = c.GetPosting()
	}
	if c.Requests != nil {
		settings.Requests = c.GetRequests()
	}
	if c.Retention != nil {
		settings.Retention = c.GetRetention()
	}
	if c.GetClearRetention() {
		settings.Retention = nil
	}
	return settings
}

// recordRoom takes a rev for the room as it is now.
func (t *transaction) recordRoom(room *room, r *Record) (Result, error) {
	result := t.advance(room, r.Time)
	event, err := t.record(room, RoomChanged, r.Actor, &storev1.ChangeValue{
		Seq:      room.value.GetHeadSeq(),
		Settings: room.value.GetSettings(),
		Members:  room.value.GetMembers(),
	})
	state := roomFromValue(room.id, room.value)
	state.Asking, state.Removal = 0, Removal{} // which is not for everybody
	event.State = &state
	return result, err
}
