package state

import storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"

// invite lets somebody become a member. Who is one, or invited, stays what they are. It takes no rev.
func (t *transaction) invite(r *Record, c *storev1.Invite) (Result, error) {
	in, refusal, err := t.enterAs(RoleMember, c.GetRoom(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	if RoomKind(in.value.GetSettings().GetKind()) == Direct {
		return Result{Refusal: NotInDirect}, nil
	}
	if in.value.GetSettings().GetArchiveTimeMs() != 0 {
		return Result{Refusal: RoomArchived}, nil
	}
	id := memberID{in.id, c.GetUser()}
	guest, err := t.person(in.room, c.GetUser())
	switch {
	case err != nil || guest.Role != RoleNone:
		return Result{}, err
	case guest.BannedAt(in.now):
		return Result{Refusal: PersonBanned}, nil
	}
	if there, err := t.invitation(id); err != nil || there != nil {
		return Result{}, err
	}
	if blocked, err := t.blocked(c.GetUser(), r.Actor.ID); err != nil || blocked {
		return Result{}, err // which the actor is not told
	}
	return Result{}, t.putInvitation(id, &storev1.InvitationValue{
		By: actorToValue(r.Actor), Role: c.GetRole(), TimeMs: in.now,
	})
}

// uninvite ends an invitation: the actor's own, one that they made, or as a moderator any. One that is not there changes
// nothing.
func (t *transaction) uninvite(r *Record, c *storev1.Uninvite) (Result, error) {
	room, err := t.room(c.GetRoom())
	if err != nil || room == nil {
		return Result{Refusal: NoSuchRoom}, err
	}
	id := memberID{room.id, c.GetUser()}
	invitation, err := t.invitation(id)
	if err != nil {
		return Result{}, err
	}
	if invitation != nil && c.GetUser() == r.Actor.ID {
		return Result{}, t.removeInvitation(id)
	}
	in, refusal, err := t.enterAs(RoleNone, c.GetRoom(), r)
	if err != nil || refusal != Accepted || invitation == nil {
		return Result{Refusal: refusal}, err
	}
	if invitation.GetBy().GetId() != r.Actor.ID && in.actor.Role < RoleModerator {
		return Result{Refusal: RoleTooLow}, nil
	}
	return Result{}, t.removeInvitation(id)
}
