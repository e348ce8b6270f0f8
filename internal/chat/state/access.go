package state

// This file says who may do what in a room, for Apply and for those who read a View alike. docs/chat.md has the table.

// maySee returns why somebody may not see a room; Accepted if they may. now is unix milliseconds.
func maySee(kind RoomKind, m Member, now int64) Refusal {
	switch {
	case kind != Public && m.Role == RoleNone:
		return NoSuchRoom
	case m.BannedAt(now):
		return Banned
	}
	return Accepted
}

// mayPost returns why somebody who may see a room may not post in it; the result of an accepted command without effect if
// they may.
func mayPost(s Settings, m Member, now int64) Result {
	switch {
	case s.ArchiveTime != 0:
		return Result{Refusal: RoomArchived}
	case m.MutedAt(now):
		if m.MuteEnd == 0 {
			return Result{Refusal: Muted}
		}
		return Result{Refusal: Muted, Wait: m.MuteEnd - now}
	case m.Role < s.Posting:
		return Result{Refusal: RoleTooLow}
	}
	return Result{}
}

// opposite returns the other one of two people in a direct room, who may have blocked user; "" where there are more, or which is
// no direct room.
func opposite(people []string, user string) string {
	switch {
	case len(people) != 2:
		return ""
	case people[0] == user:
		return people[1]
	}
	return people[0]
}

// Opposite returns whose block of user keeps user's messages out of the room; "" if nobody's would.
func (r Room) Opposite(user string) string { return opposite(r.People, user) }

// MaySee is what Apply would say to a command that only needs to see the room, if it came at now.
func (r Room) MaySee(m Member, now int64) Refusal { return maySee(r.Settings.Kind, m, now) }

// MayPost is what Apply would say to a message of m, if it came at now, slow mode let it pass and nobody had
// blocked its sender: see Opposite.
func (r Room) MayPost(m Member, now int64) Result {
	if refusal := r.MaySee(m, now); refusal != Accepted {
		return Result{Refusal: refusal}
	}
	return mayPost(r.Settings, m, now)
}

// MutedAt reports whether a member may not post at a time.
func (m Member) MutedAt(now int64) bool { return m.Muted && (m.MuteEnd == 0 || now < m.MuteEnd) }

// BannedAt reports whether somebody may not come in at a time.
func (m Member) BannedAt(now int64) bool { return m.Banned && (m.BanEnd == 0 || now < m.BanEnd) }

// entered is a room with the one who acts in it, as they are when the command takes its place.
type entered struct {
	*room
	actor Member
	now   int64
}

// enter returns the room of a command whose actor must be able to see it.
func (t *transaction) enter(id string, r *Record) (entered, Refusal, error) {
	room, err := t.room(id)
	if err != nil || room == nil {
		return entered{}, NoSuchRoom, err
	}
	in := entered{room: room, now: changeTime(r.Time, room.value.GetUpdateTimeMs())}
	if room.open() {
		return in, Accepted, nil
	}
	if in.actor, err = t.actorIn(room, r); err != nil {
		return entered{}, Accepted, err
	}
	return in, maySee(RoomKind(room.value.GetSettings().GetKind()), in.actor, in.now), nil
}

// open reports that everybody may see a room and post in it, so that nobody needs to be looked up for that.
func (r *room) open() bool {
	s := r.value.GetSettings()
	return RoomKind(s.GetKind()) == Public && s.GetPosting() == 0 && s.GetSlowModeMs() == 0 && s.GetArchiveTimeMs() == 0 &&
		r.value.GetRestricted() == 0
}

// mayPost is [mayPost] for the actor.
func (in entered) mayPost() Result {
	return mayPost(settingsFromValue(in.value.GetSettings()), in.actor, in.now)
}

// enterAs is enter for commands that need a role.
func (t *transaction) enterAs(least Role, id string, r *Record) (entered, Refusal, error) {
	in, refusal, err := t.enter(id, r)
	if err != nil || refusal != Accepted {
		return in, refusal, err
	}
	if in.actor, err = t.actorIn(in.room, r); err != nil {
		return in, Accepted, err
	}
	if in.actor.Role < least {
		return in, RoleTooLow, nil
	}
	return in, Accepted, nil
}

// roleOperator is an operator's in every room: above an owner's. It is nobody's on disk.
const roleOperator = RoleOwner + 1

// actorIn returns what a record's actor is in a room.
func (t *transaction) actorIn(room *room, r *Record) (Member, error) {
	if r.Actor.Operator {
		return Member{Role: roleOperator}, nil
	}
	return t.person(room, r.Actor.ID)
}

// person returns what somebody is in a room.
func (t *transaction) person(room *room, user string) (Member, error) {
	v, err := t.member(memberID{room.id, user})
	if v == nil {
		return Member{}, err
	}
	return memberFromValue(room.id, v), nil
}
