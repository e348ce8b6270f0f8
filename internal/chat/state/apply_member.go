package state

import (
	"errors"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// addMember makes the actor a member of a room that is public, or that they are invited to or have a link to. Who is one
// already changes nothing.
func (t *transaction) addMember(r *Record, c *storev1.AddMember) (Result, error) {
	room, err := t.room(c.GetRoom())
	if err != nil || room == nil {
		return Result{Refusal: NoSuchRoom}, err
	}
	id := memberID{room.id, r.Actor.ID}
	actor, err := t.person(room, r.Actor.ID)
	if err != nil || actor.Role != RoleNone {
		return Result{}, err
	}
	now := changeTime(r.Time, room.value.GetUpdateTimeMs())
	if c.GetLink() != "" {
		if actor.BannedAt(now) {
			return Result{Refusal: Banned}, nil
		}
		return t.useLink(room, r, c, now)
	}
	invitation, err := t.invitation(id)
	if err != nil {
		return Result{}, err
	}
	if invitation == nil {
		if refusal := maySee(RoomKind(room.value.GetSettings().GetKind()), actor, now); refusal != Accepted {
			return Result{Refusal: refusal}, nil
		}
	}
	if room.value.GetSettings().GetArchiveTimeMs() != 0 {
		return Result{Refusal: RoomArchived}, nil
	}
	if room.full(c) {
		return Result{Refusal: TooManyMembers}, nil
	}
	role := RoleMember
	if invitation != nil {
		role = Role(invitation.GetRole())
	}
	return t.makeMember(room, r, r.Actor, role)
}

// full reports whether a room has as many members as a command says that it may have.
func (r *room) full(c interface{ GetMaxMembers() uint64 }) bool {
	return c.GetMaxMembers() != 0 && r.value.GetMembers() >= c.GetMaxMembers()
}

// makeMember makes somebody a member. A ban that they had has passed; whether they were invited or asked does not matter any
// more.
func (t *transaction) makeMember(room *room, r *Record, who Actor, role Role) (Result, error) {
	id := memberID{room.id, who.ID}
	v, err := t.memberCopy(id, who)
	if err != nil {
		return Result{}, err
	}
	if err := errors.Join(t.removeInvitation(id), t.removeRequest(room, id)); err != nil {
		return Result{}, err
	}
	room.value.Members++
	result := t.advance(room, r.Time)
	v.Actor, v.Role, v.CreateTimeMs, v.Ban = actorToValue(who), uint32(role), result.Time, nil
	return result, t.recordMember(room, MemberChanged, r.Actor, v, v)
}

// removeMember ends a membership: the actor's own, or that of somebody below them. What is already so changes nothing.
func (t *transaction) removeMember(r *Record, c *storev1.RemoveMember) (Result, error) {
	in, refusal, err := t.enter(c.GetRoom(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	if RoomKind(in.value.GetSettings().GetKind()) == Direct {
		return Result{Refusal: NotInDirect}, nil
	}
	if c.GetUser() != r.Actor.ID {
		if in, refusal, err = t.enterAs(RoleModerator, c.GetRoom(), r); err != nil || refusal != Accepted {
			return Result{Refusal: refusal}, err
		}
	}
	before, err := t.memberCopy(memberID{in.id, c.GetUser()}, Actor{ID: c.GetUser()})
	switch {
	case err != nil || before.GetRole() == 0:
		return Result{}, err
	case c.GetUser() != r.Actor.ID && Role(before.GetRole()) >= in.actor.Role:
		return Result{Refusal: RoleTooLow}, nil
	}
	if c.GetUser() != r.Actor.ID {
		if err := t.audit(in.room, r, &storev1.ActValue{Action: uint32(Removed), User: c.GetUser()}); err != nil {
			return Result{}, err
		}
	}
	return t.dismiss(in.room, r, before, proto.CloneOf(before))
}

// dismiss makes somebody who was before no member any more, and after otherwise; who may then not see the room is shut
// out.
func (t *transaction) dismiss(room *room, r *Record, before, after *storev1.MemberValue) (Result, error) {
	if before.GetRole() != 0 {
		room.value.Members--
	}
	after.Role, after.CreateTimeMs = 0, 0
	result := t.advance(room, r.Time)
	shown := proto.CloneOf(before)
	shown.Ban = after.GetBan()
	if err := t.recordMember(room, MemberRemoved, r.Actor, after, shown); err != nil {
		return Result{}, err
	}
	now := memberFromValue(room.id, after)
	if maySee(RoomKind(room.value.GetSettings().GetKind()), now, result.Time) != Accepted {
		t.change.ShutOuts = append(t.change.ShutOuts, ShutOut{
			Room: room.id, Rev: result.Rev, User: now.User.ID, Member: before.GetRole() != 0,
		})
	}
	return result, nil
}

// setRole gives a member another role. An operator makes a member of somebody who is none, so that a room whose owners have
// left gets one.
func (t *transaction) setRole(r *Record, c *storev1.SetRole) (Result, error) {
	in, refusal, err := t.enterAs(RoleOwner, c.GetRoom(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	v, err := t.memberCopy(memberID{in.id, c.GetUser()}, Actor{ID: c.GetUser()})
	switch {
	case err != nil:
		return Result{}, err
	case RoomKind(in.value.GetSettings().GetKind()) == Direct: // where nobody has the role to come here, but an operator
		return Result{Refusal: NotInDirect}, nil
	case v.GetRole() == 0 && !r.Actor.Operator:
		return Result{Refusal: NoSuchMember}, nil
	case v.GetRole() == c.GetRole():
		return Result{}, nil
	}
	act := &storev1.ActValue{Action: uint32(RoleChanged), User: c.GetUser(), Role: c.GetRole()}
	if err := t.audit(in.room, r, act); err != nil {
		return Result{}, err
	}
	if v.GetRole() == 0 {
		who, err := t.known(actorFromValue(v.GetActor()))
		if err != nil {
			return Result{}, err
		}
		return t.makeMember(in.room, r, who, Role(c.GetRole()))
	}
	v.Role = c.GetRole()
	return t.changeMember(in.room, r, v)
}

// changeMember records what somebody has become.
func (t *transaction) changeMember(room *room, r *Record, v *storev1.MemberValue) (Result, error) {
	result := t.advance(room, r.Time)
	return result, t.recordMember(room, MemberChanged, r.Actor, v, v)
}

// recordMember writes what somebody is, and the change that shows it, at the rev that advance took.
func (t *transaction) recordMember(room *room, kind ChangeKind, actor Actor, v, shown *storev1.MemberValue) error {
	if err := t.putMember(room, v); err != nil {
		return err
	}
	event, err := t.record(room, kind, actor, &storev1.ChangeValue{Member: shown})
	member := memberFromValue(room.id, shown)
	event.Member = &member
	return err
}

// memberCopy returns what somebody is in a room, to be changed; a fresh value for one whom the room does not know.
func (t *transaction) memberCopy(id memberID, who Actor) (*storev1.MemberValue, error) {
	v, err := t.member(id)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return &storev1.MemberValue{Actor: actorToValue(who)}, nil
	}
	return proto.CloneOf(v), nil
}

// markRead sets the actor's read marker, also to a lower seq. It takes no rev; others do not see it.
func (t *transaction) markRead(r *Record, c *storev1.MarkRead) (Result, error) {
	in, refusal, err := t.enter(c.GetRoom(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	if c.GetSeq() > in.value.GetHeadSeq() {
		return Result{Refusal: SeqAboveHead}, nil
	}
	marker, err := t.marker(memberID{in.id, r.Actor.ID})
	if err == nil && marker != c.GetSeq() {
		err = t.putMarker(in.room, r.Actor.ID, c.GetSeq(), false)
	}
	return Result{Seq: c.GetSeq()}, err
}
